"""The write lane: what is done in a session and what is done beside it are one transaction."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import bindparam, func, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from db import models
from db.engine import Database, DatabaseSettings
from db.errors import DatabaseUnavailableError
from db.statements import Statement
from db.transactions import Session, WriteLane
from db.write import transaction, violation
from tests.conftest import NewUrl
from tests.reading import TERMINATE, outside

pytestmark = pytest.mark.anyio

PLACES = 2


@pytest.fixture
async def writing(new_postgresql_url: NewUrl) -> AsyncIterator[Database]:
    database = Database(DatabaseSettings(url=new_postgresql_url(), write_connections=PLACES))
    yield database
    await database.dispose()


def lane_of(database: Database) -> WriteLane:
    assert database.write_lane is not None
    return database.write_lane


async def tags(database: Database) -> set[str]:
    async with database.reading() as connection:
        return set(await connection.scalars(select(models.Tag.name)))


async def insert_tag(session: Session, name: str, slug: str = "") -> int:
    """Beside the session."""
    values = {"name": name, "name_key": name, "slug": slug or name}
    table: Any = models.Tag.__table__
    statement: Any = insert(table).values({each: bindparam(each, required=True) for each in values})
    ((key,),) = await session.columns(Statement(statement.returning(table.c.id), session.dialect), values)
    return int(key)


async def one(session: Session) -> Any:
    return await session.scalar(select(1))


async def settled(database: Database) -> None:
    """All places are free, and no connection is lost."""
    lane, pool = lane_of(database), database.write_engine.pool
    while lane._closing:
        await asyncio.wait(lane._closing)
    assert pool.checkedout() == lane.at_hand <= PLACES  # type: ignore[attr-defined]
    await asyncio.gather(
        *(transaction(database, lambda session: session.scalar(select(1))) for _ in range(5))
    )


async def test_both_are_committed(writing: Database) -> None:
    async with writing.writing() as session:
        key = await insert_tag(session, "beside")
        assert await session.scalar(select(models.Tag.name).where(models.Tag.id == key)) == "beside"
        # It is not flushed, and no statement was needed for it.
        session.add(models.Tag(name="inside", name_key="inside", slug="inside"))
    async with writing.writing() as session:
        session.add(models.Tag(name="alone", name_key="alone", slug="alone"))
    assert await tags(writing) == {"beside", "inside", "alone"}
    assert lane_of(writing).at_hand == 1


async def test_both_are_rolled_back(writing: Database) -> None:
    async def fail() -> None:
        async with writing.writing() as session:
            session.add(models.Tag(name="inside", name_key="inside", slug="inside"))
            await session.flush()
            await insert_tag(session, "beside")
            raise FileNotFoundError

    with pytest.raises(FileNotFoundError):
        await fail()
    assert await tags(writing) == set()
    assert lane_of(writing).at_hand == 1
    await settled(writing)


async def test_a_constraint_is_named_and_its_values_are_not(writing: Database) -> None:
    await transaction(writing, lambda session: insert_tag(session, "secret"))
    with pytest.raises(IntegrityError) as raised:
        await transaction(writing, lambda session: insert_tag(session, "secret", "another"))
    found = violation(raised.value)
    assert found is not None
    assert found.column == "name_key"
    assert "secret" not in str(raised.value)
    await settled(writing)


async def test_what_failed_is_not_taken_for_done(writing: Database) -> None:
    """PostgreSQL answers to such a COMMIT that it has rolled back, which is no error of its own."""

    async def go_on() -> None:
        async with writing.writing() as session:
            await insert_tag(session, "one")
            with pytest.raises(DBAPIError):
                await session.execute(text("SELECT 1/0"))

    with pytest.raises(RuntimeError, match="rolled back"):
        await go_on()
    assert await tags(writing) == set()
    await settled(writing)


@pytest.mark.parametrize("beside", [True, False])
async def test_lost_connections_are_found_out_by_trying(writing: Database, beside: bool) -> None:
    async def insert(session: Session) -> None:
        if beside:
            await insert_tag(session, "one")
        else:
            session.add(models.Tag(name="one", name_key="one", slug="one"))

    await settled(writing)
    async with outside(writing.settings.url) as ask:
        assert await ask(TERMINATE) > 0
    await transaction(writing, insert)
    assert await tags(writing) == {"one"}
    await settled(writing)


@pytest.mark.parametrize("beside", [True, False])
async def test_a_connection_lost_in_the_middle(writing: Database, beside: bool) -> None:
    tries = 0

    async def insert(session: Session) -> None:
        nonlocal tries
        tries += 1
        await insert_tag(session, f"try {tries}")
        if tries == 1:
            async with outside(writing.settings.url) as ask:
                await ask(TERMINATE)
        await (insert_tag(session, "end") if beside else session.scalar(select(func.count(models.Tag.id))))

    await transaction(writing, insert)
    assert "try 1" not in await tags(writing)
    assert tries == 2
    await settled(writing)


async def test_whoever_is_cancelled_leaves_nothing(writing: Database) -> None:
    async def write(name: str) -> None:
        async with writing.writing() as session:
            await insert_tag(session, name)
            await session.execute(text("SELECT pg_sleep(0.005)"))
            await asyncio.sleep(1)

    for moment in range(20):
        task = asyncio.create_task(write(f"tag {moment}"))
        await asyncio.sleep(moment / 1000)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await settled(writing)
    assert await tags(writing) == set()


async def test_nobody_waits_for_ever(new_postgresql_url: NewUrl) -> None:
    settings = DatabaseSettings(url=new_postgresql_url(), write_connections=1, connection_wait=0.2)
    database = Database(settings)
    begun = asyncio.Event()

    async def hold(session: Session) -> None:
        begun.set()
        await asyncio.sleep(1)

    holding = asyncio.create_task(transaction(database, hold))
    await begun.wait()
    waiting = [transaction(database, one) for _ in range(3)]
    for result in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(result, DatabaseUnavailableError)
    await holding
    assert await transaction(database, one) == 1
    await database.dispose()
