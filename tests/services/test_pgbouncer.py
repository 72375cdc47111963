"""PostgreSQL behind PgBouncer in transaction mode: more clients than server connections, which move about."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import Integer, Text, bindparam, func, literal_column, select

from db import models, read
from db.engine import Database, DatabaseSettings
from db.errors import DatabaseUnavailableError
from db.migrate import migrate
from db.statements import Statement
from tests import factories
from tests.conftest import NewUrl
from tests.reading import outside
from tests.server import gazette, serving
from tests.services.pgbouncer import SERVERS, PgBouncer
from tests.test_statement_seconds import without_end
from tests.writers import figures, writing

pytestmark = pytest.mark.anyio

logger = logging.getLogger(__name__)

DATABASES = 3
SHAPES = 40
JOBS = 1500


@pytest.fixture
def direct_url(new_postgresql_url: NewUrl) -> str:
    return new_postgresql_url()


@pytest.fixture
def pgbouncer(direct_url: str) -> Iterator[PgBouncer]:
    pgbouncer = PgBouncer(direct_url)
    pgbouncer.start()
    try:
        yield pgbouncer
    finally:
        pgbouncer.remove()


@pytest.fixture
async def databases(pgbouncer: PgBouncer) -> AsyncIterator[list[Database]]:
    """As several processes have them."""
    settings = DatabaseSettings(url=pgbouncer.url, pgbouncer=True)
    databases = [Database(settings, statement_seconds=5) for _ in range(DATABASES)]
    yield databases
    for database in databases:
        await database.dispose()


def shape(number: int, database: Database) -> Statement:
    """A statement of its own for each number, whose result says which it was."""
    kind = Text() if number % 2 else Integer()
    value = bindparam("value", type_=kind)
    columns = [literal_column(str(number)).label("shape"), func.coalesce(value).label("value")]
    more: list[Any] = [literal_column(str(column)).label(f"c{column}") for column in range(number % 5)]
    return Statement(
        select(*columns, *more, literal_column("pg_backend_pid()").label("pid")), database.dialect
    )


async def ask(database: Database, number: int, pids: Counter[int]) -> None:
    value = f"text {random.random()}" if number % 2 else random.randrange(10**6)
    columns = await read.run(database, shape(number, database), {"value": value})
    assert columns[:2] == [(number,), (value,)]
    assert columns[2:-1] == [(column,) for column in range(number % 5)]
    pids[columns[-1][0]] += 1


async def write(database: Database, number: int, pids: Counter[int]) -> None:
    """By statements of the ORM, of the lane and of SQLAlchemy, in one transaction on one connection."""
    async with database.writing() as session:
        tag = factories.tag(name=f"Tag {number}")
        session.add(tag)
        await session.flush()
        at: Any = literal_column("pg_backend_pid()").label("pid")
        counting = Statement(select(func.count(models.Tag.id), at), database.dialect)
        _, (pid,) = await session.columns(counting, {})
        assert (await session.execute(select(at))).scalar() == pid
        pids[pid] += 1


async def test_many_statements_on_few_connections_are_answered_right(
    databases: list[Database], direct_url: str
) -> None:
    pids: Counter[int] = Counter()

    async def work(number: int) -> None:
        database = databases[number % DATABASES]
        if number % 10 == 0:
            await write(database, number, pids)
        else:
            await ask(database, number % SHAPES, pids)

    async def leave(number: int) -> None:
        """In the middle, wherever that is."""
        working = asyncio.create_task(work(number))
        await asyncio.sleep(random.random() * 0.02)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)

    jobs = [leave(number) if number % 7 == 0 else work(number) for number in range(JOBS)]
    await asyncio.gather(*jobs)
    # Each database alone has more connections than there are to the server.
    assert len(pids) >= SERVERS
    async with outside(direct_url) as server:
        backends = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        assert await server(f"{backends} AND pid <> pg_backend_pid()") <= SERVERS


async def test_what_holds_for_a_connection_holds_for_each_transaction(
    databases: list[Database], direct_url: str
) -> None:
    names = ("statement_timeout", "idle_in_transaction_session_timeout", "enable_bitmapscan")
    shown = select(*(func.current_setting(name).label(name) for name in (*names, "transaction_read_only")))
    reading, writing = ("5s", "5s", "off", "on"), ("5s", "5s", "on", "off")
    for database in databases:
        found = await read.run(database, Statement(shown, database.dialect), {})
        assert tuple(value for (value,) in found) == reading
        assert tuple((await read.fetch(database, shown))[0]) == reading
        async with database.writing() as session:
            assert tuple((await session.execute(shown)).one()) == writing
    # Nothing of it stays with the server connection, which others get then.
    others = Database(DatabaseSettings(url=databases[0].settings.url, pgbouncer=True))
    async with others.writing() as session:
        assert tuple((await session.execute(shown)).one()) == ("0", "0", "on", "off")
    await others.dispose()


async def test_a_read_cannot_write(databases: list[Database]) -> None:
    name: Any = literal_column("nextval('users_id_seq')").label("number")
    with pytest.raises(Exception, match="read-only"):
        await read.run(databases[0], Statement(select(name), databases[0].dialect), {})
    # Its transaction has ended with it.
    assert databases[0].lane
    assert databases[0].lane.at_hand == 1
    await ask(databases[0], 1, Counter())


async def test_what_takes_too_long_is_ended(pgbouncer: PgBouncer) -> None:
    database = Database(DatabaseSettings(url=pgbouncer.url, pgbouncer=True), statement_seconds=0.2)
    endless = without_end(database)
    for _ in range(2):
        with pytest.raises(DatabaseUnavailableError):
            await read.run(database, Statement(endless, database.dialect), {})
        with pytest.raises(DatabaseUnavailableError):
            async with database.writing() as session:
                await session.execute(endless)
        await ask(database, 1, Counter())
    await database.dispose()


async def test_what_is_cancelled_ends_at_the_server(databases: list[Database], direct_url: str) -> None:
    database = databases[0]
    endless = Statement(without_end(database), database.dialect)
    active = "FROM pg_stat_activity WHERE query LIKE '%pg_sleep(%' AND state = 'active'"
    active += " AND datname = current_database() AND pid <> pg_backend_pid()"

    async def write() -> None:
        async with database.writing() as session:
            await session.execute(endless.source)

    async with outside(direct_url) as server:
        for work in (read.run(database, endless, {}), write()):
            working = asyncio.create_task(work)
            await becomes(server, f"SELECT count(*) {active}", 1)
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            # Long before its five seconds are over, which would be an error and nobody's cancellation.
            await becomes(server, f"SELECT count(*) {active}", 0)
    assert working.cancelled()
    await ask(database, 1, Counter())


async def becomes(server: Any, question: str, answer: int) -> None:
    for _ in range(100):
        if await server(question) == answer:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{question} is not {answer}")


async def test_without_the_setting_it_is_refused(pgbouncer: PgBouncer) -> None:
    """So that nobody believes to have a read-only lane who has none."""
    database = Database(DatabaseSettings(url=pgbouncer.url), statement_seconds=5)
    with pytest.raises(DatabaseUnavailableError, match="startup parameter"):
        await ask(database, 1, Counter())
    await database.dispose()


def test_the_command_line_goes_through_it(new_postgresql_url: NewUrl) -> None:
    url = new_postgresql_url()
    asyncio.run(migrate(DatabaseSettings(url=url), "base"))
    pgbouncer = PgBouncer(url)
    pgbouncer.start()
    try:
        for arguments in (("migrate",), ("seed", "--posts", "50")):
            done = gazette(*arguments, DATABASE_URL=pgbouncer.url, GAZETTE_PGBOUNCER="true")
            assert done.returncode == 0, done.stderr
    finally:
        pgbouncer.remove()


READS = (
    "{posts(first: 5) {nodes {title author {username} comments(first: 2) {totalCount nodes {body}}}}}",
    "{users(first: 3) {totalCount nodes {username posts(last: 2) {edges {cursor node {slug}}}}}}",
    "{tags {nodes {name posts {totalCount}}}}",
)


async def test_two_workers_read_and_write_through_it(pgbouncer: PgBouncer, direct_url: str) -> None:
    """And no acknowledged write is lost, and none is done twice."""
    statuses: Counter[int] = Counter()

    async def read_on(address: str) -> None:
        async with httpx.AsyncClient(base_url=address, timeout=30) as client:
            for document in READS * 20:
                response = await client.post("/graphql", json={"query": document})
                statuses[response.status_code] += 1
                assert "errors" not in response.json()

    two = ("--workers", "2")
    with serving(pgbouncer.url, arguments=two, GAZETTE_PGBOUNCER="true") as address:
        async with writing(address, direct_url) as writers:
            await asyncio.gather(*(read_on(address) for _ in range(4)), writers.acknowledgements(200))
    assert set(statuses) == {200}
    found = await figures(direct_url, writers.acknowledged)
    logger.info("%s", found | {"reads": statuses.total(), "unavailable": writers.unavailable})
    promised = dict.fromkeys(found, 0) | {"acknowledged": len(writers.acknowledged)}
    assert found == promised
    assert (writers.unanswered, writers.unavailable) == (0, 0)
