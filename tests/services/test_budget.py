"""Several processes spend one budget in Redis, and each its own while that is away."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import redis

from gql.app import create_app
from gql.settings import Settings
from tests.client import Client
from tests.conftest import NewUrl
from tests.server import serving
from tests.services.conftest import RedisServer

pytestmark = pytest.mark.anyio

TWENTY = "{posts {nodes {id}}}"
# An hour, so that nothing comes back while a test runs.
BUDGET: dict[str, Any] = {"cost_limit": 200, "budget": 200, "budget_seconds": 3600}


@pytest.fixture
def settings(new_sqlite_url: NewUrl, redis_server: RedisServer) -> Settings:
    return Settings(database_url=new_sqlite_url(), redis_url=redis_server.url, **BUDGET)


@pytest.fixture
async def other(settings: Settings) -> AsyncIterator[Client]:
    """A second process, but for being one."""
    async with Client(create_app(settings)) as client:
        yield client


def test_two_processes_spend_one_budget(new_sqlite_url: NewUrl, redis_server: RedisServer) -> None:
    """Each has a database of its own, and only Redis in common."""
    environment: dict[str, Any] = {f"GAZETTE_{name.upper()}": str(value) for name, value in BUDGET.items()}
    environment["REDIS_URL"] = redis_server.url
    with serving(new_sqlite_url(), **environment) as one, serving(new_sqlite_url(), **environment) as another:
        answers = [
            httpx.post(f"{(one, another)[number % 2]}/graphql", json={"query": TWENTY})
            for number in range(14)
        ]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429] * 4
    left = [answer.json()["extensions"]["cost"]["remaining"] for answer in answers]
    assert left == [*range(180, -1, -20), 0, 0, 0, 0]
    assert 300 < int(answers[-1].headers["Retry-After"]) <= 360


async def test_many_at_once_spend_no_more_than_there_is(client: Client, other: Client) -> None:
    asked = [(client, other)[number % 2].send(TWENTY) for number in range(40)]
    statuses = Counter(response.status_code for response in await asyncio.gather(*asked))
    assert statuses == {200: 10, 429: 30}


async def test_what_was_spent_comes_back(new_sqlite_url: NewUrl, redis_server: RedisServer) -> None:
    settings = Settings(
        database_url=new_sqlite_url(), redis_url=redis_server.url, cost_limit=40, budget=40, budget_seconds=2
    )
    async with Client(create_app(settings)) as client:
        assert [(await client.send(TWENTY)).status_code for _ in range(3)] == [200, 200, 429]
        response = await client.send(TWENTY)
        await asyncio.sleep(int(response.headers["Retry-After"]) + 0.05)
        assert (await client.send(TWENTY)).status_code == 200


@pytest.mark.parametrize("how", ["stopped", "hanging"])
async def test_without_redis_each_process_counts_for_itself(
    client: Client, other: Client, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr("gql.shared._REST", 1)
    assert (await client.send(TWENTY)).status_code == 200
    if how == "stopped":
        redis_server.stop()
    else:
        redis_server.hang()
    before = time.monotonic()
    for asked in (client, other):
        statuses = [(await asked.send(TWENTY)).status_code for _ in range(11)]
        assert statuses == [200] * 10 + [429]
    # Redis is waited for once, and not by each request.
    assert time.monotonic() - before < 3
    redis_server.stop()
    redis_server.start()
    await asyncio.sleep(1)
    response = await client.send(TWENTY)
    assert response.json()["extensions"]["cost"]["remaining"] == 180


async def test_redis_has_nothing_to_read_and_keeps_nothing(client: Client, redis_server: RedisServer) -> None:
    await client.send(TWENTY)
    with redis.Redis.from_url(redis_server.url, decode_responses=True) as connection:
        (key,) = connection.keys("*")
        assert key.startswith("gazette:budget:")
        assert "127.0.0.1" not in key
        assert 0 < connection.ttl(key) <= 3600 * 20 / 200 + 1
