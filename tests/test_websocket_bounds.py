"""What a client of a WebSocket cannot do: take too much room, not read, or send what is no frame."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import pytest
from websockets.frames import Opcode

from gql.app import create_app
from gql.errors import SessionEndedError, SlowConsumerError, UnavailableError
from gql.settings import Settings
from tests.conftest import NewUrl
from tests.sockets import PATIENCE, PROTOCOL, Listening, Streams, listening

pytestmark = pytest.mark.anyio

HEAD = (
    b"GET /graphql HTTP/1.1\r\nHost: gazette\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Protocol: %b\r\n" % PROTOCOL.encode()
)
INIT = b'{"type": "connection_init"}'
SUBSCRIBE = b'{"type": "subscribe", "id": "1", "payload": {"query": "{x}"}}'
COMPLETE = b'{"type": "complete", "id": "1"}'
LARGE = "x" * 1_000_000


@pytest.fixture
def settings(new_sqlite_url: NewUrl) -> Settings:
    return Settings(
        database_url=new_sqlite_url(),
        deadline=120,
        body_limit=10_000,
        request_timeout=1,
        address_sockets=3,
        sockets=4,
        socket_operations=3,
        socket_messages=10,
        ping_seconds=3600,
        shutdown=3600,
    )


@pytest.fixture
async def served(settings: Settings, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Listening]:
    async with listening(create_app(settings), settings) as served:
        yield served
    assert [record.getMessage() for record in caplog.get_records("call") if record.levelname == "ERROR"] == []


@pytest.fixture
def streams(served: Listening, monkeypatch: pytest.MonkeyPatch) -> Streams:
    return Streams().answer(served.app, monkeypatch)


def frame(opcode: int, data: bytes, *, fin: bool = True, masked: bool = True) -> bytes:
    """As it is sent, whether or not it may be; a mask of zeros leaves what it masks as it is."""
    size = len(data)
    long = size.to_bytes(2 if size < 2**16 else 8) if size > 125 else b""
    length = {0: size, 2: 126, 8: 127}[len(long)]
    head = bytes([opcode | 128 * fin, length | 128 * masked])
    return head + long + (b"\0\0\0\0" if masked else b"") + data


class Raw:
    """A connection of which every byte is the test's."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, opcode: Opcode, data: bytes, *, fin: bool = True) -> None:
        self.writer.write(frame(opcode, data, fin=fin))

    async def frame(self) -> tuple[int, bytes]:
        """What the server sends next: the opcode and the payload."""
        head = await asyncio.wait_for(self.reader.readexactly(2), PATIENCE)
        size = head[1]
        if size >= 126:
            size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8))
        return head[0] & 15, await asyncio.wait_for(self.reader.readexactly(size), PATIENCE)

    async def closed(self) -> int:
        """The code with which it is closed, whatever is sent before; and then it is."""
        while True:
            opcode, payload = await self.frame()
            if opcode == Opcode.CLOSE:
                break
        # What is still being sent is not read for long.
        with suppress(ConnectionResetError):
            assert await asyncio.wait_for(self.reader.read(), PATIENCE) == b""
        return int.from_bytes(payload[:2])


@asynccontextmanager
async def connected(served: Listening) -> AsyncIterator[Raw]:
    # Nothing is read in advance, but for a little.
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    try:
        yield Raw(reader, writer)
    finally:
        writer.close()


@asynccontextmanager
async def raw(served: Listening, head: bytes = HEAD) -> AsyncIterator[Raw]:
    """A WebSocket that is acknowledged."""
    async with connected(served) as connection:
        connection.writer.write(head + b"\r\n")
        answered = await asyncio.wait_for(connection.reader.readuntil(b"\r\n\r\n"), PATIENCE)
        assert answered.startswith(b"HTTP/1.1 101 ")
        connection.send(Opcode.TEXT, INIT)
        assert await connection.frame() == (Opcode.TEXT, b'{"type":"connection_ack"}')
        yield connection


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


@pytest.mark.parametrize("pieces", [1, 4])
async def test_a_message_is_so_long(served: Listening, pieces: int) -> None:
    async with raw(served) as connection:
        for number in range(pieces):
            opcode = Opcode.CONT if number else Opcode.TEXT
            connection.send(opcode, b"x" * (12_000 // pieces), fin=number == pieces - 1)
        assert await connection.closed() == 1009


async def test_who_sends_on_is_told_all_the_same(served: Listening) -> None:
    async with raw(served) as connection:
        connection.writer.write(frame(Opcode.TEXT, b"x" * 5_000_000))
        assert await connection.closed() == 1009


async def test_a_message_has_so_many_fragments(served: Listening) -> None:
    async with raw(served) as connection:
        connection.send(Opcode.TEXT, b"", fin=False)
        for _ in range(2000):
            connection.send(Opcode.CONT, b"", fin=False)
        assert await connection.closed() == 1009


async def test_a_message_in_fragments_with_pings_between(served: Listening) -> None:
    async with raw(served) as connection:
        message = b'{"type": "ping"}'
        connection.send(Opcode.TEXT, message[:5], fin=False)
        connection.send(Opcode.PING, b"here?")
        connection.send(Opcode.CONT, message[5:9], fin=False)
        connection.send(Opcode.CONT, message[9:])
        assert await connection.frame() == (Opcode.PONG, b"here?")
        assert await connection.frame() == (Opcode.TEXT, b'{"type":"pong"}')


@pytest.mark.parametrize("part", ["a frame", "a message"])
async def test_a_message_has_to_arrive(served: Listening, part: str) -> None:
    async with raw(served) as connection:
        if part == "a frame":
            connection.writer.write(frame(Opcode.TEXT, b"x" * 100)[:50])
        else:
            connection.send(Opcode.TEXT, b"x" * 100, fin=False)
        assert await connection.closed() == 4408


NO_FRAMES = {
    "not masked": (frame(Opcode.TEXT, b"{}", masked=False), 1002),
    "an unknown opcode": (bytes([0x83, 0x80, 0, 0, 0, 0]), 1002),
    "reserved bits": (bytes([0xF1, 0x80, 0, 0, 0, 0]), 1002),
    "a continuation of nothing": (frame(Opcode.CONT, b"x"), 1002),
    "a fragmented ping": (frame(Opcode.PING, b"x", fin=False), 1002),
    "a long ping": (frame(Opcode.PING, b"x" * 126), 1002),
    "a close of one byte": (frame(Opcode.CLOSE, b"x"), 1002),
    "a close of no code": (frame(Opcode.CLOSE, b"\x00\x01"), 1002),
    "a close that is not UTF-8": (frame(Opcode.CLOSE, b"\x03\xe8\xff"), 1007),
    "not UTF-8": (frame(Opcode.TEXT, b'"\xff"'), 1007),
    "half a character": (frame(Opcode.TEXT, b'"\xc3'), 1007),
    "HTTP": (b"GET / HTTP/1.1\r\n\r\n", 1002),
}


@pytest.mark.parametrize("name", NO_FRAMES)
async def test_what_is_no_frame(served: Listening, name: str) -> None:
    sent, code = NO_FRAMES[name]
    async with raw(served) as connection:
        connection.writer.write(sent)
        assert await connection.closed() == code


NO_HANDSHAKES = {
    "another method": HEAD.replace(b"GET", b"POST"),
    "a body": HEAD + b"Content-Length: 5\r\n",
    "chunks": HEAD + b"Transfer-Encoding: chunked\r\n",
    "no version": HEAD.replace(b"Sec-WebSocket-Version: 13\r\n", b""),
    "another version": HEAD.replace(b"13", b"8"),
    "no key": HEAD.replace(b"Sec-WebSocket-Key", b"Other"),
    "a bad key": HEAD.replace(b"dGhlIHNhbXBsZSBub25jZQ==", b"x"),
    "two keys": HEAD + b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    "a long header": HEAD + b"Cookie: %b\r\n" % (b"x" * 10_000),
    "many headers": HEAD + b"".join(b"X-%d: x\r\n" % number for number in range(200)),
    "a long address": HEAD.replace(b"/graphql", b"/graphql?" + b"x" * 10_000),
    "an address that is not ASCII": HEAD.replace(b"/graphql", b"/graphql\xff"),
}


@pytest.mark.parametrize("name", NO_HANDSHAKES)
async def test_what_is_no_handshake(served: Listening, name: str) -> None:
    async with connected(served) as connection:
        connection.writer.write(NO_HANDSHAKES[name] + b"\r\n")
        answered = await asyncio.wait_for(connection.reader.read(), PATIENCE)
        assert answered.split(b" ")[1] in (b"400", b"405", b"414", b"426", b"431"), answered


async def test_headers_need_not_be_ascii(served: Listening) -> None:
    async with raw(served, HEAD + b"User-Agent: caf\xe9\r\n") as connection:
        connection.send(Opcode.TEXT, b'{"type": "ping"}')
        assert await connection.frame() == (Opcode.TEXT, b'{"type":"pong"}')


async def test_an_upgrade_amid_an_answer(served: Listening, streams: Streams) -> None:
    body = b'{"query": "{__typename}"}'
    stream = b"POST /graphql HTTP/1.1\r\nHost: gazette\r\nAccept: text/event-stream\r\n"
    stream += b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with connected(served) as connection:
        connection.writer.write(stream + body)
        begun = await streams.next()
        connection.writer.write(HEAD + b"\r\n")
        await asyncio.wait_for(connection.reader.read(), PATIENCE)
        await asyncio.wait_for(begun.is_closed.wait(), PATIENCE)


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


async def test_clients_are_told_to_come_back(served: Listening, streams: Streams) -> None:
    async with served.begun() as socket, served.socket() as waiting:
        await socket.subscribe("1", "subscription {x}")
        stream = await streams.next()
        served.stop()
        for one in (socket, waiting):
            assert await one.closed() == (1012, "The server stops; come back.")
        await asyncio.wait_for(stream.is_closed.wait(), PATIENCE)


async def test_mutations_are_finished_before(served: Listening, streams: Streams) -> None:
    async with served.begun() as socket:
        begun = {}
        for key, query in (("1", "mutation {x}"), ("2", "query {x}"), ("3", "subscription {x}")):
            await socket.subscribe(key, query)
            begun[key] = await streams.next()
        served.stop()
        for key in "23":
            await asyncio.wait_for(begun[key].is_closed.wait(), PATIENCE)
        begun["1"].give({"x": "done"})
        begun["1"].end()
        assert (await socket.receive())["payload"] == {"data": {"x": "done"}}
        assert await socket.receive() == {"id": "1", "type": "complete"}
        assert (await socket.closed())[0] == 1012


async def test_no_mutation_is_waited_for_without_end(new_sqlite_url: NewUrl, monkeypatch: Any) -> None:
    settings = Settings(database_url=new_sqlite_url(), shutdown=1)
    async with listening(create_app(settings), settings) as served:
        streams = Streams().answer(served.app, monkeypatch)
        async with served.begun() as socket:
            await socket.subscribe("1", "mutation {x}")
            stream = await streams.next()
            served.stop()
            assert (await socket.closed())[0] == 1012
            await asyncio.wait_for(stream.is_closed.wait(), PATIENCE)
