"""The rows of the benchmark, made in the database: the same each time, with the same ids, texts and authors.

2,000 users, 50,000 posts and 200,000 comments are the rows with which servers in other languages are
measured beside this one (bench/peers.py). Other sizes lie in the same span of time, so that everything is in
the past. All posts are published: an answer then has the same posts as that of a server without drafts.
"""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from db.engine import DatabaseSettings
from db.migrate import migrate

MEMBER = 7
"""The user who is logged in where an operation needs one; their session has the id 1."""


@dataclass(frozen=True)
class Size:
    users: int = 2_000
    posts: int = 50_000
    comments: int = 200_000


_BEFORE = (
    # The rows refer to each other rightly; to have that checked takes longer than to make them.
    "SET LOCAL session_replication_role = replica",
    "SELECT setseed(0.42)",
)
_USERS = """
INSERT INTO users
  (id, username, username_key, email, email_key, email_verified_at, name, bio, created_at, updated_at)
SELECT i, 'user' || i, 'user' || i, 'user' || i || '@example.com', 'user' || i || '@example.com', moment,
       'Name ' || substr(md5(i::text), 1, 6) || ' ' || substr(md5((i + 7)::text), 1, 8),
       repeat(md5((i * 3)::text) || ' ', 4), moment, moment
FROM (SELECT i, timestamptz '2023-01-01 00:00:00+00' + i * interval '1 minute' AS moment
      FROM generate_series(1, :users) i) made
"""
# The peers draw a second number for each post, for its status: without it all that follow would be others.
_POSTS = """
INSERT INTO posts (id, author_id, title, slug, body, status, published_at, created_at, updated_at)
SELECT i, author_id, 'Post title ' || i || ' ' || substr(md5(i::text), 1, 16),
       'post-' || i || '-' || substr(md5(i::text), 1, 8), rpad('', 600, md5(i::text) || ' '),
       'PUBLISHED', moment, moment, moment
FROM (SELECT i, 1 + floor(random() * :users)::bigint AS author_id, random() AS unused,
        timestamptz '2024-01-01 00:00:00+00' + i * (interval '500000 minutes' / :posts)
        + random() * 500 * interval '1 millisecond' AS moment
      FROM generate_series(1, :posts) i) made
"""
_COMMENTS = """
INSERT INTO comments
  (id, post_id, post_public_from, post_author_id, author_id, body, created_at, updated_at)
SELECT i, posts.id, posts.public_from, posts.author_id, made.author_id,
       rpad('', 120, md5((i + 11)::text) || ' '), moment, moment
FROM (SELECT i, 1 + (i - 1) * 7919 % :posts AS post_id, 1 + floor(random() * :users)::bigint AS author_id,
        timestamptz '2025-01-01 00:00:00+00' + i * (interval '200000 minutes' / :comments)
        + random() * 500 * interval '1 millisecond' AS moment
      FROM generate_series(1::bigint, :comments) i) made
JOIN posts ON posts.id = made.post_id
ORDER BY i
"""
_SESSION = """
INSERT INTO sessions (id, user_id, user_agent, expires_at)
VALUES (1, :member, 'bench', now() + interval '30 days')
"""


async def fill(url: str, size: Size) -> None:
    """Make the tables of an empty PostgreSQL database, and the rows in them."""
    settings = DatabaseSettings(url=url)
    await migrate(settings)
    engine = create_async_engine(settings.parsed_url)
    numbers = {"users": size.users, "posts": size.posts, "comments": size.comments, "member": MEMBER}
    async with engine.begin() as connection:
        for statement in (*_BEFORE, _USERS, _POSTS, _COMMENTS, _SESSION):
            for name, number in numbers.items():
                # Numbers of our own, which as parameters would be of the wrong type here and there.
                statement = statement.replace(f":{name}", str(number))
            await connection.execute(text(statement.replace(":", r"\:")))
        for table in ("users", "posts", "comments", "sessions"):
            sequence = f"pg_get_serial_sequence('{table}', 'id')"
            await connection.execute(text(f"SELECT setval({sequence}, max(id)) FROM {table}"))  # noqa: S608
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        await connection.execute(text("VACUUM (FREEZE, ANALYZE)"))
    await engine.dispose()
