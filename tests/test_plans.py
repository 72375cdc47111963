"""PostgreSQL reads no more rows than a page has, on skewed data and with plans that know no parameters."""

from collections.abc import AsyncIterator, Iterable

import pytest
from sqlalchemy import text

from db import read
from db.engine import Database
from db.enums import Role
from db.models import Post
from db.read import run as by_the_lane
from gql import policy
from gql.app import create_app
from gql.policy import Viewer
from gql.relay import to_global_id
from gql.settings import Settings
from tests.acting import data_as
from tests.client import Client
from tests.conftest import NewUrl
from tests.plans import FIRST, HOT, SKEWED, check, nodes, plan_of, read_rows, sent_by

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def skewed(postgresql_databases: NewUrl) -> AsyncIterator[Client]:
    async with Client(
        create_app(Settings(database_url=postgresql_databases(), statement_seconds=0))
    ) as client:
        async with client.database.writing() as session:
            for statement in SKEWED:
                await session.execute(text(statement))
        yield client


# User 3 has 2,500 posts, 500 of which are drafts; user 5000 has none.
VIEWERS = {
    "nobody": None,
    "a prolific author": Viewer(3, Role.USER),
    "a reader": Viewer(5000, Role.USER),
    "an editor": Viewer(4999, Role.EDITOR),
}

HOT_USERS = [to_global_id("User", number) for number in range(1, HOT + 1)]
# The others of them have no drafts, or archived posts only: looking for their drafts reads all of these.
DRAFTING = [to_global_id("User", number) for number in range(1, HOT + 1) if number % 5 in (2, 3)]
HOT_POSTS = [to_global_id("Post", number) for number in range(29, HOT + 29)]
POPULAR, RARE = to_global_id("Tag", 1), to_global_id("Tag", 2)
CREATED = "orderBy: {field: CREATED_AT, direction: DESC}"
# Ordered by their creation, posts that are only scheduled lie between the others: 2 % of them.
SCHEDULED = 3
# Archived posts lie between the drafts: a third of them.
ARCHIVED = 8

PAGES = {
    "the newest posts": ("posts(PAGE)", 0),
    "posts by creation": (f"posts(PAGE, {CREATED})", SCHEDULED),
    "published posts": ("posts(PAGE, filter: {status: PUBLISHED})", 0),
    "drafts": ("posts(PAGE, filter: {status: DRAFT})", ARCHIVED),
    "scheduled posts": ("posts(PAGE, filter: {status: SCHEDULED})", 0),
    "drafts of an author": ('posts(PAGE, filter: {author: {username: "user3"}, status: DRAFT})', 0),
    "posts of an author": ('posts(PAGE, filter: {author: {username: "user3"}})', 0),
    "posts of an author with a tag": (
        'posts(PAGE, filter: {author: {username: "user3"}, tag: {slug: "tag-1"}})',
        0,
    ),
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
    "their drafts": (DRAFTING, "User", "posts(PAGE, filter: {status: DRAFT})", ARCHIVED),
    "their comments": (HOT_USERS, "User", "comments(PAGE)", 0),
    "comments of hot posts": (HOT_POSTS, "Post", "comments(PAGE)", 0),
    "tags of posts": (HOT_POSTS, "Post", "tags(PAGE)", 0),
    "posts of a popular tag": ([POPULAR], "Tag", "posts(PAGE)", 0),
    "posts of a rare tag": ([RARE], "Tag", "posts(PAGE)", 0),
    "posts of a popular tag by creation": ([POPULAR], "Tag", f"posts(PAGE, {CREATED})", SCHEDULED),
    "posts of a rare tag by creation": ([RARE], "Tag", f"posts(PAGE, {CREATED})", SCHEDULED),
}


AUTHORS = "id author {name}"


def selections(pages: Iterable[str]) -> list[tuple[str, str]]:
    """Each of the pages by its name, and where its rows have authors once more with these."""
    return [(name, selected) for name in pages for selected in ("id", AUTHORS) if _has(name, selected)]


def _has(name: str, selected: str) -> bool:
    field = PAGES[name][0] if name in PAGES else NESTED[name][2]
    return selected == "id" or field.startswith(("posts", "comments"))


@pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])
@pytest.mark.parametrize(("name", "selected"), selections(PAGES))
@pytest.mark.parametrize("who", VIEWERS)
async def test_a_page_at_the_root_reads_its_rows_only(
    skewed: Client, who: str, name: str, selected: str, backward: bool
) -> None:
    field, extra = PAGES[name]
    viewer = VIEWERS[who]
    size, cursor, end = ("last", "before", "startCursor") if backward else ("first", "after", "endCursor")
    part = field.replace("PAGE", f"{size}: {FIRST}, {cursor}: $cursor")
    document = f"query ($cursor: String) {{found: {part} {{nodes {{{selected}}} pageInfo {{{end}}}}}}}"
    place = None
    for _ in range(4):
        (sent,) = await sent_by(skewed, document, {"cursor": place}, viewer)
        check(sent, await plan_of(skewed.database, sent), extra)
        place = (await data_as(viewer, skewed, document, {"cursor": place}))["found"]["pageInfo"][end]


@pytest.mark.parametrize("size", ["first", "last"])
@pytest.mark.parametrize(("name", "selected"), selections(NESTED))
@pytest.mark.parametrize("who", VIEWERS)
async def test_a_nested_page_reads_its_rows_only(
    skewed: Client, who: str, name: str, selected: str, size: str
) -> None:
    parents, kind, field, extra = NESTED[name]
    viewer = VIEWERS[who]
    part = field.replace("PAGE", f"{size}: {FIRST}")
    document = (
        f"query ($ids: [ID!]!) {{nodes(ids: $ids) {{... on {kind} {{{part} {{nodes {{{selected}}}}}}}}}}}"
    )
    lookup, page = await sent_by(skewed, document, {"ids": parents}, viewer)
    check(lookup, await plan_of(skewed.database, lookup), extra)
    assert page.parents == len(parents)
    check(page, await plan_of(skewed.database, page), extra)


@pytest.mark.parametrize("who", VIEWERS)
async def test_a_page_longer_than_most_lists_reads_its_rows_only(skewed: Client, who: str) -> None:
    """What is best for an author with ten posts is not for one with thousands."""
    document = "query ($ids: [ID!]!) {nodes(ids: $ids) {... on User {posts(first: 100) {nodes {id}}}}}"
    _, page = await sent_by(skewed, document, {"ids": HOT_USERS}, VIEWERS[who])
    check(page, await plan_of(skewed.database, page), 100 - FIRST)


async def test_a_lookup_of_one_row_is_not_planned_anew_each_time(
    skewed: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "run", by_the_lane)  # And by that alone, also where all is read both ways.
    database = Database(skewed.database.settings.model_copy(update={"read_connections": 1}))
    try:
        for key in range(30):
            await read.rows_by_key(database, Post, "id", [key], ("id", "slug"), policy.visible(Post, None))
        plans = """SELECT custom_plans, generic_plans
            FROM pg_prepared_statements WHERE statement ~ '^SELECT posts'"""
        async with database.reading() as same:
            custom, generic = (await same.execute(text(plans))).one()
    finally:
        await database.dispose()
    # PostgreSQL tries five before it compares.
    assert (custom, generic) == (5, 25)


# The most posts that each may find hidden: a prolific author's own are those that have to be looked at.
OWN = {"nobody": 0, "a reader": 0, "a prolific author": 2500}


@pytest.mark.parametrize("order", ["PUBLISHED_AT", "CREATED_AT"])
@pytest.mark.parametrize("status", ["DRAFT", "SCHEDULED", "ARCHIVED"])
@pytest.mark.parametrize("who", OWN)
async def test_what_is_hidden_is_looked_for_among_the_viewers_own_only(
    skewed: Client, who: str, status: str, order: str
) -> None:
    arguments = f"filter: {{status: {status}}}, orderBy: {{field: {order}, direction: DESC}}"
    posts = f"posts({arguments}) {{totalCount nodes {{id}}}}"
    for part in ("POSTS", 'tag(by: {slug: "tag-1"}) {POSTS}', 'user(by: {username: "user4"}) {POSTS}'):
        for sent in await sent_by(skewed, "{" + part.replace("POSTS", posts) + "}", viewer=VIEWERS[who]):
            plan = await plan_of(skewed.database, sent)
            scans = [node for node in nodes(plan) if node.get("Relation Name") in ("posts", "post_tags")]
            assert all(read_rows(scan) <= OWN[who] for scan in scans), sent.sql
            # To whom nothing hidden can be shown, nothing is searched.
            assert who != "nobody" or scans == []


COMMENTS = "query ($id: ID!) {node(id: $id) {... on Post {comments(first: 20) {nodes {id}}}}}"
REPLIES = "query ($ids: [ID!]!) {nodes(ids: $ids) {... on Comment {replies(first: 10) {nodes {id}}}}}"


@pytest.mark.parametrize("who", VIEWERS)
async def test_replies_read_their_rows_only(skewed: Client, who: str) -> None:
    viewer = VIEWERS[who]
    post = (await skewed.data(COMMENTS, {"id": HOT_POSTS[0]}))["node"]
    said = [comment["id"] for comment in post["comments"]["nodes"]]
    _, page = await sent_by(skewed, REPLIES, {"ids": said}, viewer)
    assert page.parents == len(said) == 20
    check(page, await plan_of(skewed.database, page), 0)


@pytest.mark.parametrize("who", VIEWERS)
async def test_a_deep_page_costs_no_more_than_the_first(skewed: Client, who: str) -> None:
    viewer = VIEWERS[who]
    document = "query ($after: String) {posts(first: 10, after: $after) {nodes {id} pageInfo {endCursor}}}"
    # The oldest public post is where the backward connection begins.
    oldest = await data_as(viewer, skewed, "{posts(last: 30) {pageInfo {startCursor}}}")
    (sent,) = await sent_by(skewed, document, {"after": oldest["posts"]["pageInfo"]["startCursor"]}, viewer)
    check(sent, await plan_of(skewed.database, sent), 0)
