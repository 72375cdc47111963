"""What others do on a database, with servers in processes of their own: take it, lock it, and write the same.

`pytest --log-cli-level=INFO` shows the figures.
"""

import asyncio
import logging
from collections import Counter

import httpx
import pytest
from sqlalchemy import text

from db.enums import Role
from gql.relay import from_global_id
from tests.conftest import NewUrl
from tests.reading import outside
from tests.server import started
from tests.test_retries import another, blocked, set_on_postgresql
from tests.traffic import TWO
from tests.writers import writers_at

pytestmark = pytest.mark.anyio

DEADLOCKS = 3
UPDATES = 20

logger = logging.getLogger(__name__)


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
    # It is looked for once in a wait: by then the other one has to wait too, on the busiest machine.
    set_on_postgresql(url, "deadlock_timeout = '1s'")
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
