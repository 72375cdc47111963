"""Rows to which others refer come along with those, where they may."""

import secrets
from typing import Any

import pytest
from sqlalchemy import (
    ARRAY,
    JSON,
    Boolean,
    Date,
    Float,
    Integer,
    Interval,
    LargeBinary,
    Numeric,
    String,
    Text,
    Time,
    Uuid,
)
from sqlalchemy.types import TypeEngine

from db import read
from db.base import Entity
from db.engine import Database
from db.enums import Role
from db.read import Visible
from db.sources import many_to_one
from db.types import UtcDateTime, is_short
from tests import factories
from tests.client import Client
from tests.reads_at_random import Reads, a_few_of_everything, typed

pytestmark = pytest.mark.anyio

SEED = secrets.randbits(32)
READS = 150


@pytest.fixture
async def rows(database: Database) -> dict[type[Entity], list[Any]]:
    return await a_few_of_everything(database)


async def test_they_are_what_a_read_by_their_keys_finds(
    database: Database, rows: dict[type[Entity], list[Any]]
) -> None:
    """And those that they come along with are the same as without them."""
    reads, seen, hidden = Reads(rows, database, SEED), 0, 0
    for _ in range(READS):
        some = reads.any()
        company = some.company
        assert typed(await some.run(read.ALONE)) == typed(await some.run(company)), f"seed {SEED}: {some}"
        for companion in company.companions:
            target = many_to_one(companion.relationship)
            known = company.known.get((target.model, target.key), {})
            keys = [key for key in known if key is not None]
            visible = Visible(companion.visible, company.values)  # type: ignore[arg-type]
            expected = await read.rows_by_key(
                database, target.model, target.key, keys, companion.columns, visible
            )
            assert typed({key: row for key, row in known.items() if row}) == typed(expected), f"seed {SEED}"
            seen, hidden = seen + len(expected), hidden + len(keys) - len(expected)
    assert seen, f"seed {SEED}"
    assert hidden, f"seed {SEED}"


@pytest.fixture
async def thread(client: Client) -> Any:
    """A post with a comment, a reply to it, and a tombstone."""
    author, reader = factories.user(bio="Writes."), factories.user()
    post = factories.post(author)
    comment = factories.comment(post, reader)
    gone = factories.comment(post, None)
    await factories.save(client.database, post, comment, factories.reply(comment, author), gone)
    return post


@pytest.mark.parametrize(
    ("selection", "statements"),
    [
        ("{title}", 1),
        ("{author {username}}", 1),
        ("{author {__typename}}", 1),
        # A text of any length is read once, and not once for each row that refers to it.
        ("{author {bio}}", 2),
        ("{comments {nodes {author {name}}}}", 2),
        ("{comments {nodes {author {name} parent {createdAt version}}}}", 2),
        ("{comments {nodes {parent {body}}}}", 3),
        ("{comments {nodes {post {title}}}}", 2),
        ("{comments {nodes {post {body}}}}", 3),
        ("{comments {nodes {post {excerpt}}}}", 3),
        ("{comments {nodes {post {attributes}}}}", 3),
        # The post is there already, with its author.
        ("{comments {nodes {post {author {name}}}}}", 2),
    ],
)
async def test_they_take_no_statement_of_their_own(
    client: Client, thread: Any, selection: str, statements: int
) -> None:
    document = f"query($slug: String!) {{post(by: {{slug: $slug}}) {selection}}}"
    with client.statements() as sent:
        await client.data(document, {"slug": thread.slug})
    assert len(sent) == statements


async def test_who_is_referred_to_and_who_is_not(client: Client, thread: Any) -> None:
    document = """query($slug: String!) {post(by: {slug: $slug}) {author {username} comments {nodes {
      body author {username} parent {id} post {slug author {username}}}}}}"""
    post = (await client.data(document, {"slug": thread.slug}))["post"]
    comments = post["comments"]["nodes"]
    assert post["author"]["username"] == thread.author.username
    assert [comment["author"] is None for comment in comments].count(True) == 1
    assert [comment["parent"] is None for comment in comments].count(False) == 1
    assert all(comment["post"]["author"] == post["author"] for comment in comments)


async def test_who_comes_along_is_seen_by_those_who_may(client: Client) -> None:
    """Of each hidden post the comments, by what leads to them without it, and from them to the post."""
    author, editor = factories.user(), factories.user(role=Role.EDITOR)
    hidden = [factories.post(author, **kind) for kind in factories.HIDDEN.values()]
    await factories.save(client.database, editor, *(factories.comment(post, author) for post in hidden))
    document = "query($name: String!) {user(by: {username: $name}) {comments {nodes {post {title}}}}}"
    for viewer, count in ((client, 0), (await client.viewing(editor), len(hidden))):
        user = (await viewer.data(document, {"name": author.username}))["user"]
        assert len(user["comments"]["nodes"]) == count


SHORT = (
    *(Boolean(), Date(), Float(), Integer(), Interval(), Numeric(10, 2)),
    *(String(10), Time(), UtcDateTime(), Uuid()),
)


@pytest.mark.parametrize("kind", SHORT, ids=repr)
def test_values_of_these_types_are_short(kind: TypeEngine[Any]) -> None:
    assert is_short(kind)


@pytest.mark.parametrize("kind", [Text(), String(), JSON(), LargeBinary(), ARRAY(Integer)], ids=repr)
def test_values_of_others_may_have_any_length(kind: TypeEngine[Any]) -> None:
    assert not is_short(kind)
