"""A lane to PostgreSQL, close to the driver: connections kept at hand, and statements run on them."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db.errors import ConnectionLostError, DatabaseUnavailableError, connecting, no_fault, statements
from db.statements import Statement, Values
from db.waiting import Queue, one_connection

Records = Sequence[Sequence[Any]]
"""Rows as the driver has them."""


class Held(NamedTuple):
    """A connection that was taken out of SQLAlchemy's pool, and the driver's own that is in it."""

    connection: AsyncConnection
    driver: Any


class Lane:
    """Runs compiled statements on the driver's connections.

    Each comes from SQLAlchemy's pool, which opens it as the engine says, and waits here for the next
    statement: to take it out of the pool each time would cost as much as the statement. There are never more
    than the queue has places. A connection is at hand, or with whoever has a place, or its place is taken
    for as long as it is being closed.
    """

    def __init__(self, engine: AsyncEngine, queue: Queue, begin: str) -> None:
        self._engine = engine
        self._queue = queue
        self._begin_with = begin  # A transaction; nothing where none is needed.
        # The last one used is the first to be used again. It is another stack after a loss: whoever brings
        # back a connection from before finds that it does not belong here any more.
        self._at_hand: list[Held] = []
        self._closing: set[asyncio.Task[None]] = set()
        self.observers: list[Callable[[str, Sequence[Any]], None]] = []
        """Called with each statement and its parameters before it is sent."""

    async def fetch(self, statement: Statement, values: Values) -> Records:
        """The statement's rows; raises ConnectionLostError where the same again may succeed at once."""
        with one_connection():
            held, stack = await self._take()
            return await self._run(held, stack, statement, values)

    async def _take(self) -> tuple[Held, list[Held]]:
        """A place and a connection, and the stack that it is to be brought back to."""
        await self._queue.enter()
        stack = self._at_hand
        try:
            return stack.pop() if stack else await self._connect(), stack
        except BaseException:
            self._queue.leave()
            raise

    async def _run(self, held: Held, stack: list[Held], statement: Statement, values: Values) -> Records:
        try:
            records = await self._ask(held, statement, values)
        except Exception as error:
            raise await self._failed(held, stack, error, statement) from None
        except BaseException:
            # Cancelled: the server is only being told, and what it still sends is no answer to what would be
            # asked next.
            self._begin(self._drop(held))
            raise
        self._bring_back(held, stack)
        return records

    async def _ask(self, held: Held, statement: Statement, values: Values) -> Records:
        """In a transaction of its own, if the lane begins any."""
        if not self._begin_with:
            return await self._send(held, statement, values)
        try:
            await held.driver.execute(self._begin_with)
            records = await self._send(held, statement, values)
            await held.driver.execute("COMMIT")
        except Exception:
            if not held.driver.is_closed():
                await held.driver.execute("ROLLBACK")
            raise
        return records

    async def _send(self, held: Held, statement: Statement, values: Values) -> Records:
        arguments = statement.arguments(values)
        for observe in self.observers:
            observe(statement.sql, arguments)
        records: Records = await held.driver.fetch(statement.sql, *arguments)
        return records

    async def _failed(
        self, held: Held, stack: list[Held], error: Exception, statement: Statement
    ) -> Exception:
        """What to raise for an error, with the connection brought to where it belongs now."""
        if held.driver.is_closed():
            await asyncio.shield(self._begin(self._lose(held, stack)))
        elif isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError):
            self._bring_back(held, stack)
        else:
            # Out of time, as a rule: the same as cancelled.
            self._begin(self._drop(held))
        return meaning(error, held, statement.sql)

    @property
    def at_hand(self) -> int:
        """How many connections wait for a statement."""
        return len(self._at_hand)

    async def make_room(self) -> None:
        """Let whoever has a place take a connection from the pool itself."""
        if self._at_hand:
            await self._at_hand.pop().connection.close()

    async def close(self) -> None:
        """Close what is at hand; what is still used is closed when it is brought back."""
        stack, self._at_hand = self._at_hand, []
        for held in stack:
            await held.connection.close()
        while self._closing:
            await asyncio.wait(self._closing)

    async def _connect(self) -> Held:
        with statements(), connecting():
            connection = await self._engine.connect()
            return Held(connection, (await connection.get_raw_connection()).driver_connection)

    def _bring_back(self, held: Held, stack: list[Held]) -> None:
        if stack is self._at_hand:
            stack.append(held)
            self._queue.leave()
        else:
            self._begin(self._drop(held))

    def _begin(self, closing: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """In a task of its own, which no cancellation reaches; it ends with leaving the queue."""
        task = asyncio.create_task(closing)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        return task

    async def _drop(self, held: Held) -> None:
        try:
            await held.connection.invalidate()
            await held.connection.close()
        finally:
            self._queue.leave()

    async def _lose(self, held: Held, stack: list[Held]) -> None:
        """A server that was started anew has closed all connections: none that is as old is used again."""
        if stack is self._at_hand:
            self._at_hand = []
        try:
            # SQLAlchemy finds out in its own way, and gives none of the pool's connections out again either.
            if not held.connection.invalidated:
                with suppress(DBAPIError):
                    await held.connection.exec_driver_sql("SELECT 1")
            for each in (held, *stack):
                await each.connection.close()
        finally:
            self._queue.leave()


def meaning(error: Exception, held: Held, sql: str) -> Exception:
    """What to raise for an error of the driver's."""
    if held.driver.is_closed():
        return ConnectionLostError(str(error))
    if isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError):
        return _without_values(error, sql)
    return DatabaseUnavailableError(str(error)) if isinstance(error, OSError) else error


def _without_values(error: Any, sql: str) -> Exception:
    """The error as SQLAlchemy would raise it: what is logged has the statement, and not its parameters."""
    if isinstance(error, asyncpg.IntegrityConstraintViolationError):
        error.detail = None  # It has the row that would not do.
        return IntegrityError(sql, None, error, hide_parameters=True)
    if str(getattr(error, "sqlstate", "")).startswith("22"):
        # What is wrong with a value is said with the value.
        error = type(error)("a value is not as the statement needs it")
    failed = DBAPIError(sql, None, error, hide_parameters=True)
    kind = no_fault(failed)
    return kind(str(error)) if kind else failed
