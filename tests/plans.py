"""Skewed data, and what PostgreSQL's plans for an operation's statements read of it."""

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import MAXYEAR, datetime
from typing import Any

from db.engine import Database
from db.types import NEVER
from gql.policy import Viewer
from tests.acting import data_as
from tests.client import Client
from tests.sent import Sent, sent

FIRST = 10
HOT = 20

# 20 authors and 20 posts have over 2,000 children each; one tag is on most posts, another on 30. The newest
# posts of all are 3,000 drafts of one of the authors, on which the others have commented.
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
    INSERT INTO posts (author_id, title, slug, body)
    SELECT 7, 'Import ' || n, 'import-' || n, 'x' FROM generate_series(1, 3000) AS n
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
    INSERT INTO comments (post_id, post_public_from, post_author_id, author_id, body)
    SELECT id, public_from, author_id, 1 + id % 20, 'suggested' FROM posts WHERE author_id = 7 AND body = 'x'
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


async def sent_by(
    client: Client, document: str, variables: dict[str, Any] | None = None, viewer: Viewer | None = None
) -> list[Sent]:
    with sent(client.database) as found:
        await data_as(viewer, client, document, variables)
    return found


def literal(value: Any) -> str:
    if isinstance(value, list):
        return f"ARRAY[{', '.join(map(literal, value))}]"
    if isinstance(value, datetime) and value.year == MAXYEAR:
        return f"'{NEVER}'"  # As the driver sends it.
    if isinstance(value, str | datetime):
        return "'" + str(value).replace("'", "''") + "'"
    return "NULL" if value is None else str(value)


async def plan_of(database: Database, statement: Sent) -> dict[str, Any]:
    """The generic plan, as it ran."""
    async with database.reading() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        await driver.execute("SET plan_cache_mode = force_generic_plan")
        await driver.execute(f"PREPARE measured AS {statement.sql}")
        values = ", ".join(map(literal, statement.parameters))
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


def check(statement: Sent, plan: dict[str, Any], extra: int) -> None:
    """Each scan reads a page. Two are put together at most: of what is public and what is the viewer's own,
    or of two ranges of an order with nulls."""
    description = f"{statement.sql}\n{json.dumps(plan, indent=1)}"
    allowed = statement.parents * (FIRST + 2 + extra)
    read: dict[str, float] = defaultdict(float)
    for node in nodes(plan):
        assert node["Node Type"] != "Seq Scan", description
        if "Relation Name" in node or "Index Name" in node:
            # What comes along is looked up by its key, for the rows of both.
            is_companion = str(node.get("Index Name")).startswith("pk_")
            assert read_rows(node) <= allowed * (2 if is_companion else 1), description
        if "Relation Name" in node:
            read[node["Relation Name"]] += read_rows(node)
        if "Sort" in node["Node Type"]:
            assert node["Actual Rows"] * node["Actual Loops"] <= 2 * allowed, description
    assert max(read.values(), default=0) <= 2 * allowed, description
