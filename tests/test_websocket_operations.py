"""Operations of a WebSocket: several at once, each known by its id, until one of both sides ends it."""

import asyncio

import pytest

from gql.settings import Settings
from tests.conftest import NewUrl
from tests.sockets import PATIENCE, Listening, Streams

pytestmark = pytest.mark.anyio


@pytest.fixture
def settings(new_sqlite_url: NewUrl) -> Settings:
    """What the protocol is about does not depend on the database."""
    return Settings(database_url=new_sqlite_url(), deadline=120)


async def test_a_stream_is_sent_as_it_comes(served: Listening, streams: Streams) -> None:
    async with served.begun() as socket:
        await socket.subscribe('a b\u00fc"', "subscription {x}", variables={"v": 1}, operationName="X")
        stream = await streams.next()
        assert stream.operation.query == "subscription {x}"
        assert (stream.operation.variables, stream.operation.name) == ({"v": 1}, "X")
        for number in range(3):
            stream.give({"x": number}, event_id=str(number))
            payload = {"data": {"x": number}}
            assert await socket.receive() == {"id": 'a b\u00fc"', "type": "next", "payload": payload}
        stream.end()
        assert await socket.receive() == {"id": 'a b\u00fc"', "type": "complete"}


async def test_operations_run_at_once(served: Listening, streams: Streams) -> None:
    async with served.begun() as socket:
        begun = []
        for key in "abc":
            await socket.subscribe(key, f"subscription {{{key}}}")
            begun.append(await streams.next())
        for stream in reversed(begun):
            stream.give(stream.operation.query)
        assert [(await socket.receive())["id"] for _ in begun] == ["c", "b", "a"]
        assert await socket.is_alive()


async def test_an_id_is_used_by_one_at_a_time(served: Listening, streams: Streams) -> None:
    async with served.begun() as socket:
        await socket.subscribe("1", "subscription {x}")
        stream = await streams.next()
        await socket.subscribe("1", "subscription {y}")
        assert await socket.closed() == (4409, "Subscriber for 1 already exists")
        await asyncio.wait_for(stream.is_closed.wait(), PATIENCE)


async def test_the_reason_of_a_close_is_short_whatever_the_id(served: Listening, streams: Streams) -> None:
    async with served.begun() as socket:
        key = "\u00fc\U0001f4f0" * 128
        await socket.subscribe(key, "subscription {x}")
        await socket.subscribe(key, "subscription {y}")
        code, reason = await socket.closed()
        assert (code, reason.startswith("Subscriber for "), len(reason) <= 123) == (4409, True, True)


async def test_what_is_completed_says_nothing_more(served: Listening, streams: Streams) -> None:
    async with served.begun() as socket:
        await socket.subscribe("1", "subscription {x}")
        first = await streams.next()
        first.give({"x": 1})
        assert (await socket.receive())["payload"] == {"data": {"x": 1}}
        await socket.send(type="complete", id="1")
        await asyncio.wait_for(first.is_closed.wait(), PATIENCE)
        first.give({"x": 2})
        # The id is free at once.
        await socket.subscribe("1", "subscription {x}")
        second = await streams.next()
        assert await socket.is_alive()
        second.give({"x": 3})
        assert (await socket.receive())["payload"] == {"data": {"x": 3}}


async def test_complete_and_subscribe_again_in_one_breath(served: Listening, streams: Streams) -> None:
    async with served.begun() as socket:
        await socket.subscribe("1", "subscription {x}")
        stream = await streams.next()
        for number in range(20):
            stream.give({"x": number})
            await socket.send(type="complete", id="1")
            await socket.subscribe("1", "subscription {x}")
            stream = await streams.next()
        stream.give("last")
        while (await socket.receive())["payload"] != {"data": "last"}:
            pass
        # It is still known by its id, whatever has ended before.
        await socket.send(type="complete", id="1")
        await asyncio.wait_for(stream.is_closed.wait(), PATIENCE)


@pytest.mark.parametrize("key", ["unknown", "1"])
async def test_to_complete_what_is_not_there_is_no_error(served: Listening, key: str) -> None:
    async with served.begun() as socket:
        await socket.subscribe("1", "{__typename}")
        assert [(await socket.receive())["type"] for _ in range(2)] == ["next", "complete"]
        await socket.send(type="complete", id=key)
        assert await socket.is_alive()


async def test_a_refusal_after_events_ends_the_operation(served: Listening, streams: Streams) -> None:
    async with served.begun() as socket:
        await socket.subscribe("1", "subscription {x}")
        stream = await streams.next()
        stream.give({"x": 1})
        stream.refuse("no more")
        assert (await socket.receive())["type"] == "next"
        assert await socket.receive() == {"id": "1", "type": "error", "payload": [{"message": "no more"}]}
        await asyncio.wait_for(stream.is_closed.wait(), PATIENCE)
        assert await socket.is_alive()


async def test_what_nobody_expected_is_masked(
    served: Listening, streams: Streams, caplog: pytest.LogCaptureFixture
) -> None:
    async with served.begun() as socket:
        await socket.subscribe("1", "subscription {x}")
        (await streams.next()).fail(RuntimeError("a secret"))
        failed = await socket.receive()
        assert (failed["type"], failed["id"]) == ("error", "1")
        (error,) = failed["payload"]
        assert error["message"] == "Internal error"
        assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
        assert error["extensions"]["requestId"] in caplog.text
        assert "secret" not in caplog.text
        assert await socket.is_alive()
    caplog.clear()


@pytest.mark.parametrize("how", ["close", "abort"])
async def test_operations_end_with_their_socket(served: Listening, streams: Streams, how: str) -> None:
    async with served.begun() as socket:
        begun = []
        for key in "abc":
            await socket.subscribe(key, "subscription {x}")
            begun.append(await streams.next())
        if how == "close":
            await socket.connection.close()
        else:
            socket.connection.transport.abort()
        for stream in begun:
            await asyncio.wait_for(stream.is_closed.wait(), PATIENCE)
