"""uvicorn's WebSocket protocol, with bounds on what a client sends, and on what it does not read."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode
from websockets.http11 import Request

from gql.bounds import Bounds
from gql.server import refusal

# uvicorn would tell of every socket, and with what address it came.
logger = logging.getLogger("gazette.frames")

_MOST_FRAGMENTS = 1000
_CLOSING = 10.0  # Seconds for the client to answer that the socket is closed.
_LINGER = 1.0  # Seconds in which a client that is not read any more can read why.


class Protocol(WebSocketsSansIOProtocol):
    """For `uvicorn.run(ws=...)`. The lifespan may bring `bounds` and `audience`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._seconds = self.app_state.get("bounds", Bounds()).seconds
        self._audience = self.app_state.get("audience")
        self.close_timeout = _CLOSING
        self.logger = self.conn.logger = logger
        # For a message to arrive, and for a client that is told to close to do so.
        self._arrival: asyncio.TimerHandle | None = None
        self._parting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._patience = Patience(self.loop, transport, self._seconds, self._is_stalled)

    def connection_lost(self, exc: Exception | None) -> None:
        self._patience.end()
        self._stop_waiting()
        if self._parting is not None:
            self._parting.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.conn.parser_exc is not None:
            return  # It is closed already, and only waits for the client.
        super().data_received(data)
        if not self.handshake_initiated:
            # The head came in one piece, from the HTTP protocol, and is none of a WebSocket.
            self._refuse_handshake()
        elif not self.close_sent:
            self._expect_more()

    def _expect_more(self) -> None:
        """A message that has begun has to arrive in time. Most come in one piece, and need no timer."""
        is_partial = bool(self.frames or self.conn.reader.buffer)
        if not is_partial:
            self._stop_waiting()
        elif self._arrival is None:
            late = f"The message did not arrive within {self._seconds} seconds."
            self._arrival = self.loop.call_later(self._seconds, self._fail, 4408, late)

    def _stop_waiting(self) -> None:
        if self._arrival is not None:
            self._arrival.cancel()
            self._arrival = None

    def handle_connect(self, event: Request) -> None:
        if event.path.isascii():
            super().handle_connect(event)
        else:
            self._refuse_handshake()

    def _refuse_handshake(self) -> None:
        self.handshake_initiated = self.handshake_complete = self.close_sent = True
        self.transport.write(refusal(400, "Invalid WebSocket handshake received.", self.default_headers))
        self.transport.close()

    def handle_cont(self, event: Any) -> None:
        if len(self.frames) >= _MOST_FRAGMENTS:
            self._fail(CloseCode.MESSAGE_TOO_BIG, f"A message has more than {_MOST_FRAGMENTS} fragments.")
        elif not self.close_sent:
            super().handle_cont(event)

    def handle_ping(self) -> None:
        """A client that asks without end and does not read is not answered any more."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self._fail(CloseCode.INVALID_DATA, "A text message is UTF-8.")
                return
        super().send_receive_event_to_app()

    def keepalive_timeout(self) -> None:
        self.pong_timer = None
        self._fail(CloseCode.TRY_AGAIN_LATER, "There was no answer to a ping.")

    def pause_writing(self) -> None:
        super().pause_writing()
        self._patience.begin()

    def resume_writing(self) -> None:
        self._patience.end()
        super().resume_writing()

    def _is_stalled(self) -> None:
        self._fail(CloseCode.TRY_AGAIN_LATER, "Nothing is read; come back for the rest.")

    def _fail(self, code: int, reason: str) -> None:
        if not self.close_sent and not self.transport.is_closing():
            self.conn.fail(code, reason)
            self.handle_parser_exception()

    def handle_parser_exception(self) -> None:
        """Close, but not before the client had a moment to read why: what it still sends would take that
        away from it."""
        self.stop_keepalive()
        self._stop_waiting()
        close = self.conn.close_sent
        if close is not None:
            self.queue.put_nowait(
                {"type": "websocket.disconnect", "code": close.code, "reason": close.reason}
            )
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self._part(_LINGER)

    def _part(self, seconds: float) -> None:
        if self._parting is None:
            self.frames = []
            self.transport.resume_reading()
            self._parting = self.loop.call_later(seconds, self.transport.abort)

    def on_task_complete(self, task: "asyncio.Task[None]") -> None:
        """The application has nothing more to say. Who reads nothing is not waited for."""
        super().on_task_complete(task)
        if not self.disconnected:
            self._part(self.close_timeout)

    async def send(self, message: Any) -> None:
        """What closes the socket need not wait until there is room: it is short, and the last."""
        if message["type"] == "websocket.close":
            self.writable.set()
        while not self.writable.is_set():
            await self.writable.wait()
        if self.close_sent:
            raise ClientDisconnected
        await super().send(message)

    def shutdown(self) -> None:
        """The application closes its sockets itself, when what must not be left half-done is done."""
        if self._audience is not None and self.handshake_complete and not self.close_sent:
            self._audience.shut_down()
        else:
            super().shutdown()


class Patience:
    """Gives up on a client that reads nothing of what is written, for so many seconds."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        transport: asyncio.WriteTransport,
        seconds: float,
        give_up: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._transport = transport
        self._seconds = seconds
        self._give_up = give_up
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """When there is too much to be read."""
        self._look_after(self._transport.get_write_buffer_size())

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _look_after(self, size: int) -> None:
        self._timer = self._loop.call_later(self._seconds, self._look, size)

    def _look(self, before: int) -> None:
        """Who reads slowly is waited for: nothing more is written meanwhile, but for small frames."""
        size = self._transport.get_write_buffer_size()
        if size >= before:
            self._give_up()
        else:
            self._look_after(size)
