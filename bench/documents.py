"""What memory a server needs for documents that are all different: `python -m bench.documents`.

Everything that is made of a document is kept for when it comes again, and all that is kept is bounded: once
that is full, memory stays as it is. The documents run in one process and without HTTP.
"""

import argparse
import asyncio
import gc
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import text

from db.engine import Database, DatabaseSettings
from db.migrate import migrate
from gql.bounds import Limits
from gql.context import Context
from gql.schema import build_schema

FIELDS = (
    "title",
    "slug",
    "body",
    "excerpt",
    "publishedAt",
    "viewCount",
    "attributes",
    "createdAt",
    "updatedAt",
    "version",
    "status",
)
_BELOW = ("author {name bio}", "comments(first: %d) {nodes {body}}", "tags(last: %d) {nodes {name}}")
_ORDERS = tuple(
    f"{{field: {field}, direction: {direction}}}"
    for field in ("PUBLISHED_AT", "CREATED_AT")
    for direction in ("ASC", "DESC")
)
_STATUSES = ("PUBLISHED", "DRAFT", "SCHEDULED", "ARCHIVED")

LIMITS = Limits(tokens=5000, aliases=2000, cost=20_000)
"""What all of them need."""

_ROWS = (
    "INSERT INTO users (username, username_key, email, email_key) VALUES ('ada', 'ada', 'ada', 'ada')",
    """
    INSERT INTO posts (author_id, title, slug, body, status, published_at)
    VALUES (1, 'A title', 'a-title', 'A text', 'PUBLISHED', '2020-01-01 00:00:00.000000')
    """,
)


def document(number: int) -> str:
    """A document like no other: by an alias, by what it selects, by the pages and orders that it asks for."""
    size = 1 + number % 100
    fields = " ".join(field for bit, field in enumerate(FIELDS) if number >> bit & 1) or "id"
    below = _BELOW[number % 3] % (() if number % 3 == 0 else 1 + number // 3 % 100)
    order, status = _ORDERS[number % 4], _STATUSES[number // 4 % 4]
    return (
        f"{{a{number}: posts(first: {size}, orderBy: {order}, filter: {{status: {status}}}) "
        f"{{totalCount nodes {{{fields} {below}}} pageInfo {{endCursor}}}}}}"
    )


def longest(number: int) -> str:
    """One as long as those that are kept may be, which makes the most of it."""
    fields = " ".join(f"b{index}: title" for index in range(1200))
    return f"{{a{number}: posts(first: 1) {{nodes {{{fields}}}}}}}"


def resident() -> float:
    """This process's memory in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def execute(database: Database, documents: int, make: Callable[[int], str]) -> None:
    schema = build_schema(limits=LIMITS)
    for number in range(1, documents + 1):
        context = Context(database)
        result = await schema.execute(make(number), context_value=context)
        await context.close()
        assert not result.errors, result.errors
        if number % max(1, documents // 10) == 0:
            gc.collect()
            print(f"{number:9,} {resident():7.1f} MB", flush=True)


async def run(documents: int, url: str | None, make: Callable[[int], str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = DatabaseSettings(url=url or f"sqlite:///{folder}/documents.db")
        await migrate(settings)
        database = Database(settings)
        if url is None:
            async with database.writing() as session:
                for statement in _ROWS:
                    await session.execute(text(statement))
        print(f"{0:9,} {resident():7.1f} MB")
        await execute(database, documents, make)
        await database.dispose()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.documents", description=__doc__)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument(
        "--database", help="a PostgreSQL to migrate and read; without it an SQLite of its own"
    )
    parser.add_argument("--long", action="store_true", help="documents as long as those that are kept may be")
    given = parser.parse_args()
    asyncio.run(run(given.documents, given.database, longest if given.long else document))


if __name__ == "__main__":
    main()
