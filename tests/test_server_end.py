"""How a server ends, or a worker of it, and what becomes of requests meanwhile."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.conftest import NewUrl
from tests.reading import outside
from tests.server import Server
from tests.traffic import TWO, assert_kept, recovery, traffic

pytestmark = pytest.mark.anyio


async def test_a_worker_is_killed_and_then_the_server_ends(new_url: NewUrl) -> None:
    """Of two, one goes on alone until there is another. What is sent at such a moment may find nobody."""
    url = new_url()
    server = Server(url, *TWO)
    await asyncio.to_thread(server.start)
    try:
        async with traffic(server, url) as (writers, readers):
            before = server.workers
            assert len(before) == 2
            os.kill(min(before), signal.SIGKILL)
            took = await recovery(writers, readers)
            await replaced(server, before)
            assert writers.unavailable == readers.counts["unavailable"] == 0
            since = time.monotonic()
            server.terminate()
            # Within 30 seconds, or this raises.
            status = await asyncio.to_thread(server.wait)
            seconds = round(time.monotonic() - since, 2)
            await asyncio.to_thread(server.start)
            await recovery(writers, readers)
    finally:
        await asyncio.to_thread(server.stop)
    assert status in (0, -signal.SIGTERM)
    await assert_kept(url, writers, readers, **{"seconds to end": seconds}, **took)


async def replaced(server: Server, before: set[int]) -> None:
    """Wait until a worker is there that was not."""
    for _ in range(300):
        if server.workers - before:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("nobody has replaced the worker")


async def test_what_is_under_way_is_answered_before_it_ends(new_postgresql_url: NewUrl) -> None:
    url = new_postgresql_url()
    patient = {"GAZETTE_CONNECTION_WAIT": "60", "GAZETTE_STATEMENT_SECONDS": "0", "GAZETTE_DEADLINE": "60"}
    server = Server(url, **patient)
    async with outside(url) as locking, outside(url) as ask:
        await asyncio.to_thread(server.start)
        async with httpx.AsyncClient(base_url=server.address, timeout=60) as client:
            await locking("BEGIN")
            await locking("LOCK TABLE posts IN ACCESS EXCLUSIVE MODE")
            body = {"query": "{posts {totalCount}}"}
            reads = [asyncio.create_task(client.post("/graphql", json=body)) for _ in range(5)]
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            await until(ask, f"{waiting} AND datname = current_database()", len(reads))
            server.terminate()
            await refusing(server)
            assert not any(read.done() for read in reads)
            await locking("COMMIT")
            answers = await asyncio.gather(*reads)
        status = await asyncio.to_thread(server.wait)
    assert [answer.json() for answer in answers] == [{"data": {"posts": {"totalCount": 0}}}] * len(reads)
    assert status in (0, -signal.SIGTERM)


async def until(ask: Callable[[str], Any], question: str, answer: int) -> None:
    for _ in range(600):
        if await ask(question) == answer:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{question} is not {answer}")


async def refusing(server: Server) -> None:
    """Wait until no new connection is accepted any more."""
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", int(server.address.rpartition(":")[2])), timeout=5).close()
        except OSError:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it still accepts connections")
