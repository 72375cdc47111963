"""Several processes have in common what clients register, in Redis, and each its own while that is away."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import redis

from gql import registered
from gql.app import create_app
from gql.registered import Registered
from gql.settings import Settings
from gql.trusted import hash_of
from tests.client import Client
from tests.conftest import NewUrl
from tests.services.conftest import RedisServer
from tests.trusted import automatic

pytestmark = pytest.mark.anyio

QUERY = "{viewer {id}}"
ANSWERED = {"data": {"viewer": None}}


@pytest.fixture
def settings(new_sqlite_url: NewUrl, redis_server: RedisServer) -> Settings:
    return Settings(database_url=new_sqlite_url(), redis_url=redis_server.url)


@pytest.fixture
async def other(settings: Settings) -> AsyncIterator[Client]:
    """A second process, but for being one."""
    async with Client(create_app(settings)) as client:
        yield client


async def ask(client: Client, **more: str) -> object:
    body = {**automatic(hash_of(QUERY)), **more}
    return (await client.http.post("/graphql", json=body)).json()


async def test_what_one_process_registers_others_know(client: Client, other: Client) -> None:
    assert "errors" in str(await ask(other))
    assert await ask(client, query=QUERY) == ANSWERED
    assert await ask(other) == ANSWERED


async def test_what_nobody_uses_goes_after_a_day(client: Client, redis_server: RedisServer) -> None:
    await ask(client, query=QUERY)
    with redis.Redis.from_url(redis_server.url) as connection:
        lives = [connection.ttl(key) for key in connection.scan_iter()]
    assert len(lives) == 2
    assert all(0 < seconds <= 24 * 3600 for seconds in lives)


async def test_no_more_than_so_many_are_kept(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registered, "_ROOM", 450)
    queries = [f"{{posts {{totalCount}}}} #{number}".ljust(100) for number in range(12)]
    writing = Registered(redis_server.url)
    for query in queries[:4] * 2:
        await writing.keep(hash_of(query), query)
    reading = Registered(redis_server.url)
    assert await reading.text(hash_of(queries[0])) == queries[0]
    await writing.keep(hash_of(queries[4]), queries[4])
    fresh = Registered(redis_server.url)
    kept = [await fresh.text(hash_of(query)) is not None for query in queries[:5]]
    assert kept == [True, False, True, True, True]
    for query in queries:
        await writing.keep(hash_of(query), query)
    with redis.Redis.from_url(redis_server.url) as connection:
        texts = connection.hgetall("{gazette:documents}:texts")
    length = int(texts.pop(b"length"))
    texts.pop(b"uses")
    assert length == sum(map(len, texts.values())) == 400
    for store in (writing, reading, fresh):
        await store.close()


@pytest.mark.parametrize("how", ["stopped", "hanging"])
async def test_without_redis_each_process_keeps_its_own(
    client: Client, other: Client, redis_server: RedisServer, how: str
) -> None:
    if how == "stopped":
        redis_server.stop()
    else:
        redis_server.hang()
    before = time.monotonic()
    for asked in (client, other):
        assert "PersistedQueryNotFound" in str(await ask(asked))
        assert await ask(asked, query=QUERY) == ANSWERED
        assert await asyncio.gather(*(ask(asked) for _ in range(20))) == [ANSWERED] * 20
    # Redis is waited for once, and not by each request.
    assert time.monotonic() - before < 5
