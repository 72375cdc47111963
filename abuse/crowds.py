"""Many connections at once, which are held for a while: what they cost others, only others can say."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from abuse.shapes import POST

SLOW, SILENT = 300, 400
_SLOW_HEAD = POST + b"Content-Length: 1000\r\n\r\n{"


@contextmanager
def silent_clients(port: int, number: int = SILENT) -> Iterator[list[socket.socket]]:
    """They connect, and say nothing."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            for _ in range(number)
        ]


@contextmanager
def slow_senders(port: int, number: int = SLOW) -> Iterator[list[socket.socket]]:
    """Each has begun a request that does not end."""
    with silent_clients(port, number) as connections:
        for connection in connections:
            connection.sendall(_SLOW_HEAD)
        yield connections


def drip(connections: list[socket.socket], seconds: float) -> None:
    """Send a byte on each, four times a second; the server may have closed some."""
    for _ in range(int(seconds * 4)):
        for connection in connections:
            try:
                connection.send(b" ")
            except (BrokenPipeError, ConnectionResetError):
                continue
        time.sleep(0.25)
