"""uvicorn's HTTP protocol, with the head and the body of a response in one write, and bounds on requests."""

import asyncio
import sys
from collections.abc import Iterable
from typing import Any

from httptools import HttpParserError, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from gql.bounds import Bounds
from gql.settings import Settings

# What every answer has, whoever makes it: the application, uvicorn, or the protocol below.
HEADERS = [
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    # Against pages that embed what they may not read. It says nothing about those that CORS lets read it.
    ("Cross-Origin-Resource-Policy", "same-origin"),
    # The explorer has a whole policy besides: browsers hold to both.
    ("Content-Security-Policy", "frame-ancestors 'none'"),
]

_LINGER = 1.0  # Seconds to go on reading what a client sends although it has its answer.


def server_options(settings: Settings) -> dict[str, Any]:
    """How uvicorn is to serve the application."""
    return {
        "http": "gql.server:Protocol",
        "ws": "gql.frames:Protocol",
        "ws_max_size": settings.body_limit,
        "ws_ping_interval": settings.ping_seconds,
        "ws_ping_timeout": settings.ping_seconds,
        # Each socket would keep some tens of kilobytes for it.
        "ws_per_message_deflate": False,
        "access_log": False,
        "server_header": False,
        "headers": HEADERS,
        "forwarded_allow_ips": settings.proxies,
        "timeout_graceful_shutdown": settings.shutdown,
    }


class Protocol(HttpToolsProtocol):
    """For `uvicorn.run(http=...)`. The lifespan may bring `bounds` and `audience`.

    The parser keeps what it has of a header until it is complete, however long it gets, and uvicorn waits for
    the rest of a request without end. The usual request comes in one piece, and no timer is set for it.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        bounds: Bounds = self.app_state.get("bounds", Bounds())
        self._head_limit = bounds.head
        # What surrounds a body in pieces may be as much as the body.
        self._limit = bounds.head + 2 * bounds.body
        self._seconds = bounds.seconds
        self._timer: asyncio.TimerHandle | None = None
        # Of the request that arrives: its bytes so far, without those that came together with the end of the
        # one before, and whether its head and all of it are there.
        self._size = self._piece = 0
        self._has_head = False
        self._is_whole = False
        self._is_upgraded = False
        self._refusal = (400, "Invalid HTTP request received.")
        self._data = b""
        # Of an answer that the client does not take: what is left of it, and when to look again.
        self._unread = 0
        self._unread_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # As the base.
        # Then `pause_writing` tells of all that the kernel does not take.
        transport.set_write_buffer_limits(high=0)
        super().connection_made(JoinedWrites(transport, self.loop))  # type: ignore[arg-type] # It has all.
        self._wait(self._seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self.resume_writing()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self.transport.get_write_buffer_size()
        self._unread_timer = self.loop.call_later(self._seconds, self._look_at_reader)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None

    def _look_at_reader(self) -> None:
        """Whoever has taken nothing in all that time is cut off, with all that is kept for them."""
        if self.transport.get_write_buffer_size() < self._unread:
            self.pause_writing()
        else:
            self.transport.abort()

    def shutdown(self) -> None:
        """What streams has no end of its own."""
        if audience := self.app_state.get("audience"):
            audience.shut_down()
        super().shutdown()

    def handle_websocket_upgrade(self) -> None:
        self._stop_waiting()
        self.resume_writing()
        self._is_upgraded = True
        if self.cycle is not None and not self.cycle.response_complete:
            # What came before is still being answered, in the middle of what would be frames.
            self.transport.close()
            return
        # Frames are written one by one, and a full buffer has to be known at once.
        self.transport = self.transport.unjoined()  # type: ignore[attr-defined] # Ours has it.
        super().handle_websocket_upgrade()

    def data_received(self, data: bytes) -> None:
        self._data = data
        self._piece = len(data)
        self._size += self._piece
        # An empty line may come before a request.
        self._is_whole = False
        super().data_received(data)
        if self._is_upgraded:
            return
        if self._is_whole:
            if self._timer is not None:
                self._stop_waiting()
        elif not self.transport.is_closing():
            self._expect_more()

    def _expect_more(self) -> None:
        if self._has_head and self._size > self._limit:
            self._refuse(413, "The request is too long.")
        elif not self._has_head and self._size > self._head_limit:
            self._refuse(*self._head_too_long())
        elif self._timer is None:
            self._wait(self._seconds)

    def on_message_begin(self) -> None:
        self._is_whole = False
        super().on_message_begin()

    @property
    def _is_unwanted_upgrade(self) -> bool:
        return (
            self.parser.should_upgrade()
            and self.parser.get_method() != b"CONNECT"
            and not self._should_upgrade()
        )

    def _unsupported_upgrade_warning(self) -> None:
        """What the base calls for a protocol that nobody speaks here. The parser takes its request to end
        with the head: it is read again as the plain HTTP/1.1 that it is, too."""
        if not self._is_unwanted_upgrade:
            return
        upgrade: Any = sys.exception()
        head = [b"%s %s HTTP/1.1\r\n" % (self.parser.get_method(), self.url)]
        for name, value in self.headers:
            if name == b"connection":
                value = b",".join(part for part in value.split(b",") if part.strip().lower() != b"upgrade")
            if name != b"upgrade":
                head.append(b"%s: %s\r\n" % (name, value))
        self.parser = HttpRequestParser(self)
        super().data_received(b"".join(head) + b"\r\n" + self._data[upgrade.args[0] :])

    def on_headers_complete(self) -> None:
        if max(self._size, self._piece) > self._head_limit and self._head_size() > self._head_limit:
            self._refusal = self._head_too_long()
            raise HttpParserError
        if self._is_unwanted_upgrade:
            return
        super().on_headers_complete()
        self._has_head = True
        # The scope has the headers. What comes after the body would still be added to them.
        self.headers = _Complete(self.headers)

    def on_message_complete(self) -> None:
        if self._is_unwanted_upgrade:
            return
        self._is_whole = True
        self._has_head = False
        self._size = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self._is_whole and self.cycle.response_complete and self.cycle.more_body:
            # To close at once would take the answer away from a client that still sends.
            self._stop_waiting()
            self._wait(_LINGER)

    def send_400_response(self, msg: str) -> None:
        """What the base answers with when the parser, or a callback of it, has failed."""
        self._refuse(*self._refusal)

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _head_too_long(self) -> tuple[int, str]:
        return 431, f"The address and headers are longer than {self._head_limit:,} bytes."

    def _refuse(self, status: int, message: str) -> None:
        """Answer, unless this request has its answer or another one is under way, and close."""
        cycle = self.cycle
        if self._has_head:
            is_next = not cycle.response_started and not self.pipeline
        else:
            is_next = cycle is None or cycle.response_complete
        if is_next:
            self.transport.write(refusal(status, message, self.server_state.default_headers))
        self.transport.close()

    def _wait(self, seconds: float) -> None:
        self._timer = self.loop.call_later(seconds, self._is_late)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _is_late(self) -> None:
        self._timer = None
        cycle = self.cycle
        if self.transport.is_closing():
            return
        if self.pipeline or (cycle is not None and not cycle.response_complete and not cycle.more_body):
            # One that came before is being answered meanwhile, and this one is not even read.
            self._wait(self._seconds)
        elif self._size == 0:
            self.transport.close()
        else:
            self._refuse(408, f"The request did not arrive within {self._seconds} seconds.")


def refusal(status: int, message: str, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A response of the server itself, after which the connection is closed."""
    head = b"".join(b"%s: %s\r\n" % header for header in headers)
    head += (
        b"content-type: text/plain; charset=utf-8\r\n"
        b"content-length: %d\r\nconnection: close\r\n\r\n" % len(message)
    )
    return STATUS_LINE[status] + head + message.encode()


class _Complete(list[tuple[bytes, bytes]]):
    """Headers to which none is added any more."""

    def append(self, _: tuple[bytes, bytes]) -> None:
        raise HttpParserError


class JoinedWrites:
    """A transport that writes at once what comes in the same turn of the event loop.

    uvicorn writes the head of a response and then its body, and uvloop sends each as it comes: two system
    calls, each of which wakes the client up. For a small query that is a fifth of all.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._written: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._written:
            self._loop.call_soon(self._flush)
        self._written.append(data)

    def unjoined(self) -> asyncio.Transport:
        self._flush()
        return self._transport

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        written, self._written = self._written, []
        if written and not self._transport.is_closing():
            self._transport.write(b"".join(written))
