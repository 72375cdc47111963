"""Every connection against the oracle of `worlds`."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from db.engine import Database
from db.models import Comment, Post, Tag, User
from gql.app import create_app
from gql.settings import Settings
from tests import factories
from tests.client import Client
from tests.walker import Walker
from tests.worlds import KINDS, NAMES, WORLDS, Drawn, Question, Rows, at, everything, fill, questions

pytestmark = pytest.mark.anyio

MANY = settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@given(drawn=WORLDS, asked=st.lists(questions(list(KINDS)), min_size=4, max_size=4))
@MANY
async def test_all_pages_together_are_what_the_oracle_says(
    client: Client, drawn: Drawn, asked: list[Question]
) -> None:
    await fill(client.database, drawn)
    rows = await everything(client.database)
    for question in asked:
        walker = Walker(client, question, rows)
        if question.kind.parents and walker.parent is None:
            continue
        while not walker.is_done:
            await walker.next_page()
        assert walker.seen == walker.oracle(rows)
        assert walker.total == len(walker.seen)
        if len(walker.seen) > 1:
            first, last = question.parent % len(walker.seen), question.size % len(walker.seen)
            assert await walker.between(first, last) == walker.seen[first + 1 : last]


@dataclass(frozen=True)
class Change:
    """A row that comes or goes between two pages."""

    is_new: bool
    number: int
    hour: int
    name: str | None


CHANGES = st.lists(
    st.builds(Change, is_new=st.booleans(), number=st.integers(0, 20), hour=st.integers(-3, 0), name=NAMES),
    max_size=6,
)


async def change(database: Database, walker: Walker, made: Change) -> None:
    rows = await everything(database)
    model = {"User": User, "Post": Post, "Comment": Comment}[walker.question.kind.node]
    if made.is_new:
        await insert(database, walker, model, made, rows)
        return
    answered = {comment.parent_id for comment in rows["comments"]}
    # Parents stay, and so does what has replies: the database would refuse to delete it.
    kept = answered | ({walker.parent.id} if walker.parent else set())
    there = [row.id for row in rows[model.__tablename__] if row.id not in kept or model is Post]
    if there:
        async with database.writing() as session:
            await session.execute(delete(model).where(model.id == there[made.number % len(there)]))


async def insert(database: Database, walker: Walker, model: Any, made: Change, rows: Rows) -> None:
    async with database.writing() as session:
        if model is User:
            session.add(factories.user(name=made.name, created_at=at(made.hour)))
        elif model is Post:
            author = rows["users"][made.number % len(rows["users"])].id
            tags = [await session.get_one(Tag, tag.id) for tag in rows["tags"][: made.number % 4]]
            moments = {"published_at": at(made.hour), "created_at": at(made.hour)}
            session.add(factories.post(await session.get_one(User, author), tags=tags, **moments))
        elif walker.parent is not None:
            post = await session.get_one(Post, walker.parent.id)
            session.add(factories.comment(post, created_at=at(made.hour)))


CHANGING = ["all users", "all posts", "a user's posts", "a tag's posts", "a post's comments"]


@given(drawn=WORLDS, question=questions(CHANGING), changes=CHANGES)
@MANY
async def test_no_row_comes_twice_and_none_is_lost_while_others_come_and_go(
    client: Client, drawn: Drawn, question: Question, changes: list[Change]
) -> None:
    await fill(client.database, drawn)
    before = await everything(client.database)
    walker = Walker(client, question, before)
    if question.kind.parents and walker.parent is None:
        return
    left = list(changes)
    while not walker.is_done:
        await walker.next_page()
        if left:
            await change(client.database, walker, left.pop())
    after = walker.oracle(await everything(client.database))
    stayed = set(walker.oracle(before)) & set(after)
    assert len(set(walker.seen)) == len(walker.seen)
    assert stayed <= set(walker.seen)
    # What was seen and is still there was seen in the right order.
    assert [key for key in walker.seen if key in after] == [key for key in after if key in walker.seen]


async def test_a_page_of_each_parent_is_its_own(client: Client) -> None:
    """One LIMIT over all parents would give the first of them everything."""
    users = [factories.user() for _ in range(3)]
    posts = [factories.post(users[number % 3], title=f"{number // 3}") for number in range(12)]
    await factories.save(client.database, *posts)
    data = await client.data(
        "{users {nodes {posts(first: 2) {totalCount nodes {title} pageInfo {hasNextPage}}}}}"
    )
    assert [user["posts"] for user in data["users"]["nodes"]] == [
        {"totalCount": 4, "nodes": [{"title": "3"}, {"title": "2"}], "pageInfo": {"hasNextPage": True}}
    ] * 3


async def test_the_same_field_twice_has_two_pages(client: Client) -> None:
    author = factories.user()
    posts = [factories.post(author, title=str(number)) for number in range(4)]
    await factories.save(client.database, *posts)
    data = await client.data(
        "{users {nodes {first: posts(first: 1) {nodes {title}} last: posts(last: 1) {nodes {title}}"
        " old: posts(first: 1, orderBy: {field: CREATED_AT, direction: ASC}) {nodes {title}}}}}"
    )
    found = data["users"]["nodes"][0]
    assert {name: page["nodes"][0]["title"] for name, page in found.items()} == {
        "first": "3",
        "last": "0",
        "old": "0",
    }


async def test_only_what_is_asked_for_is_read(client: Client) -> None:
    await factories.save(client.database, factories.post(factories.user()))
    with client.statements() as counted:
        await client.data("{posts {totalCount}}")
    assert len(counted) == 1
    assert "count" in counted[0].sql
    with client.statements() as listed:
        await client.data("{posts {nodes {title}}}")
    assert len(listed) == 1
    assert "body" not in listed[0].sql


@pytest.mark.parametrize("end", ["first", "last"])
async def test_the_largest_page_is_a_setting(settings: Settings, end: str) -> None:
    settings = settings.model_copy(update={"page_limit": 120})
    async with Client(create_app(settings)) as client:
        author = factories.user()
        await factories.save(client.database, *(factories.post(author) for _ in range(130)))
        page = (
            f"{{users {{nodes {{posts({end}: 120) {{nodes {{id}}}}}}}} posts({end}: 120) {{nodes {{id}}}}}}"
        )
        data = await client.data(page)
        assert len(data["posts"]["nodes"]) == len(data["users"]["nodes"][0]["posts"]["nodes"]) == 120
        body = await client.execute(page.replace("120", "121"))
    assert {error["message"] for error in body["errors"]} == {f"`{end}` has to be from 1 to 120."}
    assert {error["extensions"]["code"] for error in body["errors"]} == {"BAD_USER_INPUT"}


async def test_what_is_not_asked_for_fits_in_any_page(settings: Settings) -> None:
    """Otherwise a connection without `first` would be refused."""
    with pytest.raises(ValueError, match="greater than or equal to 20"):
        Settings(page_limit=19)
    async with Client(create_app(settings.model_copy(update={"page_limit": 20}))) as client:
        assert await client.data("{posts {nodes {id}}}") == {"posts": {"nodes": []}}
