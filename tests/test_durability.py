"""What was acknowledged is there, once and whole, whatever is killed in the middle of the work."""

import asyncio
import logging
import random
import signal
from typing import Any

import pytest
from sqlalchemy import text

from db.engine import Database, DatabaseSettings
from tests.conftest import NewUrl
from tests.mortal import MOMENTS
from tests.postgresql import PostgreSQL
from tests.server import Server
from tests.writers import figures, writers_at, writing

pytestmark = pytest.mark.anyio

KILLS = 10
STOPS = 5
BETWEEN = 20  # Mutations that are acknowledged before each.

logger = logging.getLogger(__name__)


@pytest.fixture
def url(backend: str, request: pytest.FixtureRequest, new_sqlite_url: NewUrl) -> str:
    """On a database that survives a crash."""
    if backend == "sqlite":
        return new_sqlite_url()
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server.new_url()


async def assert_kept(url: str, acknowledged: dict[str, str], **more: int) -> None:
    """Report the figures (`pytest --log-cli-level=INFO` shows them), and hold them to the promise."""
    found = await figures(url, acknowledged)
    logger.info("%s", found | more)
    promised = dict.fromkeys(found, 0) | {"acknowledged": len(acknowledged)}
    assert found == promised


async def test_nothing_is_lost_when_the_server_is_killed(url: str) -> None:
    server = Server(url)
    server.start()
    try:
        async with writing(server.address, url) as writers:
            for _ in range(KILLS):
                await writers.acknowledgements(BETWEEN)
                # At any moment of the next mutations, of which there are several in flight.
                await asyncio.sleep(random.uniform(0, 0.03))
                await asyncio.to_thread(server.kill)
                await asyncio.to_thread(server.start)
    finally:
        await asyncio.to_thread(server.stop)
    assert writers.unanswered >= KILLS
    await assert_kept(url, writers.acknowledged, kills=KILLS, unanswered=writers.unanswered)


async def test_nothing_is_lost_when_postgresql_stops_at_once(postgresql: PostgreSQL) -> None:
    """The server is not started again: it says that it cannot write, and then goes on by itself."""
    url = postgresql.new_url()
    server = Server(url)
    server.start()
    try:
        async with writing(server.address, url) as writers:
            for _ in range(STOPS):
                await writers.acknowledgements(BETWEEN)
                await asyncio.sleep(random.uniform(0, 0.03))
                await asyncio.to_thread(postgresql.stop_at_once)
                await writers.refusals(8)
                await asyncio.to_thread(postgresql.start)
    finally:
        await asyncio.to_thread(server.stop)
    assert writers.unanswered == 0
    await assert_kept(url, writers.acknowledged, stops=STOPS, unavailable=writers.unavailable)


@pytest.mark.parametrize("moment", list(MOMENTS))
async def test_a_mutation_is_cut_off_at_its_commit(url: str, moment: str) -> None:
    """It is there as a whole or not at all; sent again it is there once."""
    server, mortal = Server(url), Server(url, "tests.mortal", moment)
    await asyncio.to_thread(mortal.start)
    async with writers_at(mortal.address, url, 1) as writers:
        (client,) = writers.clients
        wish = writers.wish("Post")
        assert await writers.send(client, wish) is None
        assert mortal.wait() == -signal.SIGKILL
        found = await figures(url, {})
        assert found["there without an acknowledgement"] == (1 if moment == "after the commit" else 0)
        assert found["half there"] == 0
        await asyncio.to_thread(server.start)
        try:
            client.base_url = server.address
            first = await writers.send(client, wish)
            assert first == await writers.send(client, wish)
        finally:
            await asyncio.to_thread(server.stop)
    await assert_kept(url, writers.acknowledged, kills=1)


async def test_a_commit_is_on_the_disk(backend: str, url: str) -> None:
    """That is what a power failure asks for, which no test can make: Gazette takes nothing of it away."""
    expected: dict[str, Any] = {"SHOW fsync": "on", "SHOW synchronous_commit": "on"}
    if backend == "sqlite":
        expected = {"PRAGMA synchronous": 2, "PRAGMA journal_mode": "wal"}
    database = Database(DatabaseSettings(url=url))
    async with database.writing() as session:
        found = {statement: await session.scalar(text(statement)) for statement in expected}
    await database.dispose()
    assert found == expected
