"""GraphQL over Server-Sent Events, in distinct connections mode: a request, and a stream of its results."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from db.engine import Database
from db.errors import DatabaseUnavailableError
from gql.audience import SERVER_STOPS, Audience, FullError, Listener
from gql.auth import Accounts, claims_of, viewer_of
from gql.bounds import Bounds, SocketBounds
from gql.context import Caller
from gql.errors import (
    Asked,
    ExpectedError,
    LimitExceededError,
    SessionEndedError,
    SlowConsumerError,
    UnavailableError,
)
from gql.negotiation import EVENTS, JSON
from gql.operations import Operations
from gql.policy import Viewer
from gql.requests import Operation, Request, RequestError, read, unavailable
from gql.responses import Answer
from gql.results import Result, Results, refusal
from gql.tokens import InvalidTokenError

_COMMENT = b":\n\n"
_COMPLETE = b"event: complete\ndata: \n\n"
_RETRY_AFTER = "5"  # Seconds.


class EventStreams:
    """An ASGI application: what answers at /graphql to those who want events."""

    def __init__(
        self,
        operations: Operations,
        audience: Audience,
        accounts: Accounts,
        database: Database,
        bounds: Bounds,
        socket_bounds: SocketBounds,
    ) -> None:
        self.operations = operations
        self.results: Results = operations.results
        self._audience = audience
        self._accounts = accounts
        self._database = database
        self._bounds = bounds
        self._socket_bounds = socket_bounds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            await self._serve(request, send)
        except RequestError as error:
            answer = Answer(error.body, error.status, JSON, request.id, error.headers)
            await answer(scope, receive, send)
        except ClientDisconnect:
            pass

    async def _serve(self, request: Request, send: Send) -> None:
        operation = await read(request, self._bounds)
        try:
            with self._audience.place(request.address) as listener:
                results = await self._begun(request, operation, listener)
                await self._stream(results, operation, request, listener, send)
        except FullError as error:
            status = 503 if error.end is SERVER_STOPS else 429
            headers = {"Retry-After": _RETRY_AFTER}
            raise RequestError(status, str(error), code=LimitExceededError.code, **headers) from error

    async def _begun(
        self, request: Request, operation: Operation, listener: Listener
    ) -> AsyncGenerator[Result, None]:
        caller = Caller(self._accounts, request.address, request.header(b"user-agent") or "")
        viewer = await self._viewer(request, listener, caller)
        if request.entry is not None:
            request.entry.operation, request.entry.viewer = operation.name, viewer and viewer.id
        try:
            operation = await self.operations.with_document(operation)
        except UnavailableError as error:
            raise unavailable() from error
        except ExpectedError as error:
            return _only(refusal(error, Asked(request.id)))
        if request.method == "GET" and await self.operations.is_mutation(operation):
            raise RequestError(405, "A GET request cannot do this.", Allow="POST")
        return self.results(operation, viewer, caller, request.id, after=request.header(b"last-event-id"))

    async def _viewer(self, request: Request, listener: Listener, caller: Caller) -> Viewer | None:
        """An invalid token is the schema's to refuse: some operations need none."""
        try:
            claims = claims_of(request.header(b"authorization"), self._accounts.tokens)
            if claims is None:
                return None
            viewer = await viewer_of(claims, self._database)
        except InvalidTokenError:
            caller.has_invalid_token = True
            return None
        except DatabaseUnavailableError as error:
            raise unavailable() from error
        self._audience.identify(listener, viewer, claims)
        return viewer

    async def _stream(
        self,
        results: AsyncGenerator[Result, None],
        operation: Operation,
        request: Request,
        listener: Listener,
        send: Send,
    ) -> None:
        """Until the operation is complete, the client is gone, or the listener has to leave.

        It is a stream's `complete` that keeps a client from coming back.
        """
        await send({"type": "http.response.start", "status": 200, "headers": _headers(request.id)})
        await _write(send, _COMMENT)
        asked = Asked(request.id, operation.name, listener.viewer and listener.viewer.id)
        writer = asyncio.create_task(_told(results, asked, send))
        keeper = asyncio.create_task(self._keep(request, send))
        try:
            ends: set[asyncio.Future[Any]] = {writer, keeper, listener.ended}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            pass  # The server waits no longer, and it is the end of this task anyway.
        finally:
            writer.cancel()
            keeper.cancel()
            await asyncio.wait({writer, keeper})
        await send({"type": "http.response.body", "body": b""})

    async def _keep(self, request: Request, send: Send) -> None:
        """Send signs of life, by which also proxies keep the stream, until the client is gone."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._socket_bounds.ping_seconds):
                    while (await request.receive())["type"] != "http.disconnect":
                        pass
                    return
            await _write(send, _COMMENT)


async def _only(result: Result) -> AsyncGenerator[Result, None]:
    yield result


async def _told(results: AsyncGenerator[Result, None], asked: Asked, send: Send) -> None:
    try:
        async with aclosing(results):
            async for result in results:
                await _write(send, _event(result))
                # Only now it is written, and only now it is known whether the client reads it, or is gone.
                await asyncio.sleep(0)
    except (SlowConsumerError, SessionEndedError, UnavailableError):
        return  # Without `complete`: the client comes back, after the last event that it has got.
    except Exception as error:
        await _write(send, _event(refusal(error, asked)))
    await _write(send, _COMPLETE)


def _event(result: Result) -> bytes:
    """Also of what was refused: a status would tell a browser's EventSource nothing but that it failed."""
    identified = b"" if result.event_id is None else b"id: %b\n" % result.event_id.encode()
    body = b'{"errors":%b}' % result.body if result.is_refusal else result.body
    return b"event: next\n%bdata: %b\n\n" % (identified, body)


async def _write(send: Send, piece: bytes) -> None:
    await send({"type": "http.response.body", "body": piece, "more_body": True})


def _headers(request_id: str) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", f"{EVENTS}; charset=utf-8".encode()),
        (b"cache-control", b"no-cache, no-store"),
        (b"vary", b"Accept, Authorization"),
        (b"x-accel-buffering", b"no"),  # Proxies such as nginx would wait for more.
        (b"x-request-id", request_id.encode()),
    ]
