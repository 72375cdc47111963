"""Many subscribers in one process, so cheap that they leave the machine to the server: frames by hand.

What comes is kept as it is, with the time, and looked at when all is over.
"""

import asyncio
import base64
import json
import os
import struct
import time
from array import array

_TEXT, _CLOSE, _PING, _PONG = 0x1, 0x8, 0x9, 0xA
_DOCUMENT = (
    "subscription ($post: ID!) {commentAdded(postId: $post) {eventId comment {body author {username}}}}"
)
_UPGRADE = (
    "GET /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)


class Subscriber(asyncio.Protocol):
    """One socket, which follows the comments of one post. `ended` says why it was closed."""

    def __init__(self, post_id: str, token: str | None) -> None:
        self.post_id = post_id
        self.ended = ""
        self.times = array("d")
        self.messages: list[bytes] = []
        self._token = token
        self._unread = b""
        self._is_open = False
        self.is_acknowledged = asyncio.get_running_loop().create_future()

    async def has(self, messages: int) -> None:
        """Wait until it has so many. It looks now and then: to be woken up by each costs more."""
        while len(self.messages) < messages and not self.ended:  # noqa: ASYNC110
            await asyncio.sleep(0.1)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # As it comes.
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(_UPGRADE.format(key=key).encode())

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = self.ended or f"connection lost: {exc}"
        if not self.is_acknowledged.done():
            self.is_acknowledged.set_exception(ConnectionError(self.ended))

    def data_received(self, data: bytes) -> None:
        data = self._unread + data if self._unread else data
        at = 0
        if not self._is_open:
            at = data.find(b"\r\n\r\n") + 4
            if at < 4:
                self._unread = data
                return
            self._open(data[:at])
        while (end := _end_of_frame(data, at)) is not None:
            start, stop = end
            self._take(data[at] & 0xF, data[start:stop])
            at = stop
        self._unread = data[at:]

    def _open(self, head: bytes) -> None:
        if not head.startswith(b"HTTP/1.1 101 "):
            raise ConnectionError(head.decode())
        self._is_open = True
        authorization = {"authorization": f"Bearer {self._token}"} if self._token else {}
        self._send(_TEXT, json.dumps({"type": "connection_init", "payload": authorization}).encode())

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == _PING:
            self._send(_PONG, payload)
        elif opcode == _CLOSE:
            self.ended = f"closed with {int.from_bytes(payload[:2])}: {payload[2:].decode()}"
            self._send(_CLOSE, payload[:2])
        elif self.is_acknowledged.done():
            self.times.append(time.monotonic())
            self.messages.append(payload)
        else:
            given = {"query": _DOCUMENT, "variables": {"post": self.post_id}}
            self._send(_TEXT, json.dumps({"id": "1", "type": "subscribe", "payload": given}).encode())
            self.is_acknowledged.set_result(None)

    def _send(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack("!H", size)
        # Masked with nothing, which a server cannot tell from any other mask.
        self.transport.write(bytes([0x80 | opcode]) + length + bytes(4) + payload)


def _end_of_frame(data: bytes, at: int) -> tuple[int, int] | None:
    """Where the payload of a frame begins and ends, if all of it is there. A server masks nothing."""
    if len(data) < at + 4:
        # The shortest ones: a ping or a close without a payload.
        return (at + 2, at + 2) if len(data) >= at + 2 and not data[at + 1] else None
    size, start = data[at + 1], at + 2
    if size == 126:
        size, start = int.from_bytes(data[at + 2 : at + 4]), at + 4
    elif size == 127:
        raise ValueError("no event is that long")
    return (start, start + size) if len(data) >= start + size else None


async def subscribe(port: int, post_id: str, token: str | None) -> Subscriber:
    """One that is acknowledged; when its subscription has begun nobody tells."""
    _, subscriber = await asyncio.get_running_loop().create_connection(
        lambda: Subscriber(post_id, token), "127.0.0.1", port
    )
    await subscriber.is_acknowledged
    return subscriber
