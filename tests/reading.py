"""The read lane by itself, for tests of its connections."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import bindparam, func, select, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from db import read
from db.engine import Database, DatabaseSettings
from db.lane import Lane
from db.models import User
from db.statements import Statement

CONNECTIONS = 5


class Reading:
    """A database of which only the read lane is used."""

    def __init__(self, url: str, **settings: Any) -> None:
        self.database = Database(DatabaseSettings(url=url, **settings))
        dialect = self.database.dialect
        self._echo = Statement(select(func.coalesce(bindparam("value", type_=User.id.type))), dialect)
        sleeping = select(bindparam("value", type_=User.id.type), func.pg_sleep(bindparam("seconds")))
        self._sleep = Statement(sleeping, dialect)

    @property
    def lane(self) -> Lane:
        assert self.database.lane is not None
        return self.database.lane

    async def echo(self, value: int) -> int:
        ((found,),) = await read.run(self.database, self._echo, {"value": value})
        return int(found)

    async def sleep(self, seconds: float, value: int = 0) -> int:
        (found,), _ = await read.run(self.database, self._sleep, {"seconds": seconds, "value": value})
        return int(found)

    async def fill(self) -> None:
        """Have all connections open, and at hand."""
        await asyncio.gather(*(self.sleep(0.05) for _ in range(CONNECTIONS)))
        assert self.lane.at_hand == CONNECTIONS

    async def settled(self) -> None:
        """Everything that was used is back: all places are free, and no connection is lost."""
        while self.lane._closing:
            await asyncio.wait(self.lane._closing)
        pool: Any = self.database.read_engine.pool
        assert pool.checkedout() == self.lane.at_hand <= CONNECTIONS
        assert self.database.read_queue._free == CONNECTIONS
        await asyncio.gather(*(self.sleep(0.05) for _ in range(CONNECTIONS)))


@asynccontextmanager
async def outside(url: str) -> AsyncIterator[Callable[[str], Any]]:
    """Asks the server on a connection of its own."""
    engine = create_async_engine(
        DatabaseSettings(url=url).parsed_url, isolation_level="AUTOCOMMIT", poolclass=NullPool
    )
    async with engine.connect() as connection:

        async def ask(statement: str) -> Any:
            result = await connection.execute(text(statement))
            return result.scalar() if result.returns_rows else None

        yield ask
    await engine.dispose()


OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
TERMINATE = f"SELECT count(pg_terminate_backend(pid)) {OTHERS}"
