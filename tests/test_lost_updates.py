"""Many who change one row at the same moment: nothing that was told to be done is lost."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import func, select

from db import models
from gql.app import create_app
from gql.relay import to_global_id
from gql.settings import Settings
from tests import factories
from tests.client import Client
from tests.conftest import NewUrl

pytestmark = pytest.mark.anyio

ROUNDS = 20
AT_ONCE = range(10)


@pytest.fixture
def settings(new_url: NewUrl) -> Settings:
    # As many connections as there are writers, so that it is the database that has to keep them apart.
    return Settings(database_url=new_url(), write_connections=len(AT_ONCE))


@pytest.fixture
async def post(client: Client) -> models.Post:
    post = factories.post(factories.user())
    await factories.save(client.database, post)
    return post


@pytest.fixture
async def authors(client: Client, settings: Settings, post: models.Post) -> AsyncIterator[list[Client]]:
    """The author, by two applications on one database: those of one may only wait for each other."""
    async with Client(create_app(settings)) as other:
        both = [await client.viewing(post.author), await other.viewing(post.author)]
        yield both * (len(AT_ONCE) // 2)


async def stored(client: Client, *columns: Any) -> Any:
    """The only post, as the database has it."""
    async with client.database.reading() as connection:
        return (await connection.execute(select(*columns))).one()


async def test_of_those_who_expect_one_version_one_wins(
    client: Client, post: models.Post, authors: list[Client]
) -> None:
    key = to_global_id("Post", post.id)
    for round_ in range(ROUNDS):
        node = await authors[0].data("query ($id: ID!) {node(id: $id) {... on Post {version}}}", {"id": key})
        version = node["node"]["version"]
        assert version == round_ + 1
        payloads = await asyncio.gather(
            *(
                authors[number].mutate(
                    "updatePost",
                    "post {title version}",
                    id=key,
                    title=f"{round_} by {number}",
                    expectedVersion=version,
                )
                for number in AT_ONCE
            )
        )
        winners = [number for number in AT_ONCE if not payloads[number]["userErrors"]]
        assert len(winners) == 1
        # Whoever lost is shown what the winner has written.
        current = {"title": f"{round_} by {winners[0]}", "version": version + 1}
        assert all(payload["post"] == current for payload in payloads)
        losses = [payload["userErrors"] for payload in payloads if payload["userErrors"]]
        assert losses == [[("CONFLICT", "expectedVersion")]] * (len(AT_ONCE) - 1)
    assert tuple(await stored(client, models.Post.version)) == (1 + ROUNDS,)


async def test_every_view_is_counted_and_changes_nothing_else(
    client: Client, post: models.Post, authors: list[Client]
) -> None:
    before = (post.version, post.updated_at, post.public_from)
    for _ in range(ROUNDS):
        payloads = await asyncio.gather(
            *(author.mutate("recordPostView", id=to_global_id("Post", post.id)) for author in authors)
        )
        assert payloads == [{"userErrors": []}] * len(AT_ONCE)
    table = models.Post
    found = await stored(client, table.view_count, table.version, table.updated_at, table.public_from)
    assert tuple(found) == (ROUNDS * len(AT_ONCE), *before)


async def test_changes_of_different_fields_are_both_kept(
    client: Client, post: models.Post, authors: list[Client]
) -> None:
    """Without an expected version: one half of them changes the title only, the other half the body."""
    key = to_global_id("Post", post.id)
    for round_ in range(ROUNDS):
        changes = [
            {"title" if number % 2 else "body": f"round {round_}, change {number}"} for number in AT_ONCE
        ]
        payloads = await asyncio.gather(
            *(authors[number].mutate("updatePost", id=key, **changes[number]) for number in AT_ONCE)
        )
        assert payloads == [{"userErrors": []}] * len(AT_ONCE)
        title, body, version = await stored(client, models.Post.title, models.Post.body, models.Post.version)
        assert {"title": title} in changes
        assert {"body": body} in changes
        assert version == 1 + (round_ + 1) * len(AT_ONCE)


async def test_equal_titles_get_different_slugs(client: Client, authors: list[Client]) -> None:
    for round_ in range(ROUNDS):
        payloads = await asyncio.gather(
            *(
                author.mutate("createPost", "post {slug}", title=f"Title of round {round_}", body="text")
                for author in authors
            )
        )
        assert [payload["userErrors"] for payload in payloads] == [[]] * len(AT_ONCE)
        slugs = {payload["post"]["slug"] for payload in payloads}
        assert len(slugs) == len(AT_ONCE)
        assert f"title-of-round-{round_}" in slugs


async def test_new_tags_are_made_once_whoever_needs_them(client: Client, authors: list[Client]) -> None:
    """Each names them in an order of its own, hence two may wait for each other."""
    for round_ in range(ROUNDS):
        # Two spellings of a name are one tag, and two names may want one slug.
        names = [f"{name} {round_}" for name in ("Python", "C", "C++", "SQL", "Go", "PYTHON")]
        payloads = await asyncio.gather(
            *(
                authors[number].mutate(
                    "createPost",
                    "post {tags {nodes {name}}}",
                    title=f"{round_} {number}",
                    body="text",
                    tags=random.sample(names, len(names)),
                )
                for number in AT_ONCE
            )
        )
        assert [payload["userErrors"] for payload in payloads] == [[]] * len(AT_ONCE)
        tags = [sorted(tag["name"] for tag in payload["post"]["tags"]["nodes"]) for payload in payloads]
        assert tags == [tags[0]] * len(AT_ONCE)
        assert len(tags[0]) == len(names) - 1
    used = select(func.count()).select_from(models.Tag).join(models.Tag.posts).group_by(models.Tag.id)
    async with client.database.reading() as connection:
        uses = (await connection.scalars(used)).all()
    assert list(uses) == [len(AT_ONCE)] * ROUNDS * (len(names) - 1)
