"""Faults, with servers in processes of their own: what is refused meanwhile, and that nothing goes wrong.

`pytest --log-cli-level=INFO` shows the figures, also how long it takes to get well.
"""

import asyncio
import logging
import os
import resource
import signal
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from db.enums import Role
from gql.relay import from_global_id
from gql.settings import Settings
from gql.tokens import Tokens
from tests.conftest import NewUrl
from tests.postgresql import PostgreSQL
from tests.readers import Readers, reading_at
from tests.reading import outside
from tests.server import Server
from tests.test_retries import another, blocked, set_on_postgresql
from tests.writers import Writers, figures, writers_at, writing

pytestmark = pytest.mark.anyio

DEADLOCKS = 5
UPDATES = 20
BETWEEN = 30  # Mutations that are acknowledged before a fault, and after it.
TWO = ("gql", "serve", "--workers", "2")

logger = logging.getLogger(__name__)


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQL]:
    server = PostgreSQL()
    yield server
    server.remove()


@asynccontextmanager
async def started(url: str, *arguments: str, **environment: str) -> AsyncIterator[Server]:
    server = Server(url, *arguments, **environment)
    await asyncio.to_thread(server.start)
    try:
        yield server
    finally:
        await asyncio.to_thread(server.stop)


@asynccontextmanager
async def traffic(server: Server, url: str) -> AsyncIterator[tuple[Writers, Readers]]:
    """Reads and writes, all the time, and some have succeeded."""
    async with (
        writing(server.address, url) as writers,
        reading_at(server.address, writers.post_id) as readers,
    ):
        await writers.acknowledgements(BETWEEN)
        yield writers, readers


async def recovery(writers: Writers, readers: Readers) -> dict[str, float]:
    """How many seconds from now on until each is answered again, and that it goes on."""
    since = time.monotonic()

    def written() -> int:
        return len(writers.acknowledged)

    def read() -> int:
        return readers.counts["right"]

    async def seconds(count: Callable[[], int], more: int) -> float:
        wanted = count() + more
        while count() < wanted:
            assert time.monotonic() < since + 60
            await asyncio.sleep(0.005)
        return round(time.monotonic() - since, 2)

    reads, writes = await asyncio.gather(seconds(read, 1), seconds(written, 1))
    await asyncio.gather(seconds(read, BETWEEN), seconds(written, BETWEEN))
    return {"seconds to read again": reads, "seconds to write again": writes}


async def assert_kept(url: str, writers: Writers, readers: Readers, **more: Any) -> None:
    """Report the figures, and hold them to the promise: nothing wrong, nothing lost, nothing done twice."""
    found = await figures(url, writers.acknowledged)
    failed = {"unavailable": writers.unavailable, "unanswered": writers.unanswered}
    logger.info("writes %s, reads %s, %s", found | failed, dict(readers.counts), more)
    assert found == dict.fromkeys(found, 0) | {"acknowledged": len(writers.acknowledged)}
    assert readers.counts["wrong"] == 0


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


async def test_all_connections_are_taken(new_postgresql_url: NewUrl) -> None:
    """By two reads of a table that somebody has locked; the others are told so after their wait."""
    url = new_postgresql_url()
    few = {
        "GAZETTE_READ_CONNECTIONS": "2",
        "GAZETTE_CONNECTION_WAIT": "0.5",
        "GAZETTE_STATEMENT_SECONDS": "0",
    }
    async with (
        started(url, **few) as server,
        httpx.AsyncClient(base_url=server.address, timeout=30) as client,
        outside(url) as locking,
    ):

        async def read(number: int) -> httpx.Response:
            # Each is a statement of its own.
            query = f"{{posts(first: {number + 1}) {{nodes {{title}}}}}}"
            return await client.post("/graphql", json={"query": query})

        await locking("BEGIN")
        await locking("LOCK TABLE posts IN ACCESS EXCLUSIVE MODE")
        reads = [asyncio.create_task(read(number)) for number in range(20)]
        healthy = (await client.get("/healthz")).status_code
        some = asyncio.as_completed(reads)
        refused = [await next(some) for _ in range(18)]
        await locking("COMMIT")
        answers = await asyncio.gather(*reads)
        after = await asyncio.gather(*(read(number) for number in range(20)))
    assert healthy == 200
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
    statuses = Counter(answer.status_code for answer in answers)
    logger.info("%s while all were taken, %s then", statuses, Counter(answer.status_code for answer in after))
    assert statuses == {503: 18, 200: 2}
    assert {answer.status_code for answer in after} == {200}


async def test_deadlocks_are_resolved(new_postgresql_url: NewUrl) -> None:
    """An admin gives a role, which locks the admin and then the user; somebody else locks them in turn."""
    url = new_postgresql_url()
    document = "mutation ($input: SetUserRoleInput!) {setUserRole(input: $input) {user {role}}}"
    statuses: Counter[int] = Counter()
    async with (
        started(url) as server,
        writers_at(server.address, url, 2, Role.ADMIN) as writers,
        another(url) as other,
    ):
        admin, user = (int(from_global_id(key)[1]) for key in writers.user_ids)
        lock = "SELECT 1 FROM users WHERE id = {} FOR UPDATE"
        for number in range(DEADLOCKS):
            role = ("EDITOR", "USER")[number % 2]
            # So that it is not the one that looks for the deadlock, and ends.
            await other.execute(text("SET LOCAL deadlock_timeout = '1min'"))
            await other.execute(text(lock.format(user)))
            given = {"query": document, "variables": {"input": {"id": writers.user_ids[1], "role": role}}}
            giving = asyncio.create_task(writers.clients[0].post("/graphql", json=given))
            await blocked(url)
            await other.execute(text(lock.format(admin)))
            await other.commit()
            response = await giving
            statuses[response.status_code] += 1
            assert response.json()["data"]["setUserRole"]["user"] == {"role": role}
        found = await other.scalar(
            text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        )
    logger.info("statuses %s, deadlocks %s", statuses, found)
    assert statuses == {200: DEADLOCKS}


async def test_serialisation_failures_lose_no_update(new_postgresql_url: NewUrl) -> None:
    """All write the same post, in an isolation that lets only one of those at once succeed."""
    url = new_postgresql_url()
    set_on_postgresql(url, "default_transaction_isolation = 'repeatable read'")
    document = "mutation ($input: UpdatePostInput!) {updatePost(input: $input) {post {version}}}"
    versions: list[int] = []
    statuses: Counter[int] = Counter()
    async with (
        started(url, *TWO) as server,
        writers_at(server.address, url, 6, Role.ADMIN) as writers,
    ):

        async def update(client: httpx.AsyncClient, name: str) -> None:
            for number in range(UPDATES):
                given = {"id": writers.post_id, "body": f"{name} {number}"}
                response = await client.post(
                    "/graphql", json={"query": document, "variables": {"input": given}}
                )
                statuses[response.status_code] += 1
                if response.status_code == 200:
                    versions.append(response.json()["data"]["updatePost"]["post"]["version"])

        await asyncio.gather(*(update(client, str(number)) for number, client in enumerate(writers.clients)))
    async with outside(url) as ask:
        version = await ask("SELECT version FROM posts")
        failed = await ask("SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()")
    logger.info("statuses %s, versions up to %s, rolled back %s", statuses, version, failed)
    assert set(statuses) <= {200, 503}
    # The payload may show what another one has written since.
    assert version == 1 + len(versions) == 1 + statuses[200]
    assert failed > 0


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
