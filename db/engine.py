"""The two lanes to the database: many short reads, and one transaction at a time for each write."""

import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import orjson
from pydantic import BaseModel, Field, field_validator
from sqlalchemy import event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from db.errors import connecting, statements
from db.lane import Lane
from db.postgresql import beginning, direct, pooled, session_settings, set_in_transactions
from db.transactions import Session, WriteLane
from db.waiting import Queue, one_connection

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
}
# Of its virtual machine, between two looks at the clock: less than a millisecond.
_SQLITE_STEPS = 10_000
_DEADLINE = "deadline"
_AUTOCOMMIT = {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True}
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000")


class DatabaseSettings(BaseModel):
    """How to reach the database and with how many connections; the sums are for one process."""

    url: str = Field(
        "sqlite:///gazette.db", description="SQLite (a file) or PostgreSQL, as an SQLAlchemy URL"
    )
    read_connections: int = Field(5, ge=1, description="connections of the read lane")
    write_connections: int = Field(3, ge=1, description="connections of the write lane")
    connection_wait: float = Field(2.0, gt=0, description="seconds to wait for a connection before giving up")
    pgbouncer: bool = Field(
        default=False, description="whether PostgreSQL is behind PgBouncer in transaction mode"
    )

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
        if "sslmode" in url.query:
            # As all other programs call it, and what hosts of databases give out; the driver's word is ssl.
            mode = url.query["sslmode"]
            url = url.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})
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


class Database:
    """One object with a read lane and a write lane.

    With `statement_seconds` the database itself ends each statement that takes longer, as unavailable.
    """

    def __init__(self, settings: DatabaseSettings, *, statement_seconds: float | None = None) -> None:
        self.settings = settings
        self._statement_seconds = statement_seconds
        self.is_sqlite = settings.is_sqlite
        self.read_engine = self._engine(settings.read_connections, read_only=True)
        self.write_engine = self._engine(settings.write_connections, read_only=False)
        self.dialect = self.read_engine.dialect
        self.read_queue = Queue(settings.read_connections, settings.connection_wait)
        self.lane = (
            None if self.is_sqlite else Lane(self.read_engine, self.read_queue, self._begin(read_only=True))
        )
        # SQLite has one writer at a time anyway, and lets others ask again and again until it is their turn.
        writers = 1 if self.is_sqlite else settings.write_connections
        self._write_queue = Queue(writers, settings.connection_wait)
        self.write_lane = (
            None
            if self.is_sqlite
            else WriteLane(self.write_engine, self._write_queue, self._begin(read_only=False))
        )

    def _engine(self, connections: int, *, read_only: bool) -> AsyncEngine:
        engine = create_async_engine(
            self.settings.parsed_url,
            pool_size=connections,
            max_overflow=0,
            # An error that is logged has the statement, and not the addresses and hashes that went with it.
            hide_parameters=True,
            pool_timeout=self.settings.connection_wait,
            # It also reads numbers of any size, as JSON has them, into what it can write again.
            json_deserializer=orjson.loads,
            **self._options(read_only=read_only),
        )
        if self.is_sqlite:
            prepare_sqlite(engine, read_only=read_only)
            limit_sqlite(engine, self._statement_seconds or math.inf)
        elif self.settings.pgbouncer and read_only:
            set_in_transactions(engine, self._session(read_only=True))
        elif self.settings.pgbouncer:
            # Not before it has connected: what SQLAlchemy asks a new server has to be in a transaction.
            return engine.execution_options(isolation_level="AUTOCOMMIT")
        return engine

    def _options(self, *, read_only: bool) -> dict[str, Any]:
        # Every read is a statement of its own: BEGIN and ROLLBACK would be two round trips for nothing. And
        # transactions are begun and ended by the write lane, but on SQLite by `prepare_sqlite`.
        if self.is_sqlite:
            return _AUTOCOMMIT if read_only else {}
        # Whoever waits for a server that does not answer waits as long as for a place.
        timeout = {"timeout": self.settings.connection_wait}
        if self.settings.pgbouncer:
            return {"connect_args": timeout | pooled()}
        connect_args = timeout | direct(self._session(read_only=read_only)) | self._statement_cache()
        return {"connect_args": connect_args, **_AUTOCOMMIT}

    def _session(self, *, read_only: bool) -> dict[str, str]:
        return session_settings(self._statement_seconds, read_only=read_only)

    def _begin(self, *, read_only: bool) -> str:
        """What a lane begins a transaction with; nothing where a read is none."""
        if self.settings.pgbouncer:
            return beginning(self._session(read_only=read_only))
        return "" if read_only else "BEGIN"

    def _statement_cache(self) -> dict[str, int]:
        """The driver's own cache of prepared statements, as large as the URL says: whoever has none in
        SQLAlchemy's words, as some poolers in front of PostgreSQL need it, has none here either."""
        query = self.settings.parsed_url.query
        asked = query.get("statement_cache_size", query.get("prepared_statement_cache_size"))
        return {} if asked is None else {"statement_cache_size": int(str(asked))}

    @asynccontextmanager
    async def reading(self, *, has_place: bool = False) -> AsyncIterator[AsyncConnection]:
        """A connection of the read lane. Nothing but its one statement may be awaited inside.

        Who `has_place` has entered the read queue already, and leaves it.
        """
        with one_connection(), statements(), connecting():
            async with nullcontext() if has_place else self.read_queue:
                if self.lane is not None:
                    await self.lane.make_room()
                async with self.read_engine.connect() as connection:
                    yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Session]:
        """A session in a transaction of the write lane: committed at the end, rolled back on an exception."""
        transaction = self._write_on_sqlite() if self.write_lane is None else self.write_lane.transaction()
        with one_connection(), statements():
            async with transaction as session:
                yield session

    @property
    def hears(self) -> bool:
        """Whether processes can tell each other something through the database: a pooler keeps nobody a
        connection to hear by."""
        return not (self.is_sqlite or self.settings.pgbouncer)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[AsyncConnection]:
        """A connection to PostgreSQL to hear by of what other processes do: held, and outside the lanes."""
        engine = self._engine(1, read_only=True)
        try:
            with statements(), connecting():
                async with engine.connect() as connection:
                    yield connection
        finally:
            await engine.dispose()

    @asynccontextmanager
    async def _write_on_sqlite(self) -> AsyncIterator[Session]:
        async with self._write_queue, Session(self.write_engine) as session, session.begin():
            with connecting():
                await session.connection()
            yield session

    async def dispose(self) -> None:
        for lane in (self.lane, self.write_lane):
            if lane is not None:
                await lane.close()
        await self.read_engine.dispose()
        await self.write_engine.dispose()


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


def limit_sqlite(engine: AsyncEngine, seconds: float) -> None:
    """SQLite has no timeout of its own: it asks now and then whether to go on."""

    @event.listens_for(engine.sync_engine, "connect")
    def connect(connection: Any, record: Any) -> None:
        def is_late() -> bool:
            deadline: float = record.info[_DEADLINE]
            return time.monotonic() > deadline

        record.info[_DEADLINE] = math.inf
        connection.run_async(lambda driver: driver.set_progress_handler(is_late, _SQLITE_STEPS))

    @event.listens_for(engine.sync_engine, "checkout")
    def checkout(connection: Any, record: Any, _: Any) -> None:
        record.info[_DEADLINE] = math.inf

    @event.listens_for(engine.sync_engine, "before_cursor_execute")
    def execute(connection: Any, *_: Any) -> None:
        if connection.info[_DEADLINE]:  # It may have been interrupted before it has begun.
            connection.info[_DEADLINE] = time.monotonic() + seconds


def interrupt_sqlite(connection: AsyncConnection) -> None:
    """End what runs on a connection, or will until it is given back: soon, as an unavailable database."""
    if connection.sync_connection is not None and not connection.closed:
        connection.sync_connection.info[_DEADLINE] = 0
