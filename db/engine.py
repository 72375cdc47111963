"""The two lanes to the database: many short reads, and one transaction at a time for each write."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any

import orjson
from pydantic import BaseModel, Field, field_validator
from sqlalchemy import event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
}
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000")


class DatabaseSettings(BaseModel):
    """How to reach the database and with how many connections; the sums are for one process."""

    url: str = Field(
        "sqlite:///gazette.db", description="SQLite (a file) or PostgreSQL, as an SQLAlchemy URL"
    )
    read_connections: int = Field(5, ge=1, description="connections of the read lane")
    write_connections: int = Field(3, ge=1, description="connections of the write lane")
    connection_wait: float = Field(2.0, gt=0, description="seconds to wait for a connection before giving up")

    @field_validator("url")
    @classmethod
    def _driver(cls, value: str) -> str:
        try:
            url = make_url(value)
        except ArgumentError as error:
            raise ValueError("is not a database URL") from error
        name = url.drivername.partition("+")[0]
        if name not in _DRIVERS:
            raise ValueError("has to start with sqlite:/// or postgresql://")
        if name == "sqlite" and url.database in (None, "", ":memory:"):
            raise ValueError("has to name a file: the two lanes would each have a memory of their own")
        return url.set(drivername=_DRIVERS[name]).render_as_string(hide_password=False)

    @property
    def parsed_url(self) -> URL:
        return make_url(self.url)

    @property
    def is_sqlite(self) -> bool:
        return self.parsed_url.get_backend_name() == "sqlite"

    @property
    def safe_url(self) -> str:
        """The URL as it may be shown to people: without its password."""
        return self.parsed_url.render_as_string(hide_password=True)


class DatabaseUnavailableError(Exception):
    """The database did not answer, or no connection became free in time; later it may."""


class ConnectionLostError(DatabaseUnavailableError):
    """A connection that had worked did not any more."""


class ContentionError(DatabaseUnavailableError):
    """Another transaction was in the way: the same one, tried again, may succeed."""


class SecondConnectionError(RuntimeError):
    """A task asked for a connection while it held one, which deadlocks the pool as soon as all do so."""


class _Queue:
    """Waits for connections in order, in front of the pool.

    The pool's own wait ends after a fixed time, also when connections come and go quickly and the process is
    only busy: a burst of requests would fail for nothing. This one gives up when none came back in that time.
    """

    def __init__(self, places: int, patience: float) -> None:
        self._places = asyncio.Semaphore(places)
        self._patience = patience
        self._last_freed = 0.0

    async def __aenter__(self) -> None:
        if not self._places.locked():
            await self._places.acquire()
            return
        started = time.monotonic()
        acquiring = asyncio.ensure_future(self._places.acquire())
        try:
            while not (await asyncio.wait({acquiring}, timeout=self._patience))[0]:
                if time.monotonic() - max(started, self._last_freed) >= self._patience:
                    raise DatabaseUnavailableError("no connection became free in time")
        except BaseException:
            # Cancelled or given up: a place that was granted at the last moment goes to the next.
            if not acquiring.cancel() and not acquiring.cancelled():
                self._places.release()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._last_freed = time.monotonic()
        self._places.release()


_holding: ContextVar[bool] = ContextVar("holding", default=False)


class Database:
    """One object with a read lane and a write lane."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self.settings = settings
        self.is_sqlite = settings.is_sqlite
        # Every read is a statement of its own: BEGIN and ROLLBACK would be two round trips for nothing.
        self.read_engine = self._engine(
            settings.read_connections,
            read_only=True,
            isolation_level="AUTOCOMMIT",
            skip_autocommit_rollback=True,
        )
        self.write_engine = self._engine(settings.write_connections, read_only=False)
        self._read_queue = _Queue(settings.read_connections, settings.connection_wait)
        # SQLite has one writer at a time anyway, and lets others ask again and again until it is their turn.
        writers = 1 if self.is_sqlite else settings.write_connections
        self._write_queue = _Queue(writers, settings.connection_wait)

    def _engine(self, connections: int, *, read_only: bool, **options: Any) -> AsyncEngine:
        if not self.is_sqlite:
            server_settings = {"application_name": "gazette"}
            if read_only:
                server_settings["default_transaction_read_only"] = "on"
                # Whose rows are asked for is not planned for: taken for an average author's few, all of a
                # prolific one's would be collected in a bitmap and sorted, where the index has them in order.
                server_settings["enable_bitmapscan"] = "off"
            options["connect_args"] = {"server_settings": server_settings}
            options["pool_pre_ping"] = not read_only
        engine = create_async_engine(
            self.settings.parsed_url,
            pool_size=connections,
            max_overflow=0,
            # An error that is logged has the statement, and not the addresses and hashes that went with it.
            hide_parameters=True,
            pool_timeout=self.settings.connection_wait,
            # It also reads numbers of any size, as JSON has them, into what it can write again.
            json_deserializer=orjson.loads,
            **options,
        )
        if self.is_sqlite:
            prepare_sqlite(engine, read_only=read_only)
        return engine

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection of the read lane. Nothing but its one statement may be awaited inside."""
        with _one_connection(), _statements(), _connecting():
            async with self._read_queue, self.read_engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """A session in a transaction of the write lane: committed at the end, rolled back on an exception."""
        with _one_connection(), _statements():
            async with (
                self._write_queue,
                AsyncSession(self.write_engine, expire_on_commit=False) as session,
                session.begin(),
            ):
                with _connecting():
                    await session.connection()
                yield session

    async def dispose(self) -> None:
        await self.read_engine.dispose()
        await self.write_engine.dispose()


# PostgreSQL's classes of errors: no connection, no resources, and what an administrator does.
_UNAVAILABLE_STATES = ("08", "53", "57P")
# A serialisation failure, a deadlock, and a lock that did not become free in time.
_CONTENTION_STATES = ("40001", "40P01", "55P03")


@contextmanager
def _connecting() -> Iterator[None]:
    """Around what takes a connection, and not around what others do with it: their files fail likewise."""
    try:
        yield
    except (PoolTimeoutError, OSError) as error:
        raise DatabaseUnavailableError(str(error)) from error


@contextmanager
def _statements() -> Iterator[None]:
    """Tell apart what is no fault of the statement."""
    try:
        yield
    except DBAPIError as error:
        if error.connection_invalidated:
            raise ConnectionLostError(str(error.orig)) from error
        state = str(getattr(error.orig, "sqlstate", None))
        code = _sqlite_code(error)
        if state in _CONTENTION_STATES or code == sqlite3.SQLITE_BUSY:
            raise ContentionError(str(error.orig)) from error
        if state.startswith(_UNAVAILABLE_STATES) or code == sqlite3.SQLITE_CANTOPEN:
            raise DatabaseUnavailableError(str(error.orig)) from error
        raise


def _sqlite_code(error: DBAPIError) -> int | None:
    """The primary code: SQLite's extended ones have it in their lowest byte."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


class _one_connection:  # noqa: N801 # It reads as the statement it makes.
    """A class and not a generator, because a context variable has to be reset in the context that set it."""

    def __enter__(self) -> None:
        if _holding.get():
            raise SecondConnectionError
        self.token = _holding.set(True)

    def __exit__(self, *error: object) -> None:
        _holding.reset(self.token)


def prepare_sqlite(engine: AsyncEngine, *, read_only: bool, foreign_keys: bool = True) -> None:
    """Make SQLite keep its promises: real transactions, durable commits, foreign keys."""

    @event.listens_for(engine.sync_engine, "connect")
    def connect(connection: Any, record: object) -> None:
        # Left to itself the driver sends BEGIN only before a write, and a transaction that has read before
        # overwrites what others committed in between.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            if foreign_keys or not pragma.startswith("foreign_keys"):
                cursor.execute(f"PRAGMA {pragma}")
        if read_only:
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    if not read_only:

        @event.listens_for(engine.sync_engine, "begin")
        def begin(connection: Any) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
