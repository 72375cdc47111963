"""Subscribers of two processes on one PostgreSQL: whatever happens, all are told all, once, in order."""

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from db.enums import Role
from gql.relay import from_global_id
from tests.conftest import NewUrl
from tests.following import COMMENTS, PUBLISHED, until
from tests.postgresql import PostgreSQL
from tests.reading import outside
from tests.resuming import BySocket, ByStream, Subscriber, following
from tests.server import Server
from tests.writers import Writers, at_work, writers_at

pytestmark = pytest.mark.anyio

SCHEDULED = 5
BETWEEN = 20  # Mutations that are acknowledged before a fault, and after it.
WRITTEN = """
SELECT string_agg(comments.body, ' ' ORDER BY events.transaction_id, events.id)
FROM events JOIN comments ON comments.id = events.key
WHERE events.kind = 'COMMENT_ADDED' AND events.post_id = {post}
"""


@asynccontextmanager
async def two(url: str) -> AsyncIterator[tuple[Server, Server]]:
    """Processes that know nothing of each other, as workers do; each has an address of its own."""
    servers = Server(url), Server(url)
    try:
        await asyncio.gather(*(asyncio.to_thread(server.start) for server in servers))
        yield servers
    finally:
        await asyncio.gather(*(asyncio.to_thread(server.stop) for server in servers))


@asynccontextmanager
async def writers_of(url: str, *servers: Server) -> AsyncIterator[list[Writers]]:
    """Two writers at each server, with a post of their own."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(writers_at(one.address, url, 2)) for one in servers]


def subscribers_of(writers: Writers, *servers: Server) -> list[Subscriber]:
    """Of the post: a stranger and a writer by sockets, and a stranger by a stream."""
    topic = COMMENTS, {"post": writers.post_id}, [server.address for server in servers]
    authorization = writers.clients[0].headers["Authorization"]
    return [BySocket(*topic), BySocket(*topic, authorization=authorization), ByStream(*topic)]


async def all_begun(subscribers: Sequence[Subscriber]) -> None:
    """Until each has been told of something: from then on it has to be told of everything."""
    await until(lambda: all(subscriber.told for subscriber in subscribers))


async def assert_told_all(url: str, writers: Writers, subscribers: Sequence[Subscriber]) -> None:
    async with outside(url) as ask:
        written = (await ask(WRITTEN.format(post=from_global_id(writers.post_id)[1]))).split()
    for subscriber in subscribers:
        with suppress(TimeoutError):  # Then it shows below what it was told instead.
            await until(lambda one=subscriber: written[-1] in bodies(one))  # type: ignore[misc]
        assert bodies(subscriber) == written[written.index(bodies(subscriber)[0]) :]


def bodies(subscriber: Subscriber) -> list[str]:
    return [event["comment"]["body"] for event in subscriber.told]


async def test_what_one_process_writes_the_other_tells(new_postgresql_url: NewUrl) -> None:
    url = new_postgresql_url()
    async with two(url) as (one, other), writers_of(url, one, other) as (writers, others):
        of_writers, of_others = subscribers_of(writers, other), subscribers_of(others, one)
        async with following(*of_writers, *of_others):
            async with at_work(writers, others):
                await all_begun(of_writers + of_others)
                await asyncio.gather(writers.acknowledgements(BETWEEN), others.acknowledgements(BETWEEN))
            await assert_told_all(url, writers, of_writers)
            await assert_told_all(url, others, of_others)
    assert [subscriber.ends for subscriber in of_writers + of_others] == [[]] * 6


async def test_a_scheduled_post_is_announced_once(new_postgresql_url: NewUrl) -> None:
    """Both processes look for it at the same time."""
    url = new_postgresql_url()
    async with two(url) as servers, writers_at(servers[0].address, url, 1, Role.EDITOR) as writers:
        subscribers = [BySocket(PUBLISHED, {}, [server.address]) for server in servers]
        async with following(*subscribers):
            while not all(subscriber.told for subscriber in subscribers):
                await publish(writers, await draft(writers, "Begun"))
            posts = [await draft(writers, f"Scheduled {number}") for number in range(SCHEDULED)]
            due = (datetime.now(UTC) + timedelta(seconds=4)).isoformat()
            await asyncio.gather(*(publish(writers, post, at=due) for post in posts))
            await until(lambda: all(len(scheduled(one)) >= SCHEDULED for one in subscribers))
            # Were there more, they would be told before this.
            await publish(writers, await draft(writers, "Last"))
            await until(lambda: all(titles(one)[-1] == "Last" for one in subscribers))
    for subscriber in subscribers:
        assert sorted(scheduled(subscriber)) == [f"Scheduled {number}" for number in range(SCHEDULED)]


async def draft(writers: Writers, title: str) -> str:
    return await asked(writers, "createPost", title=title, body="")


async def publish(writers: Writers, post_id: str, *, at: str | None = None) -> None:
    assert await asked(writers, "publishPost", id=post_id, at=at) == post_id


async def asked(writers: Writers, name: str, **given: Any) -> str:
    """The id of the post that a mutation has made or changed."""
    (client,) = writers.clients
    kind = f"{name[0].upper()}{name[1:]}Input!"
    document = f"mutation ($input: {kind}) {{{name}(input: $input) {{post {{id}} userErrors {{code path}}}}}}"
    response = await client.post("/graphql", json={"query": document, "variables": {"input": given}})
    payload = response.json()["data"][name]
    assert payload["userErrors"] == []
    return str(payload["post"]["id"])


def titles(subscriber: Subscriber) -> list[str]:
    return [event["post"]["title"] for event in subscriber.told]


def scheduled(subscriber: Subscriber) -> list[str]:
    return [title for title in titles(subscriber) if title.startswith("Scheduled")]


async def test_a_process_is_killed(new_postgresql_url: NewUrl) -> None:
    """Its subscribers go on at the other one, and its writers when it is there again."""
    url = new_postgresql_url()
    async with two(url) as (one, other), writers_of(url, one, other) as (writers, others):
        subscribers = subscribers_of(writers, one, other) + subscribers_of(writers, other, one)
        others.post_id = writers.post_id
        async with following(*subscribers):
            async with at_work(writers, others):
                await all_begun(subscribers)
                await writers.acknowledgements(BETWEEN)
                await asyncio.to_thread(one.kill)
                await others.acknowledgements(BETWEEN)
                await asyncio.to_thread(one.start)
                await writers.acknowledgements(BETWEEN)
            await assert_told_all(url, writers, subscribers)
    assert [subscriber.ends for subscriber in subscribers] == [[None]] * 3 + [[]] * 3


async def test_postgresql_is_started_anew(postgresql: PostgreSQL) -> None:
    """Who is connected stays so, and who comes back meanwhile is let in when the database is there again."""
    url = postgresql.new_url()
    async with two(url) as (one, other), writers_of(url, one, other) as (writers, others):
        subscribers = subscribers_of(writers, one) + subscribers_of(writers, other)
        others.post_id = writers.post_id
        back = subscribers_of(writers, one)
        async with following(*subscribers), AsyncExitStack() as stack:
            async with at_work(writers, others):
                await all_begun(subscribers)
                await writers.acknowledgements(BETWEEN)
                await asyncio.to_thread(postgresql.stop_at_once)
                await writers.refusals(8)
                for subscriber in back:
                    subscriber.told += subscribers[0].told[:1]
                await stack.enter_async_context(following(*back))
                await until(lambda: all(subscriber.ends for subscriber in back))
                await asyncio.to_thread(postgresql.start)
                await asyncio.gather(writers.acknowledgements(BETWEEN), others.acknowledgements(BETWEEN))
            await assert_told_all(url, writers, subscribers + back)
    assert [subscriber.ends for subscriber in subscribers] == [[]] * 6
    assert [set(subscriber.ends) for subscriber in back] == [{1013}, {1013}, {"ended"}]


async def test_a_process_is_told_to_stop(new_postgresql_url: NewUrl) -> None:
    """It tells its subscribers to come back, and they do, elsewhere."""
    url = new_postgresql_url()
    async with two(url) as (one, other), writers_of(url, other) as (writers,):
        subscribers = subscribers_of(writers, one, other)
        async with following(*subscribers):
            async with at_work(writers):
                await all_begun(subscribers)
                await writers.acknowledgements(BETWEEN)
                one.terminate()
                status = await asyncio.to_thread(one.wait)
                await writers.acknowledgements(BETWEEN)
            await assert_told_all(url, writers, subscribers)
    assert status in (0, -signal.SIGTERM)
    assert [subscriber.ends for subscriber in subscribers] == [[1012], [1012], ["ended"]]
