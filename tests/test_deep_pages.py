"""A page costs the database the same, however deep it lies: what PostgreSQL reads, and what SQLite does.

A scan that begins at what is public and drops all pages before the cursor shows in no plan, and returns the
same rows. It shows in the buffers that PostgreSQL reads, and in the steps of SQLite's virtual machine.
"""

import base64
import sqlite3
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest
from sqlalchemy import text

from db.enums import Role
from gql.app import create_app
from gql.bounds import Limits
from gql.context import Context
from gql.policy import Viewer
from gql.schema import schema
from gql.settings import Settings
from tests.client import Client
from tests.conftest import NewUrl
from tests.plans import FIRST, SKEWED, plan_of
from tests.sent import Sent, sent
from tests.test_plans import NESTED, PAGES

pytestmark = pytest.mark.anyio

_NUMBERS = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {})"
_AGO = "strftime('%Y-%m-%d %H:%M:%f', 'now', ({}) || ' minutes') || '000'"

# As tests/plans.py has them for PostgreSQL, and fewer. What is put into the texts are numbers of our own.
SKEWED_ON_SQLITE = (
    f"""
    INSERT INTO users (username, username_key, email, email_key, name, created_at)
    {_NUMBERS.format(500)}
    SELECT 'user' || n, 'user' || n, n || '@example.org', n || '@example.org',
        CASE WHEN n % 3 > 0 THEN 'Name ' || (n % 97) END, {_AGO.format("-n")}
    FROM numbers
    """,  # noqa: S608
    f"""
    INSERT INTO tags (name, name_key, slug)
    {_NUMBERS.format(300)} SELECT 'tag ' || n, 'tag ' || n, 'tag-' || n FROM numbers
    """,  # noqa: S608
    f"""
    INSERT INTO posts (author_id, title, slug, body, status, published_at, created_at)
    {_NUMBERS.format(10_000)}
    SELECT CASE WHEN n % 10 < 9 THEN 1 + n % 20 ELSE 21 + n % 400 END, 'Title ' || n, 'post-' || n, 'x',
        CASE n % 25 WHEN 1 THEN 'DRAFT' WHEN 2 THEN 'DRAFT' WHEN 3 THEN 'ARCHIVED' ELSE 'PUBLISHED' END,
        {_AGO.format("CASE WHEN n % 50 = 7 THEN 129600 ELSE 0 END - n")}, {_AGO.format("-n")}
    FROM numbers
    """,  # noqa: S608
    f"""
    INSERT INTO posts (author_id, title, slug, body, created_at)
    {_NUMBERS.format(1_000)}
    SELECT 7, 'Import ' || n, 'import-' || n, 'x', {_AGO.format("-n / 1000.0")} FROM numbers
    """,  # noqa: S608
    """
    INSERT INTO post_tags (post_id, tag_id, post_created_at, post_public_from, post_author_id)
    SELECT id, 1, created_at, public_from, author_id FROM posts WHERE id % 10 < 7
    UNION ALL SELECT id, 2, created_at, public_from, author_id FROM posts WHERE id % 331 = 0
    UNION ALL SELECT id, 3 + id % 290, created_at, public_from, author_id FROM posts
    """,
    f"""
    INSERT INTO comments (post_id, post_public_from, post_author_id, author_id, body, created_at)
    {_NUMBERS.format(12_000)}
    SELECT posts.id, posts.public_from, posts.author_id, 1 + n % 20, 'said', {_AGO.format("-n")}
    FROM numbers JOIN posts ON posts.id = CASE WHEN n % 4 > 0 THEN 29 + (n / 4) % 20 ELSE 100 + n % 9000 END
    """,  # noqa: S608
    "ANALYZE",
)

# Somebody else's, which the importer may not see: they lie between their own drafts and what is public.
HIDDEN = """
    INSERT INTO posts (author_id, title, slug, body)
    SELECT 8, 'Draft of ' || title, 'draft-of-' || slug, 'x' FROM posts WHERE author_id <= 20 AND body <> 'x'
    """

# User 3 has written many posts, a few of which are drafts; the newest posts of user 7 are a heap of drafts.
VIEWERS = {
    "nobody": None,
    "a prolific author": Viewer(3, Role.USER),
    "an importer": Viewer(7, Role.USER),
    "an editor": Viewer(499, Role.EDITOR),
}

BY_PUBLICATION = "orderBy: {field: PUBLISHED_AT, direction: ASC}"
BY_CREATION = "orderBy: {field: CREATED_AT, direction: ASC}"
AUTHOR, TAG = 'author: {username: "user3"}', 'tag: {slug: "tag-1"}'

CONNECTIONS: dict[str, tuple[list[Any], str, str]] = {
    **{name: ([], "", field) for name, (field, _) in PAGES.items()},
    **{name: (parents, kind, field) for name, (parents, kind, field, _) in NESTED.items()},
    "the oldest posts": ([], "", f"posts(PAGE, {BY_PUBLICATION})"),
    "posts by creation, oldest first": ([], "", f"posts(PAGE, {BY_CREATION})"),
    "posts since a year": ([], "", 'posts(PAGE, filter: {publishedAt: {since: "2020-01-01T00:00:00Z"}})'),
    "oldest posts of an author": ([], "", f"posts(PAGE, filter: {{{AUTHOR}}}, {BY_PUBLICATION})"),
    "oldest posts with a tag": ([], "", f"posts(PAGE, filter: {{{TAG}}}, {BY_PUBLICATION})"),
    "drafts, oldest first": ([], "", f"posts(PAGE, filter: {{status: DRAFT}}, {BY_PUBLICATION})"),
    "scheduled posts, oldest first": (
        [],
        "",
        f"posts(PAGE, filter: {{status: SCHEDULED}}, {BY_PUBLICATION})",
    ),
}


class Direction(NamedTuple):
    size: str
    cursor: str
    end: str


DIRECTIONS = {
    "forward": Direction("first", "after", "endCursor"),
    "backward": Direction("last", "before", "startCursor"),
}


@pytest.fixture(
    scope="module", params=["sqlite_databases", "postgresql_databases"], ids=["sqlite", "postgresql"]
)
def url(request: pytest.FixtureRequest) -> str:
    new_url: NewUrl = request.getfixturevalue(request.param)
    return new_url()


@pytest.fixture(scope="module")
async def skewed(url: str) -> AsyncIterator[Client]:
    async with Client(create_app(Settings(database_url=url, statement_seconds=0))) as client:
        async with client.database.writing() as session:
            for statement in (
                *(SKEWED_ON_SQLITE if client.database.is_sqlite else SKEWED),
                HIDDEN,
                "ANALYZE",
            ):
                await session.execute(text(statement))
        if not client.database.is_sqlite:
            # What is left of writing would be tidied up by whoever reads first.
            async with client.database.write_engine.connect() as connection:
                outside = await connection.execution_options(isolation_level="AUTOCOMMIT")
                await outside.execute(text("VACUUM"))
        yield client


class Asked(NamedTuple):
    """A connection as somebody pages through it."""

    client: Client
    viewer: Viewer | None
    parents: list[Any]
    kind: str
    field: str
    direction: Direction

    async def page(self, selection: str, size: int, place: str | None) -> tuple[Any, Sent]:
        """The connection, the first parent's where there are several, and the statement that read it."""
        arguments = f"{self.direction.size}: $size, {self.direction.cursor}: $place"
        part = f"found: {self.field.replace('PAGE', arguments)} {{{selection}}}"
        if self.kind:
            part = f"nodes(ids: $ids) {{... on {self.kind} {{{part}}}}}"
        declared = "$size: Int, $place: String" + (", $ids: [ID!]!" if self.kind else "")
        variables = {"size": size, "place": place, "ids": self.parents}
        context = Context(self.client.database, self.viewer, limits=Limits(page=100_000))
        with sent(self.client.database) as statements:
            result = await schema.execute(f"query ({declared}) {{{part}}}", variables, context_value=context)
        await context.close()
        assert not result.errors, result.errors
        data: Any = result.data
        return (data["nodes"][0] if self.kind else data)["found"], statements[-1]

    async def total(self) -> int:
        found, _ = await self._of_one().page("totalCount", 1, None)
        return int(found["totalCount"])

    async def place(self, depth: int, total: int) -> str:
        """The cursor of the row of this number, looked for from the nearer end."""
        if depth <= total / 2:
            asked, size, end = self._of_one(), depth, self.direction.end
        else:
            other = DIRECTIONS["backward" if self.direction is DIRECTIONS["forward"] else "forward"]
            asked, size, end = self._of_one()._replace(direction=other), total - depth + 1, other.end
        found, _ = await asked.page(f"pageInfo {{{end}}}", size, None)
        return str(found["pageInfo"][end])

    def _of_one(self) -> "Asked":
        return self._replace(parents=self.parents[:1])

    async def cost(self, place: str | None) -> int:
        _, statement = await self.page("nodes {id}", FIRST, place)
        measure = steps if self.client.database.is_sqlite else buffers
        return await measure(self.client, statement)


def is_never(cursor: str) -> bool:
    return b"9999-12-31" in base64.urlsafe_b64decode(f"{cursor}==")


async def buffers(client: Client, statement: Sent) -> int:
    # A first time finds out what later times know of a row, and reads what the planner has to know.
    await plan_of(client.database, statement)
    plan = await plan_of(client.database, statement)
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


async def steps(client: Client, statement: Sent) -> int:
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        return 0

    connection = sqlite3.connect(str(client.database.settings.parsed_url.database))
    connection.set_progress_handler(count, 1)
    connection.execute(statement.sql, tuple(statement.parameters)).fetchall()
    connection.close()
    return counted


# A page behind a cursor may be put together of two ranges, of which the first page has only one; and the
# descent into an index and a page of it more are of no account.
SOME = {True: 500, False: 20}


# Users and tags are the same for all viewers.
CASES = [
    (who, name)
    for name, (_, _, field) in CONNECTIONS.items()
    for who in (VIEWERS if field.startswith(("posts", "comments")) else ["nobody"])
]


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize(("who", "name"), CASES)
async def test_a_deep_page_costs_what_the_first_does(
    skewed: Client, who: str, name: str, direction: str
) -> None:
    asked = Asked(skewed, VIEWERS[who], *CONNECTIONS[name], DIRECTIONS[direction])
    total = await asked.total()
    if total < 3 * FIRST:
        return  # It has no deep pages.
    first = await asked.cost(None)
    # Near the beginning of the newest are the drafts, which lie behind all dates.
    for depth in (max(1, total // 50), total * 9 // 10):
        place = await asked.place(depth, total)
        if skewed.database.is_sqlite and is_never(place):
            # SQLite's range ends with the first column, where that is followed by the id: it reads all that
            # ties with the cursor, and what was never published does.
            continue
        cost = await asked.cost(place)
        assert cost <= 2 * first + SOME[skewed.database.is_sqlite], f"{cost} and not {first} behind {depth}"
