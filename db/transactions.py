"""Transactions: the session of each, and PostgreSQL's write lane, on which a simple one costs little."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

from db.lane import Held, Lane, Records, meaning
from db.statements import Column, Statement, Values

Fetch = Callable[[Statement, Values], Coroutine[Any, Any, Records]]


class Session(AsyncSession):
    """The session of one transaction, which also runs compiled statements."""

    def __init__(self, bind: AsyncEngine | AsyncConnection, fetch: Fetch | None = None) -> None:
        super().__init__(bind, expire_on_commit=False)
        self.dialect = bind.dialect
        self._fetch = fetch

    async def columns(self, statement: Statement, values: Values) -> list[Column]:
        """A compiled statement's result, column by column. Nothing is flushed before."""
        if self._fetch is not None:
            return statement.columns(await self._fetch(statement, values))
        connection = await self.connection()
        return statement.transposed((await connection.execute(statement.source, values)).all())


class WriteLane(Lane):
    """Begins and ends transactions on connections at hand.

    Its engine begins none by itself. SQLAlchemy is not asked for what the driver does as well: for a mutation
    of two statements, a session's begin and commit take longer than all the rest of it.
    """

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """Committed at the end, rolled back on an exception."""
        held, stack = await self._take()
        session = Session(held.connection, partial(self._fetch, held))
        try:
            await execute(held, self._begin_with)
            yield session
            if session.in_transaction():
                # Whoever used it as such: what was not flushed is now. The engine itself commits nothing.
                await session.commit()
            if await execute(held, "COMMIT") != "COMMIT":
                raise RuntimeError("a statement of this transaction had failed: it was rolled back")
        except Exception:
            await asyncio.shield(self._begin(self._roll_back(held, stack, session)))
            raise
        except BaseException:
            # Cancelled in the middle of a statement: the connection's end is the transaction's too.
            self._begin(self._drop(held))
            raise
        self._bring_back(held, stack)

    async def _fetch(self, held: Held, statement: Statement, values: Values) -> Records:
        try:
            return await self._send(held, statement, values)
        except Exception as error:
            raise meaning(error, held, statement.sql) from None

    async def _roll_back(self, held: Held, stack: list[Held], session: Session) -> None:
        is_back = False
        # What cannot be rolled back is closed, which is the same to the server; why it had to be is known.
        with suppress(Exception):
            await session.close()
            await held.driver.execute("ROLLBACK")
            is_back = True
        # SQLAlchemy may have given up a connection that the driver is still closing.
        if held.driver.is_closed() or held.connection.invalidated:
            await self._lose(held, stack)
        elif is_back:
            self._bring_back(held, stack)
        else:
            await self._drop(held)


async def execute(held: Held, sql: str) -> str:
    try:
        status: str = await held.driver.execute(sql)
    except Exception as error:
        raise meaning(error, held, sql) from None
    return status
