"""How many answers are made at once for a WebSocket: few, where nothing is read, and nobody waits for it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from sqlalchemy import update
from websockets.frames import Opcode

from db.enums import Role
from db.models import User
from gql.app import create_app
from gql.relay import to_global_id
from gql.settings import Settings
from gql.subscribed import Subscribed
from tests import factories
from tests.accounts import by_ada
from tests.client import Client
from tests.conftest import NewUrl
from tests.following import until
from tests.frames import Raw, raw
from tests.sockets import PATIENCE, Listening, Stream, Streams, listening

pytestmark = pytest.mark.anyio

MOST = 4
OPERATIONS = 12
# 600 kB each, as JSON: much more than the buffers of sockets take.
LARGE = "".join(f" a{number}: body" for number in range(40))
QUERY = '{node(id: "%s") {... on Post {' + LARGE + "}}}"


@pytest.fixture
def settings(new_sqlite_url: NewUrl) -> Settings:
    """With less places for all than one socket has operations."""
    return Settings(
        database_url=new_sqlite_url(), deadline=120, request_timeout=1, operations=2, alias_limit=40
    )


@pytest.fixture
async def ada(served: Listening) -> AsyncIterator[Client]:
    """Who writes, over HTTP."""
    async with by_ada(served.app) as client:
        yield client


@pytest.fixture
async def post(ada: Client) -> str:
    saved = factories.post(factories.user(), body="\x01" * 100_000)
    await factories.save(ada.database, saved)
    return to_global_id("Post", saved.id)


def counted(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[Any]:
    """The first arguments of each call from now on."""
    calls = []
    called = getattr(owner, name)

    async def call(*arguments: Any, **more: Any) -> Any:
        calls.append(arguments[0])
        return await called(*arguments, **more)

    monkeypatch.setattr(owner, name, call)
    return calls


def ask(connection: Raw, query: str) -> None:
    """So many times, and read nothing of the answers."""
    connection.writer.transport.pause_reading()  # type: ignore[attr-defined] # It is a socket's.
    for number in range(OPERATIONS):
        # Each is another operation: those that are the same share what they are told.
        payload = {"query": query.replace("a0:", f"b{number}:")}
        message = {"type": "subscribe", "id": str(number), "payload": payload}
        connection.send(Opcode.TEXT, orjson.dumps(message))


async def dropped(served: Listening) -> None:
    await until(lambda: not served.app.state.audience._listeners)


async def test_who_reads_nothing_has_few_answers_made(
    served: Listening, post: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    executed = counted(monkeypatch, served.app.state.endpoint.schema, "execute")
    async with raw(served) as connection:
        ask(connection, QUERY % post)
        await dropped(served)
    assert len(executed) == MOST


async def test_who_reads_nothing_has_no_place_among_all(
    settings: Settings, post: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings.model_copy(update={"request_timeout": 3600})
    async with listening(create_app(settings), settings) as served, raw(served) as connection:
        executed = counted(monkeypatch, served.app.state.endpoint.schema, "execute")
        ask(connection, QUERY % post)
        await until(lambda: len(executed) == MOST)
        async with served.begun() as other:
            assert await other.execute("{__typename}") == {"data": {"__typename": "Query"}}


async def test_who_reads_nothing_has_few_events_read(
    served: Listening, ada: Client, post: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = counted(monkeypatch, Subscribed, "result")
    async with raw(served) as connection:
        ask(connection, f'subscription {{commentAdded(postId: "{post}") {{comment {{post {{{LARGE}}}}}}}}}')
        await until(lambda: served.app.state.feed.followers == OPERATIONS)
        assert (await ada.mutate("createComment", postId=post, body="x"))["userErrors"] == []
        await dropped(served)
    # One was given to the connection, and one waits until that has room again.
    assert len(read) == 2


async def begun(streams: Streams, number: int) -> list[Stream]:
    return [await streams.next() for _ in range(number)]


async def test_a_slow_operation_does_not_hold_up_others(served: Listening, streams: Streams) -> None:
    async with served.begun() as socket:
        for key in range(MOST):
            await socket.subscribe(str(key), "mutation {slow}")
        *_, last = await begun(streams, MOST)
        for number in range(10):
            last.give(number)
            last.end()
            assert (await socket.receive())["payload"] == {"data": number}
            assert (await socket.receive())["type"] == "complete"
            await socket.subscribe("quick", "{quick}")
            last = await streams.next()
        # Subscriptions are there for long, and are none of those.
        await socket.subscribe("another", "subscription {x}")
        assert (await streams.next()).operation.query == "subscription {x}"


async def test_who_waits_can_be_completed(served: Listening, streams: Streams) -> None:
    async with served.begun() as socket:
        for key in range(MOST + 3):
            await socket.subscribe(str(key), f"{{x{key}}}")
        first, *_ = await begun(streams, MOST)
        await socket.send(type="complete", id=str(MOST))
        assert await socket.is_alive()
        first.give(1)
        first.end()
        assert [(await socket.receive())["type"] for _ in range(2)] == ["next", "complete"]
        following = await streams.next()
        assert following.operation.query == f"{{x{MOST + 1}}}"
        # What was begun gives its turn back when nobody wants it any more.
        await socket.send(type="complete", id=str(MOST + 1))
        assert (await streams.next()).operation.query == f"{{x{MOST + 2}}}"
        await asyncio.wait_for(following.is_closed.wait(), PATIENCE)


async def test_who_waits_is_looked_up_when_it_is_their_turn(
    served: Listening, ada: Client, streams: Streams
) -> None:
    async with served.begun({"authorization": ada.http.headers["Authorization"]}) as socket:
        for key in range(MOST + 1):
            await socket.subscribe(str(key), "{x}")
        first, *_ = await begun(streams, MOST)
        assert await socket.is_alive()
        async with ada.database.writing() as session:
            await session.execute(update(User).values(role=Role.EDITOR))
        first.end()
        last = await streams.next()
        assert [stream.viewer and stream.viewer.role for stream in (first, last)] == [Role.USER, Role.EDITOR]


async def test_mutations_that_wait_are_finished_when_the_server_stops(
    served: Listening, streams: Streams
) -> None:
    async with served.begun() as socket:
        for key in range(MOST + 2):
            await socket.subscribe(str(key), "mutation {x}")
        assert await socket.is_alive()
        served.stop()
        for key in range(MOST + 2):
            stream = await streams.next()
            stream.give(key)
            stream.end()
            assert (await socket.receive())["payload"] == {"data": key}
            assert (await socket.receive())["type"] == "complete"
        assert (await socket.closed())[0] == 1012
