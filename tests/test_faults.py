"""Faults, with servers in processes of their own: what is refused meanwhile, and that nothing goes wrong.

`pytest --log-cli-level=INFO` shows the figures, also how long it takes to get well.
"""

import asyncio
import logging
import resource
import time

import httpx
import pytest

from gql.settings import Settings
from gql.tokens import Tokens
from tests.conftest import NewUrl
from tests.postgresql import PostgreSQL
from tests.server import started
from tests.traffic import BETWEEN, TWO, assert_kept, recovery, traffic
from tests.writers import writers_at

pytestmark = pytest.mark.anyio

logger = logging.getLogger(__name__)


async def test_postgresql_is_started_anew(postgresql: PostgreSQL) -> None:
    url = postgresql.new_url()
    async with started(url, *TWO) as server, traffic(server, url) as (writers, readers):
        await asyncio.to_thread(postgresql.stop_at_once)
        await asyncio.gather(writers.refusals(8), readers.refusals(8))
        await asyncio.to_thread(postgresql.start)
        took = await recovery(writers, readers)
    assert (writers.unanswered, readers.counts["unanswered"]) == (0, 0)
    await assert_kept(url, writers, readers, **took)


async def test_postgresql_is_away_when_the_server_starts(postgresql: PostgreSQL) -> None:
    url = postgresql.new_url()
    await asyncio.to_thread(postgresql.stop_at_once)
    try:
        async with (
            started(url, *TWO) as server,
            httpx.AsyncClient(base_url=server.address, timeout=30) as client,
        ):
            ask = {"query": "{posts {totalCount}}"}
            assert (await client.get("/healthz")).status_code == 200
            assert (await client.get("/readyz")).status_code == 503
            refused = await client.post("/graphql", json=ask)
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
            await asyncio.to_thread(postgresql.start)
            since = time.monotonic()
            while (await client.get("/readyz")).status_code != 200:
                assert time.monotonic() < since + 30
                await asyncio.sleep(0.05)
            logger.info("ready %.2f seconds after its database", time.monotonic() - since)
            answer = await client.post("/graphql", json=ask)
            assert answer.json() == {"data": {"posts": {"totalCount": 0}}}
    finally:
        await asyncio.to_thread(postgresql.start)


async def test_a_full_disk_refuses_writes_and_serves_reads(new_sqlite_url: NewUrl) -> None:
    """Of no file may there be more than so many bytes, as where a disk is full."""
    url = new_sqlite_url()
    async with started(url) as server, traffic(server, url) as (writers, readers):
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        await writers.refusals(8)
        await readers.answers(BETWEEN)
        assert readers.counts["unavailable"] == 0
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        took = await recovery(writers, readers)
    assert (writers.unanswered, readers.counts["unanswered"]) == (0, 0)
    await assert_kept(url, writers, readers, **took)


async def test_clocks_that_differ(new_sqlite_url: NewUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token of a server whose clock is ahead, or behind, by some seconds."""
    url = new_sqlite_url()
    statuses = {}
    async with started(url) as server, writers_at(server.address, url, 1) as writers:
        (client,) = writers.clients
        claims = Tokens(Settings().secrets).read(client.headers["Authorization"].removeprefix("Bearer "))
        for seconds in (-890, -905, -915, 5, 60):
            with monkeypatch.context() as patch:
                patch.setattr("gql.tokens.time.time", lambda ahead=seconds, now=time.time: now() + ahead)
                token = Tokens(Settings().secrets).access(claims)
            headers = {"Authorization": f"Bearer {token}", "Accept": "application/graphql-response+json"}
            response = await client.post("/graphql", json={"query": "{viewer {id}}"}, headers=headers)
            statuses[seconds] = response.status_code
    logger.info("statuses by seconds ahead: %s", statuses)
    assert statuses == {-890: 200, -905: 200, -915: 401, 5: 200, 60: 401}
