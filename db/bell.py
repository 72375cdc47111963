"""What tells the processes of one database that there is something new to look at."""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy import Dialect, bindparam, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from db import read
from db.engine import Database
from db.errors import DatabaseUnavailableError
from db.statements import SHAPES, Statement

_CHANNEL = "gazette"
_QUIET = 0.02  # Seconds between two notifications: what happens meanwhile goes with the next one.
_LONGEST_PAUSE = 5.0  # Seconds between two attempts to listen again.
# What a connection is lost by. It listens by the driver itself, whose own errors nobody translates.
_LOST = (
    DatabaseUnavailableError,
    SQLAlchemyError,
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)

Listen = Callable[[], None]


class Bell:
    """Rung after a commit, heard by all who listen, in this process at once.

    In others by PostgreSQL's NOTIFY, which is sent after the transaction and not in it: transactions that
    notify are committed one after the other. So what is rung may be lost with a process or a connection, and
    who listens looks now and then anyway. On SQLite, and behind PgBouncer, other processes hear nothing.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._name = secrets.token_hex(8)
        self._listeners: set[Listen] = set()
        self._listening: tuple[asyncio.Task[None], asyncio.Event] | None = None
        self._ringing: asyncio.Task[None] | None = None
        self._is_rung = False

    def ring(self) -> None:
        """Let all look, in this process and in others."""
        self._call()
        if self._database.hears:
            self._is_rung = True
            if self._ringing is None:
                self._ringing = asyncio.create_task(self._notify())

    def listen(self, listener: Listen) -> None:
        """Call it when something may be new; it is called once too often now and then."""
        self._listeners.add(listener)
        if self._listening is None and self._database.hears:
            enough = asyncio.Event()
            self._listening = asyncio.create_task(self._listen(enough)), enough

    async def ignore(self, listener: Listen) -> None:
        self._listeners.discard(listener)
        if not self._listeners:
            await self._stop_listening()

    async def close(self) -> None:
        await self._stop_listening()
        if self._ringing is not None:
            await self._ringing

    def _call(self) -> None:
        for listener in tuple(self._listeners):
            listener()

    async def _notify(self) -> None:
        try:
            while self._is_rung:
                self._is_rung = False
                try:
                    await read.run(
                        self._database, _notification(self._database.dialect), {"name": self._name}
                    )
                except (DatabaseUnavailableError, SQLAlchemyError):
                    return  # Who listens has lost its connection too, and looks when it has another.
                await asyncio.sleep(_QUIET)
        finally:
            self._ringing = None

    async def _stop_listening(self) -> None:
        listening, self._listening = self._listening, None
        if listening is not None:
            # It is not cancelled: a connection that is just being made would be left open.
            task, enough = listening
            enough.set()
            await asyncio.wait({task})

    async def _listen(self, enough: asyncio.Event) -> None:
        """Hold a connection to hear by, and get another one where it is lost."""
        pause = 0.1
        while not enough.is_set():
            try:
                async with self._database.listening() as connection:
                    self._call()  # What happened before is not told again.
                    await self._hear(connection, enough)
                    pause = 0.1
            except _LOST:
                pause = min(2 * pause, _LONGEST_PAUSE)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await enough.wait()

    async def _hear(self, connection: AsyncConnection, enough: asyncio.Event) -> None:
        """Until the connection ends."""
        driver: Any = (await connection.get_raw_connection()).driver_connection
        lost = asyncio.Event()

        def hear(_: Any, pid: int, channel: str, name: str) -> None:
            if name != self._name:
                self._call()

        driver.add_termination_listener(lambda _: lost.set())
        await driver.add_listener(_CHANNEL, hear)
        ends = [asyncio.create_task(event.wait()) for event in (lost, enough)]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
            await connection.invalidate()


@lru_cache(maxsize=SHAPES)
def _notification(dialect: Dialect) -> Statement:
    return Statement(select(func.pg_notify(_CHANNEL, bindparam("name", required=True))), dialect)
