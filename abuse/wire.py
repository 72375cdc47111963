"""Requests as bytes on sockets: the client has to be cheap, because it shares the machine with the server."""

import re
import select
import socket
import time
from collections.abc import Iterable

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_PIECE = 65_536


class Gone(Exception):  # noqa: N818 # Not an error: some requests are answered by a closed connection.
    """The server has closed the connection without an answer."""


def read_answer(connection: socket.socket) -> tuple[int, bytes]:
    """The status and the body of one answer; raises Gone."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += _more(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    missing = int(length[1]) - len(body) if length else 0
    while missing > 0:
        part = _more(connection)
        body, missing = body + part, missing - len(part)
    return int(head[9:12]), body


def _more(connection: socket.socket) -> bytes:
    try:
        part = connection.recv(_PIECE)
    except ConnectionResetError:
        part = b""
    if not part:
        raise Gone
    return part


def exchange(connection: socket.socket, parts: Iterable[bytes]) -> tuple[int, bytes, float]:
    """Send until there is an answer, also in the midst of it: its status, its body, and after what seconds.

    Raises Gone.
    """
    begun = time.monotonic()
    for part in parts:
        left = memoryview(part)
        while left:
            readable, _, _ = select.select([connection], [connection], [])[0:3]
            if readable:
                status, body = read_answer(connection)
                return status, body, time.monotonic() - begun
            try:
                left = left[connection.send(left[:_PIECE]) :]
            except (BrokenPipeError, ConnectionResetError) as error:
                raise Gone from error
    status, body = read_answer(connection)
    return status, body, time.monotonic() - begun
