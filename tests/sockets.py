"""The application on a real port in this very process, a client of its WebSockets, and results at will."""

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Self

import orjson
import pytest
import uvicorn
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from gql.context import Caller
from gql.policy import Viewer
from gql.requests import Operation
from gql.results import Result
from gql.server import server_options
from gql.settings import Settings

PROTOCOL = "graphql-transport-ws"
PATIENCE = 30  # Seconds after which what does not come is missing.


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield  # They are pytest's.


class Listening:
    """An application that is served."""

    def __init__(self, app: FastAPI, server: uvicorn.Server, port: int) -> None:
        self.app = app
        self.port = port
        self._server = server

    def stop(self) -> None:
        """As SIGTERM does; the server ends when it has finished what it does."""
        self._server.should_exit = True

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def unsent(self) -> int:
        """Bytes that the server keeps because nobody reads them."""
        connections: Any = self._server.server_state.connections
        return sum(connection.transport.get_write_buffer_size() for connection in connections)

    @asynccontextmanager
    async def socket(
        self, protocol: str | None = PROTOCOL, *, origin: str | None = None, **options: Any
    ) -> AsyncIterator["Socket"]:
        """A WebSocket that is open."""
        async with connect(
            f"{self.address.replace('http', 'ws', 1)}/graphql",
            subprotocols=[Subprotocol(protocol)] if protocol else None,
            origin=origin,  # type: ignore[arg-type] # It is a string.
            proxy=None,
            **options,
        ) as connection:
            yield Socket(connection)

    @asynccontextmanager
    async def begun(self, payload: dict[str, Any] | None = None, **options: Any) -> AsyncIterator["Socket"]:
        """A WebSocket that is acknowledged."""
        async with self.socket(**options) as opened:
            await opened.begin(payload)
            yield opened


@asynccontextmanager
async def listening(app: FastAPI, settings: Settings) -> AsyncIterator[Listening]:
    """Serve it as `gazette serve` does."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_config=None, **server_options(settings))
        server = _Server(config)
        task = asyncio.create_task(server.serve(sockets=[bound]))
        try:
            await asyncio.wait_for(server.is_up.wait(), PATIENCE)
            yield Listening(app, server, bound.getsockname()[1])
        finally:
            server.should_exit = True
            await asyncio.wait_for(task, PATIENCE)


class Socket:
    """Messages as JSON."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, **message: Any) -> None:
        await self.connection.send(orjson.dumps(message).decode())

    async def receive(self) -> dict[str, Any]:
        message: dict[str, Any] = orjson.loads(await asyncio.wait_for(self.connection.recv(), PATIENCE))
        return message

    async def begin(self, payload: dict[str, Any] | None = None) -> None:
        await self.send(type="connection_init", **({} if payload is None else {"payload": payload}))
        assert await self.receive() == {"type": "connection_ack"}

    async def subscribe(self, key: str, query: str, **more: Any) -> None:
        await self.send(type="subscribe", id=key, payload={"query": query, **more})

    async def execute(self, query: str, **more: Any) -> dict[str, Any]:
        """The only result of an operation that succeeds."""
        await self.subscribe("only", query, **more)
        result = await self.receive()
        assert (result["type"], result["id"]) == ("next", "only"), result
        assert await self.receive() == {"id": "only", "type": "complete"}
        payload: dict[str, Any] = result["payload"]
        return payload

    async def is_alive(self) -> bool:
        """Whether the server answers, and has said nothing else before."""
        await self.send(type="ping", payload={"are": "you"})
        return await self.receive() == {"type": "pong", "payload": {"are": "you"}}

    async def closed(self) -> tuple[int | None, str]:
        """With what code and reason the server closes it, and nothing else is sent before."""
        try:
            message = await asyncio.wait_for(self.connection.recv(), PATIENCE)
        except ConnectionClosed:
            return self.connection.close_code, self.connection.close_reason or ""
        raise AssertionError(f"it is open, and says {message!r}")


class Stream:
    """Results of one operation, as a test gives them out."""

    def __init__(
        self, operation: Operation, viewer: Viewer | None, caller: Caller, after: str | None
    ) -> None:
        self.operation, self.viewer, self.caller, self.after = operation, viewer, caller, after
        self.given: asyncio.Queue[Result | Exception | None] = asyncio.Queue()
        self.is_closed = asyncio.Event()

    def give(self, data: Any, event_id: str | None = None) -> None:
        self.given.put_nowait(Result(orjson.dumps({"data": data}), event_id=event_id))

    def refuse(self, message: str) -> None:
        self.given.put_nowait(Result(orjson.dumps([{"message": message}]), is_refusal=True))

    def fail(self, error: Exception) -> None:
        self.given.put_nowait(error)

    def end(self) -> None:
        self.given.put_nowait(None)


class Streams:
    """Results of any operation: each waits for what the test says."""

    def __init__(self) -> None:
        self._begun: asyncio.Queue[Stream] = asyncio.Queue()

    async def next(self) -> Stream:
        """The operation that was begun next."""
        return await asyncio.wait_for(self._begun.get(), PATIENCE)

    async def __call__(
        self,
        operation: Operation,
        viewer: Viewer | None,
        caller: Caller,
        request_id: str,
        *,
        after: str | None = None,
        turn: asyncio.Lock | None = None,
    ) -> AsyncGenerator[Result, None]:
        stream = Stream(operation, viewer, caller, after)
        self._begun.put_nowait(stream)
        try:
            while (given := await stream.given.get()) is not None:
                if isinstance(given, Exception):
                    raise given
                yield given
        finally:
            stream.is_closed.set()

    def answer(self, app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> Self:
        """In place of the application's own results."""
        for transport in (app.state.sockets, app.state.streams):
            monkeypatch.setattr(transport, "results", self)
        return self
