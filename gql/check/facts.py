"""What `gazette check` looks at besides the settings: the database, Redis, and files."""

import stat
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from db import demo
from db.engine import Database, DatabaseSettings
from db.errors import DatabaseUnavailableError
from db.migrate import head_revision, revision_of
from db.models import User
from gql.settings import Settings
from gql.tokens import now

_PATIENCE = 2  # Seconds for Redis.
_DEVELOPMENT_SECRET = Path(".secret")  # Where the Makefile keeps it.
_MOST_NAMES = 3

_POSTGRESQL = text("""
    SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        AS connections,
      (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS is_superuser,
      current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on'
        AND current_setting('synchronous_commit') <> 'off' AS is_durable
""")


@dataclass(frozen=True)
class Facts:
    """What is not known is None, and no rule says anything of it."""

    is_reachable: bool = True
    is_migrated: bool = True
    demo_users: tuple[str, ...] = ()  # Some of those who have the demo password.
    connections: int | None = None  # That PostgreSQL has for all its users but superusers.
    is_superuser: bool | None = None
    is_durable: bool | None = None
    clock_ahead: timedelta | None = None  # The database's, of ours.
    is_redis_reachable: bool | None = None
    is_file_open: bool | None = None  # Whether everybody on this machine may read SQLite's file.
    development_secret: str | None = None


async def look(settings: Settings) -> Facts:
    facts = await _of_database(settings.database)
    if settings.redis_url:
        facts = replace(facts, is_redis_reachable=await _answers(settings.redis_url))
    return replace(facts, development_secret=_development_secret())


def _development_secret() -> str | None:
    return _DEVELOPMENT_SECRET.read_text("utf-8").strip() if _DEVELOPMENT_SECRET.exists() else None


async def _of_database(settings: DatabaseSettings) -> Facts:
    try:
        is_migrated = await revision_of(settings) == head_revision()
    except DatabaseUnavailableError:
        return Facts(is_reachable=False)
    facts = Facts(is_migrated=is_migrated)
    database = Database(settings)
    try:
        if is_migrated:
            facts = replace(facts, demo_users=await _demo_users(database))
        if database.is_sqlite:
            return replace(facts, is_file_open=_is_open(Path(settings.parsed_url.database or "")))
        async with database.reading() as connection:
            return await _of_postgresql(connection, facts)
    finally:
        await database.dispose()


async def _demo_users(database: Database) -> tuple[str, ...]:
    """By the hash, which is the same for all of them: a password that was changed has another."""
    statement = select(User.username).where(User.password_hash == demo.PASSWORD_HASH).order_by(User.id)
    async with database.reading() as connection:
        return tuple((await connection.scalars(statement.limit(_MOST_NAMES))).all())


async def _of_postgresql(connection: AsyncConnection, facts: Facts) -> Facts:
    found = (await connection.execute(_POSTGRESQL)).one()
    theirs = await connection.scalar(select(func.clock_timestamp()))
    ahead = None if theirs is None else theirs - now()
    return replace(facts, clock_ahead=ahead, **found._mapping)


async def _answers(url: str) -> bool:
    redis = Redis.from_url(url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE)
    try:
        await redis.get("gazette")
    except (RedisError, OSError):
        return False
    finally:
        await redis.aclose()
    return True


def _is_open(file: Path) -> bool:
    return file.exists() and bool(file.stat().st_mode & stat.S_IROTH)
