"""What those who stay connected may do."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SocketBounds:
    """How many may be connected for long, by sockets and streams, and how they have to behave."""

    sockets: int = 2000
    address_sockets: int = 20
    operations: int = 20  # At once, of a socket.
    messages: int = 20  # A second, of a socket.
    init_seconds: float = 10
    ping_seconds: float = 12
    session_seconds: float = 5
