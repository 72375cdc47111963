"""PostgreSQL reads no more rows than a page has, on skewed data and with plans that know no parameters."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import event, text

from db.engine import Database
from gql.app import create_app
from gql.relay import to_global_id
from gql.settings import Settings
from tests.client import Client
from tests.conftest import NewUrl

pytestmark = pytest.mark.anyio

FIRST = 10
HOT = 20

# 20 authors and 20 posts have over 2,000 children each; one tag is on most posts, another on 30.
SKEWED = (
    """
    INSERT INTO users (username, username_key, email, email_key, name, created_at)
    SELECT 'user' || n, 'user' || n, n || '@example.org', n || '@example.org',
        CASE WHEN n % 3 > 0 THEN 'Name ' || n % 97 END, now() - n * interval '1 minute'
    FROM generate_series(1, 5000) AS n
    """,
    """
    INSERT INTO tags (name, name_key, slug)
    SELECT 'tag ' || n, 'tag ' || n, 'tag-' || n FROM generate_series(1, 3000) AS n
    """,
    """
    INSERT INTO posts (author_id, title, slug, body, status, published_at, created_at)
    SELECT CASE WHEN n % 10 < 9 THEN 1 + n % 20 ELSE 21 + n % 4900 END,
        'Title ' || n, 'post-' || n, repeat('x', 500),
        CASE n % 25 WHEN 1 THEN 'DRAFT' WHEN 2 THEN 'DRAFT' WHEN 3 THEN 'ARCHIVED' ELSE 'PUBLISHED' END,
        now() - n * interval '1 minute' + CASE WHEN n % 50 = 7 THEN interval '90 days' ELSE interval '0' END,
        now() - n * interval '1 minute'
    FROM generate_series(1, 50000) AS n
    """,
    """
    INSERT INTO post_tags (post_id, tag_id, post_created_at, post_public_from, post_author_id)
    SELECT id, 1, created_at, public_from, author_id FROM posts WHERE id % 10 < 7
    UNION ALL SELECT id, 2, created_at, public_from, author_id FROM posts WHERE id % 1667 = 0
    UNION ALL SELECT id, 3 + id % 2990, created_at, public_from, author_id FROM posts
    """,
    """
    INSERT INTO comments (post_id, post_public_from, post_author_id, author_id, body, created_at)
    SELECT posts.id, posts.public_from, posts.author_id, 1 + n % 20, 'said', now() - n * interval '1 second'
    FROM generate_series(1, 60000) AS n
    JOIN posts ON posts.id = CASE WHEN n % 4 > 0 THEN 29 + (n / 4) % 20 ELSE 100 + n % 40000 END
    """,
    """
    INSERT INTO comments
        (post_id, post_public_from, post_author_id, author_id, parent_id, body, created_at)
    SELECT post_id, post_public_from, post_author_id, 21 + id % 4000,
        min(id) OVER (PARTITION BY post_id), 'replied', created_at
    FROM comments
    """,
    "ANALYZE",
)


@pytest.fixture(scope="module")
async def skewed(new_postgresql_url: NewUrl) -> AsyncIterator[Client]:
    async with Client(create_app(Settings(database_url=new_postgresql_url()))) as client:
        async with client.database.writing() as session:
            for statement in SKEWED:
                await session.execute(text(statement))
        yield client


@dataclass
class Sent:
    """A statement as it was sent."""

    sql: str
    parameters: Sequence[Any]

    @property
    def parents(self) -> int:
        return next((len(value) for value in self.parameters if isinstance(value, list)), 1)


async def sent_by(client: Client, document: str, variables: dict[str, Any] | None = None) -> list[Sent]:
    sent: list[Sent] = []

    def record(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.append(Sent(statement, list(parameters)))

    engine = client.database.read_engine.sync_engine
    event.listen(engine, "before_cursor_execute", record)
    try:
        await client.data(document, variables)
    finally:
        event.remove(engine, "before_cursor_execute", record)
    return sent


def literal(value: Any) -> str:
    if isinstance(value, list):
        return f"ARRAY[{', '.join(map(literal, value))}]"
    if isinstance(value, str | datetime):
        return "'" + str(value).replace("'", "''") + "'"
    return "NULL" if value is None else str(value)


async def plan_of(database: Database, sent: Sent) -> dict[str, Any]:
    """The generic plan, as it ran."""
    async with database.reading() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        await driver.execute("SET plan_cache_mode = force_generic_plan")
        await driver.execute(f"PREPARE measured AS {sent.sql}")
        values = ", ".join(map(literal, sent.parameters))
        explained = await driver.fetchval(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE measured{f'({values})' if values else ''}"
        )
        await driver.execute("DEALLOCATE measured")
        plan: dict[str, Any] = explained[0]["Plan"]  # SQLAlchemy reads JSON on this connection.
        return plan


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from nodes(inner)


def read_rows(node: dict[str, Any]) -> float:
    """The rows that a scan touched, those that it dropped included."""
    dropped = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float((node["Actual Rows"] + dropped) * node["Actual Loops"])


def check(sent: Sent, plan: dict[str, Any], extra: int) -> None:
    description = f"{sent.sql}\n{json.dumps(plan, indent=1)}"
    for node in nodes(plan):
        assert node["Node Type"] != "Seq Scan", description
        allowed = sent.parents * (FIRST + 2 + extra)
        if "Relation Name" in node or "Index Name" in node:
            assert read_rows(node) <= allowed, description
        if "Sort" in node["Node Type"]:
            # Two ranges of an order with nulls are put together: they are no more than two pages.
            assert node["Actual Rows"] * node["Actual Loops"] <= 2 * allowed, description


HOT_USERS = [to_global_id("User", number) for number in range(1, HOT + 1)]
HOT_POSTS = [to_global_id("Post", number) for number in range(29, HOT + 29)]
POPULAR, RARE = to_global_id("Tag", 1), to_global_id("Tag", 2)
CREATED = "orderBy: {field: CREATED_AT, direction: DESC}"
# Ordered by their creation, posts that are only scheduled lie between the others: 2 % of them.
SCHEDULED = 3

PAGES = {
    "the newest posts": ("posts(PAGE)", 0),
    "posts by creation": (f"posts(PAGE, {CREATED})", SCHEDULED),
    "published posts": ("posts(PAGE, filter: {status: PUBLISHED})", 0),
    "posts of an author": ('posts(PAGE, filter: {author: {username: "user3"}})', 0),
    "posts with a popular tag": ('posts(PAGE, filter: {tag: {slug: "tag-1"}})', 0),
    "posts with a rare tag": ('posts(PAGE, filter: {tag: {slug: "tag-2"}})', 0),
    "users": ("users(PAGE)", 0),
    "users by name": ("users(PAGE, orderBy: {field: NAME, direction: ASC})", 0),
    "users by name, backwards": ("users(PAGE, orderBy: {field: NAME, direction: DESC})", 0),
    "users by username": ("users(PAGE, orderBy: {field: USERNAME, direction: ASC})", 0),
    "tags": ("tags(PAGE)", 0),
}

NESTED = {
    "posts of prolific authors": (HOT_USERS, "User", "posts(PAGE)", 0),
    "their posts by creation": (HOT_USERS, "User", f"posts(PAGE, {CREATED})", SCHEDULED),
    "their comments": (HOT_USERS, "User", "comments(PAGE)", 0),
    "comments of hot posts": (HOT_POSTS, "Post", "comments(PAGE)", 0),
    "tags of posts": (HOT_POSTS, "Post", "tags(PAGE)", 0),
    "posts of a popular tag": ([POPULAR], "Tag", "posts(PAGE)", 0),
    "posts of a rare tag": ([RARE], "Tag", "posts(PAGE)", 0),
    "posts of a popular tag by creation": ([POPULAR], "Tag", f"posts(PAGE, {CREATED})", SCHEDULED),
    "posts of a rare tag by creation": ([RARE], "Tag", f"posts(PAGE, {CREATED})", SCHEDULED),
}


@pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])
@pytest.mark.parametrize("name", PAGES)
async def test_a_page_at_the_root_reads_its_rows_only(skewed: Client, name: str, backward: bool) -> None:
    field, extra = PAGES[name]
    size, cursor, end = ("last", "before", "startCursor") if backward else ("first", "after", "endCursor")
    part = field.replace("PAGE", f"{size}: {FIRST}, {cursor}: $cursor")
    document = f"query ($cursor: String) {{found: {part} {{nodes {{id}} pageInfo {{{end}}}}}}}"
    place = None
    for _ in range(4):
        (sent,) = await sent_by(skewed, document, {"cursor": place})
        check(sent, await plan_of(skewed.database, sent), extra)
        place = (await skewed.data(document, {"cursor": place}))["found"]["pageInfo"][end]


@pytest.mark.parametrize("size", ["first", "last"])
@pytest.mark.parametrize("name", NESTED)
async def test_a_nested_page_reads_its_rows_only(skewed: Client, name: str, size: str) -> None:
    parents, kind, field, extra = NESTED[name]
    part = field.replace("PAGE", f"{size}: {FIRST}")
    document = f"query ($ids: [ID!]!) {{nodes(ids: $ids) {{... on {kind} {{{part} {{nodes {{id}}}}}}}}}}"
    lookup, page = await sent_by(skewed, document, {"ids": parents})
    check(lookup, await plan_of(skewed.database, lookup), extra)
    assert page.parents == len(parents)
    check(page, await plan_of(skewed.database, page), extra)


COMMENTS = "query ($id: ID!) {node(id: $id) {... on Post {comments(first: 20) {nodes {id}}}}}"
REPLIES = "query ($ids: [ID!]!) {nodes(ids: $ids) {... on Comment {replies(first: 10) {nodes {id}}}}}"


async def test_replies_read_their_rows_only(skewed: Client) -> None:
    post = (await skewed.data(COMMENTS, {"id": HOT_POSTS[0]}))["node"]
    said = [comment["id"] for comment in post["comments"]["nodes"]]
    _, page = await sent_by(skewed, REPLIES, {"ids": said})
    assert page.parents == len(said) == 20
    check(page, await plan_of(skewed.database, page), 0)


async def test_a_deep_page_costs_no_more_than_the_first(skewed: Client) -> None:
    document = "query ($after: String) {posts(first: 10, after: $after) {nodes {id} pageInfo {endCursor}}}"
    # The oldest public post is where the backward connection begins.
    oldest = await skewed.data("{posts(last: 30) {pageInfo {startCursor}}}")
    (sent,) = await sent_by(skewed, document, {"after": oldest["posts"]["pageInfo"]["startCursor"]})
    check(sent, await plan_of(skewed.database, sent), 0)
