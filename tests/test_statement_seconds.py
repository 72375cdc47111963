"""The database itself ends a statement that takes too long, and its connection is as good as before."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import Integer, bindparam, func, literal, select

from db import read
from db.engine import Database, DatabaseSettings
from db.errors import DatabaseUnavailableError
from db.models import User
from db.statements import Statement
from tests import factories
from tests.conftest import NewUrl

pytestmark = pytest.mark.anyio


def without_end(database: Database) -> Any:
    if not database.is_sqlite:
        return select(func.pg_sleep(60))
    numbers = select(literal(1, Integer).label("n")).cte("numbers", recursive=True)
    return select(func.count()).select_from(numbers.union_all(select(numbers.c.n + 1)))


async def write_a_user(database: Database, then: Any, *, pause: float = 0) -> None:
    async with database.writing() as session:
        session.add(factories.user())
        await session.flush()
        await asyncio.sleep(pause)
        await session.execute(then)


async def test_a_read_that_takes_too_long_is_ended(new_url: NewUrl) -> None:
    database = Database(DatabaseSettings(url=new_url(), read_connections=1), statement_seconds=0.2)
    statement = Statement(without_end(database), database.dialect)
    one = Statement(select(bindparam("n", type_=Integer)), database.dialect)
    for _ in range(2):
        with pytest.raises(DatabaseUnavailableError):
            await read.run(database, statement, {})
        assert await read.run(database, one, {"n": 7}) == [(7,)]
    await database.dispose()


async def test_a_write_that_takes_too_long_is_rolled_back(new_url: NewUrl) -> None:
    database = Database(DatabaseSettings(url=new_url(), write_connections=1), statement_seconds=0.2)
    with pytest.raises(DatabaseUnavailableError):
        await write_a_user(database, without_end(database))
    async with database.writing() as session:
        assert (await session.execute(select(func.count()).select_from(User))).scalar() == 0
    await database.dispose()


async def test_a_transaction_whose_process_hangs_is_ended(new_postgresql_url: NewUrl) -> None:
    database = Database(DatabaseSettings(url=new_postgresql_url()), statement_seconds=0.2)
    with pytest.raises(DatabaseUnavailableError):
        await write_a_user(database, select(func.count()), pause=1)
    assert await read.run(database, Statement(select(func.count(User.id)), database.dialect), {}) == [(0,)]
    await database.dispose()


async def test_nothing_is_ended_without_a_limit(new_url: NewUrl) -> None:
    database = Database(DatabaseSettings(url=new_url()))
    if not database.is_sqlite:
        shown = select(func.current_setting("statement_timeout"))
        assert (await read.fetch(database, shown))[0] == ("0",)
    await database.dispose()


async def test_a_read_that_is_cancelled_ends_in_the_database(new_sqlite_url: NewUrl) -> None:
    """On PostgreSQL the driver sees to it; SQLite runs in a thread."""
    database = Database(DatabaseSettings(url=new_sqlite_url(), read_connections=1))
    one = Statement(select(bindparam("n", type_=Integer)), database.dialect)
    endless = Statement(without_end(database), database.dialect)
    # Also before the statement has begun.
    for ticks in (*range(1, 16), None):
        reading = asyncio.create_task(read.run(database, endless, {}))
        for _ in range(ticks or 0):
            await asyncio.sleep(0)
        if ticks is None:
            await asyncio.sleep(0.1)
        reading.cancel()
        # It would never end, and has the only connection.
        await asyncio.wait({reading}, timeout=20)
        assert reading.cancelled()
        assert await read.run(database, one, {"n": 7}) == [(7,)]
    await database.dispose()


async def test_a_read_that_waits_for_its_turn_just_goes(new_sqlite_url: NewUrl) -> None:
    database = Database(DatabaseSettings(url=new_sqlite_url(), read_connections=1, connection_wait=60))
    one = Statement(select(bindparam("n", type_=Integer)), database.dialect)
    await database.read_queue.enter()
    reading = asyncio.create_task(read.run(database, one, {"n": 7}))
    await asyncio.sleep(0.01)
    reading.cancel()
    # The place stays with who has it.
    await asyncio.wait({reading}, timeout=20)
    assert reading.cancelled()
    database.read_queue.leave()
    assert await read.run(database, one, {"n": 7}) == [(7,)]
    await database.dispose()
