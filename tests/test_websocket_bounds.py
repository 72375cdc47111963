"""What a client of a WebSocket cannot do: take too much room, or not read."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest
from websockets.frames import Opcode

from gql.app import create_app
from gql.errors import SessionEndedError, SlowConsumerError, UnavailableError
from gql.settings import Settings
from tests.conftest import NewUrl
from tests.frames import frame, raw
from tests.sockets import PATIENCE, Listening, Streams, listening

pytestmark = pytest.mark.anyio

SUBSCRIBE = b'{"type": "subscribe", "id": "1", "payload": {"query": "{x}"}}'
COMPLETE = b'{"type": "complete", "id": "1"}'
LARGE = "x" * 1_000_000


@pytest.fixture
def settings(new_sqlite_url: NewUrl) -> Settings:
    return Settings(
        database_url=new_sqlite_url(),
        deadline=120,
        request_timeout=1,
        address_sockets=3,
        sockets=4,
        socket_operations=3,
        socket_messages=10,
        ping_seconds=3600,
    )


async def is_refused(served: Listening, **options: Any) -> bool:
    async with served.socket(**options) as socket:
        return (await socket.closed())[0] == 1013


async def test_an_address_has_so_many_sockets(served: Listening) -> None:
    async with AsyncExitStack() as stack:
        open_ones = [await stack.enter_async_context(served.begun()) for _ in range(3)]
        assert await is_refused(served)
        await open_ones.pop().connection.close()
        again = await stack.enter_async_context(served.begun())
        assert all([await socket.is_alive() for socket in (*open_ones, again)])
        assert await is_refused(served)


async def test_there_are_so_many_sockets(served: Listening) -> None:
    async with AsyncExitStack() as stack:
        # A proxy on this machine is believed.
        elsewhere = [{"X-Forwarded-For": f"192.0.2.{number}"} for number in range(5)]
        for headers in elsewhere[:4]:
            await stack.enter_async_context(served.begun(additional_headers=headers))
        assert await is_refused(served, additional_headers=elsewhere[4])


async def test_who_has_an_ipv6_network_has_one_address(served: Listening) -> None:
    async with AsyncExitStack() as stack:
        for number in range(3):
            headers = {"X-Forwarded-For": f"2001:db8::{number}"}
            await stack.enter_async_context(served.begun(additional_headers=headers))
        assert await is_refused(served, additional_headers={"X-Forwarded-For": "2001:db8::ffff"})
        assert not served.app.state.audience._is_over


async def test_a_socket_has_so_many_operations(served: Listening, streams: Streams) -> None:
    async with served.begun() as socket:
        for key in "abc":
            await socket.subscribe(key, "subscription {x}")
        begun = [await streams.next() for _ in range(3)]
        await socket.subscribe("d", "subscription {x}")
        refused = await socket.receive()
        assert (refused["type"], refused["id"]) == ("error", "d")
        assert refused["payload"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"
        begun[0].end()
        assert await socket.receive() == {"id": "a", "type": "complete"}
        await socket.subscribe("d", "subscription {x}")
        (await streams.next()).give("there is room again")
        assert (await socket.receive())["id"] == "d"


async def test_a_socket_sends_so_many_messages(served: Listening) -> None:
    async with served.begun() as socket:
        for _ in range(1000):
            await socket.send(type="pong")
        code, reason = await socket.closed()
        assert (code, "too many messages" in reason) == (1013, True)


async def test_who_answers_no_ping_is_sent_away(new_sqlite_url: NewUrl) -> None:
    settings = Settings(database_url=new_sqlite_url(), ping_seconds=0.2)
    async with (
        listening(create_app(settings), settings) as served,
        served.begun() as living,
        raw(served) as connection,
    ):
        opcode, payload = await connection.frame()
        assert (opcode, len(payload)) == (Opcode.PING, 4)
        connection.send(Opcode.PONG, payload)
        assert (await connection.frame())[0] == Opcode.PING
        connection.send(Opcode.PONG, b"another's")
        assert await connection.closed() == 1013
        assert await living.is_alive()


async def test_who_does_not_read_is_sent_away(served: Listening, streams: Streams) -> None:
    async with served.begun() as other, raw(served) as connection:
        connection.send(Opcode.TEXT, SUBSCRIBE)
        stream = await streams.next()
        # What the kernel and the reader of this test take does not count, so the test reads nothing at all.
        connection.writer.transport.pause_reading()  # type: ignore[attr-defined] # It is a socket's.
        for _ in range(100):
            stream.give(LARGE)
        await asyncio.wait_for(stream.is_closed.wait(), PATIENCE)
        # Most was never taken from it: only what there was room for.
        assert stream.given.qsize() > 50
        assert await other.is_alive()


async def test_who_reads_slowly_is_waited_for(served: Listening, streams: Streams) -> None:
    async with raw(served) as connection:
        connection.send(Opcode.TEXT, SUBSCRIBE)
        stream = await streams.next()
        stream.give(20 * LARGE)
        stream.end()
        # So long that the server looks a few times, and finds less each time.
        for _ in range(20):
            await connection.reader.readexactly(len(LARGE))
            await asyncio.sleep(0.2)
        await connection.reader.readuntil(b'"}}')
        assert await connection.frame() == (Opcode.TEXT, b'{"id":"1","type":"complete"}')


async def test_an_id_can_be_used_again_in_the_same_moment(served: Listening, streams: Streams) -> None:
    async with raw(served) as connection:
        connection.send(Opcode.TEXT, SUBSCRIBE)
        first = await streams.next()
        connection.writer.write(frame(Opcode.TEXT, COMPLETE) + frame(Opcode.TEXT, SUBSCRIBE))
        second = await streams.next()
        await asyncio.wait_for(first.is_closed.wait(), PATIENCE)
        # It is known by its id, although another one of this id has ended since it began.
        connection.send(Opcode.TEXT, COMPLETE)
        await asyncio.wait_for(second.is_closed.wait(), PATIENCE)


async def test_pings_of_who_does_not_read_are_not_kept(served: Listening, streams: Streams) -> None:
    async with raw(served) as connection:
        connection.send(Opcode.TEXT, SUBSCRIBE)
        stream = await streams.next()
        connection.writer.transport.pause_reading()  # type: ignore[attr-defined] # It is a socket's.
        for _ in range(200):
            stream.give("x" * 100_000)
        pings = frame(Opcode.PING, b"x" * 125) * 1000
        kept = 0
        while not stream.is_closed.is_set():
            connection.writer.write(pings)
            await asyncio.sleep(0.01)
            kept = max(kept, served.unsent)
        # An event that was being sent, and some frames.
        assert kept < 500_000


@pytest.mark.parametrize(
    ("error", "code"),
    [(SlowConsumerError(), 1013), (UnavailableError("Away"), 1013), (SessionEndedError(), 4403)],
    ids=["slow", "away", "ended"],
)
async def test_results_that_cannot_go_on_end_the_socket(
    served: Listening, streams: Streams, error: Exception, code: int
) -> None:
    async with served.begun() as socket:
        await socket.subscribe("1", "subscription {x}")
        stream = await streams.next()
        stream.give({"x": 1})
        stream.fail(error)
        assert (await socket.receive())["type"] == "next"
        assert (await socket.closed())[0] == code
