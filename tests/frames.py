"""A client of WebSockets that sends frames as the test says, also such that are none."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from websockets.frames import Opcode

from tests.sockets import PATIENCE, PROTOCOL, Listening

HEAD = (
    b"GET /graphql HTTP/1.1\r\nHost: gazette\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Protocol: %b\r\n" % PROTOCOL.encode()
)
INIT = b'{"type": "connection_init"}'


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
