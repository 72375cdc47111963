"""What arrives at a WebSocket that is no frame, no message or no handshake, or does not end."""

import asyncio

import pytest
from websockets.frames import Opcode

from gql.settings import Settings
from tests.conftest import NewUrl
from tests.frames import HEAD, connected, frame, raw
from tests.sockets import PATIENCE, Listening, Streams

pytestmark = pytest.mark.anyio


@pytest.fixture
def settings(new_sqlite_url: NewUrl) -> Settings:
    return Settings(database_url=new_sqlite_url(), deadline=120, body_limit=10_000, request_timeout=1)


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
