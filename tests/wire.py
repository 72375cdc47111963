"""Bytes to a server, and what comes back."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

Address = tuple[str, int]
TYPENAME = b'{"data":{"__typename":"Query"}}'


def address_of(url: str) -> Address:
    host, port = url.removeprefix("http://").split(":")
    return host, int(port)


@contextmanager
def connected(address: Address) -> Iterator[socket.socket]:
    with socket.create_connection(address, timeout=30) as connection:
        yield connection


def everything(connection: socket.socket) -> bytes:
    """What comes until the server closes."""
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def statuses(answers: bytes) -> list[int]:
    return [int(part[:3]) for part in answers.split(b"HTTP/1.1 ")[1:]]


def answered(address: Address, *parts: bytes) -> list[int]:
    """The statuses of what comes, until the server closes."""
    with connected(address) as connection:
        try:
            for part in parts:
                connection.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return statuses(everything(connection))


def is_cut_off(connection: socket.socket, more: bytes) -> bool:
    """Whether the server closes while a little comes again and again."""
    for _ in range(400):
        try:
            connection.sendall(more)
        except (BrokenPipeError, ConnectionResetError):
            return True
        time.sleep(0.02)
    return False
