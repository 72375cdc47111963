"""The connections of PostgreSQL's read lane: how many there are, and what becomes of them."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, literal_column, make_url, select, text

from db import read
from db.errors import DatabaseUnavailableError, SecondConnectionError
from db.models import User
from db.statements import Statement
from tests import factories
from tests.conftest import NewUrl
from tests.postgresql import PostgreSQL
from tests.reading import CONNECTIONS, OTHERS, TERMINATE, Reading, outside

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _both_lanes() -> None:
    """Not here: reading both ways takes connections from the lane, which is what these tests look at."""


async def test_there_are_never_more_connections_than_allowed(reading: Reading) -> None:
    most = 0

    async def watch(ask: Callable[[str], Any]) -> None:
        nonlocal most
        while True:
            most = max(most, await ask(f"SELECT count(*) {OTHERS} AND backend_type = 'client backend'"))

    async def ordinary() -> None:
        async with reading.database.reading() as connection:
            await connection.execute(text("SELECT pg_sleep(0.01)"))

    async with outside(reading.database.settings.url) as ask:
        watching = asyncio.create_task(watch(ask))
        for _ in range(3):
            mixed = [ordinary() if index % 3 == 0 else reading.sleep(0.01) for index in range(60)]
            await asyncio.gather(*mixed)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    assert 1 < most <= CONNECTIONS
    await reading.settled()


async def test_one_connection_serves_reads_that_follow_each_other(reading: Reading) -> None:
    for value in range(20):
        assert await reading.echo(value) == value
    assert reading.lane.at_hand == 1
    async with reading.database.reading():
        assert reading.lane.at_hand == 0
        with pytest.raises(SecondConnectionError):
            await reading.lane.fetch(reading._echo, {"value": 1})
    await reading.settled()


@pytest.mark.parametrize("patience", [True, False])
async def test_reads_wait_for_each_other_in_order(new_postgresql_url: NewUrl, patience: bool) -> None:
    reading = Reading(new_postgresql_url(), read_connections=1, connection_wait=2 if patience else 0.1)
    done: list[int] = []

    async def one(number: int) -> None:
        await reading.sleep(0.3 if number == 0 else 0, number)
        done.append(number)

    results = await asyncio.gather(*(one(number) for number in range(5)), return_exceptions=True)
    failed = [type(result) for result in results if result is not None]
    assert (done, failed) == ((list(range(5)), []) if patience else ([0], [DatabaseUnavailableError] * 4))
    await reading.database.dispose()


async def test_hundreds_of_cancelled_reads_leave_all_connections_clean(reading: Reading) -> None:
    chance = random.Random(1)
    for _ in range(6):
        tasks = [asyncio.create_task(reading.sleep(chance.choice([0, 0.005, 1]), n)) for n in range(60)]
        for task in chance.sample(tasks, 60):
            if chance.random() < 0.2:
                await asyncio.sleep(chance.random() * 0.01)
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        answered = [(n, found) for n, found in enumerate(results) if not isinstance(found, BaseException)]
        assert all(n == found for n, found in answered)
        assert {type(found) for found in results} <= {int, asyncio.CancelledError}
        assert await asyncio.gather(*(reading.echo(n) for n in range(40))) == list(range(40))
    await reading.settled()
    async with outside(reading.database.settings.url) as ask:
        assert await ask(f"SELECT count(*) {OTHERS} AND state = 'active' AND query LIKE '%pg_sleep%'") == 0


async def test_a_read_that_is_cancelled_twice_loses_nothing(reading: Reading) -> None:
    for pause in (0, 0.001, 0.01):
        task = asyncio.create_task(reading.sleep(5))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.sleep(pause)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        # Nobody is given it again, however well the driver looks after it.
        assert reading.lane.at_hand == 0
    await reading.settled()


async def test_connections_that_were_cut_are_all_replaced(reading: Reading) -> None:
    for at_once in (1, CONNECTIONS, 20):
        await reading.fill()
        async with outside(reading.database.settings.url) as ask:
            assert await ask(TERMINATE) == CONNECTIONS
        assert await asyncio.gather(*(reading.echo(n) for n in range(at_once))) == list(range(at_once))
    await reading.settled()


async def test_sqlalchemys_own_way_survives_cut_connections_too(reading: Reading) -> None:
    await reading.fill()
    async with reading.database.reading():
        pass  # One of them is in the pool now.
    async with outside(reading.database.settings.url) as ask:
        await ask(TERMINATE)
    assert len(await read.fetch(reading.database, select(literal_column("1")))) == 1
    assert await reading.echo(1) == 1
    await reading.fill()
    async with reading.database.reading():
        pass
    async with outside(reading.database.settings.url) as ask:
        await ask(TERMINATE)
    assert await asyncio.gather(*(reading.echo(n) for n in range(8))) == list(range(8))
    await reading.settled()


async def test_a_read_that_is_cut_while_it_runs_is_run_again(reading: Reading) -> None:
    await reading.fill()
    running = [asyncio.create_task(reading.sleep(0.5, n)) for n in range(3)]
    await asyncio.sleep(0.1)
    async with outside(reading.database.settings.url) as ask:
        await ask(TERMINATE)
    assert await asyncio.gather(*running) == [0, 1, 2]
    await reading.settled()


async def test_a_server_that_was_started_anew_is_read_from_at_once(postgresql: PostgreSQL) -> None:
    reading = Reading(postgresql.new_url())
    await reading.fill()
    postgresql.stop_at_once()
    with pytest.raises(DatabaseUnavailableError):
        await reading.echo(1)
    postgresql.start()
    await reading.fill()
    postgresql.stop_at_once()
    postgresql.start()
    assert await asyncio.gather(*(reading.echo(n) for n in range(8))) == list(range(8))
    await reading.settled()
    await reading.database.dispose()


@pytest.mark.parametrize(
    ("options", "is_prepared"),
    [
        ({}, True),
        ({"prepared_statement_cache_size": "0"}, False),
        ({"statement_cache_size": "0"}, False),
        ({"prepared_statement_cache_size": "0", "statement_cache_size": "10"}, True),
    ],
)
async def test_the_url_says_whether_statements_are_prepared(
    new_postgresql_url: NewUrl, options: dict[str, str], is_prepared: bool
) -> None:
    url = make_url(new_postgresql_url()).update_query_dict(options)
    reading = Reading(url.render_as_string(hide_password=False))
    counting = select(func.count()).select_from(text("pg_prepared_statements"))
    counting = counting.where(text("statement LIKE 'SELECT coalesce%'"))
    statement = Statement(counting, reading.database.dialect)
    assert [await reading.echo(n) for n in range(3)] == [0, 1, 2]
    assert await read.run(reading.database, statement, {}) == [(int(is_prepared),)]
    await reading.database.dispose()


async def test_tables_may_change_while_they_are_read(reading: Reading) -> None:
    await factories.save(reading.database, factories.user(name="Ada"))
    statement = Statement(select(User.__table__.c.name, User.__table__.c.bio), reading.database.dialect)
    await reading.fill()
    for change in (
        "ALTER TABLE users ALTER COLUMN name TYPE text",
        "ALTER TABLE users ADD COLUMN more int DEFAULT 1",
        "ALTER TABLE users DROP COLUMN more",
    ):
        for _ in range(CONNECTIONS):
            assert await read.run(reading.database, statement, {}) == [("Ada",), ("",)]
        async with outside(reading.database.settings.url) as ask:
            await ask(change)
    assert await read.run(reading.database, statement, {}) == [("Ada",), ("",)]


async def test_what_is_read_while_all_is_closed_leaves_no_connection(reading: Reading) -> None:
    await reading.fill()
    running = asyncio.create_task(reading.sleep(0.3, 7))
    await asyncio.sleep(0.1)
    await reading.database.dispose()
    assert await running == 7
    await reading.lane.close()
    async with outside(reading.database.settings.url) as ask:
        assert await ask(f"SELECT count(*) {OTHERS} AND backend_type = 'client backend'") == 0
    # A database that was closed can be used again, as SQLAlchemy's engines can.
    assert await reading.echo(1) == 1
