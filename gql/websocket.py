"""GraphQL over WebSocket: `graphql-transport-ws`, message by message."""

import asyncio
import time
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext, suppress
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send

from db.engine import Database
from db.errors import DatabaseUnavailableError
from gql import log, messages
from gql.audience import SERVER_STOPS, SESSION_OVER, Audience, End, FullError, Listener
from gql.auth import Accounts, claims_of, viewer_of
from gql.bounds import SocketBounds
from gql.context import Caller
from gql.errors import Asked, LimitExceededError, SessionEndedError, SlowConsumerError, UnavailableError
from gql.messages import ClosingError, Message
from gql.operations import Operations
from gql.policy import Viewer
from gql.requests import Operation, Request, RequestError, new_id, operation_of
from gql.results import Results, refusal
from gql.tokens import Claims, InvalidTokenError

_BURST = 5  # Seconds' worth of messages that may come at once.
_ANSWERS = 4  # Of queries and mutations of a socket, that are being made or wait to be sent.


class WebSocketEndpoint:
    """An ASGI application: what answers at /graphql to those who upgrade."""

    def __init__(
        self,
        operations: Operations,
        audience: Audience,
        accounts: Accounts,
        database: Database,
        socket_bounds: SocketBounds,
        origins: list[str],
    ) -> None:
        self.operations = operations
        self.results: Results = operations.results
        self.audience = audience
        self.accounts = accounts
        self.database = database
        self.socket_bounds = socket_bounds
        self._origins = {origin.lower() for origin in origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        await receive()  # It says that a client is there, and nothing else.
        # Whoever goes away meanwhile is told nothing.
        with suppress(OSError):
            if not self._is_allowed(request):
                # Before it is accepted, a socket is closed by HTTP's 403.
                await send({"type": "websocket.close"})
            elif messages.PROTOCOL not in scope["subprotocols"]:
                await send({"type": "websocket.accept"})
                await _close(send, messages.WRONG_PROTOCOL)
            else:
                await send({"type": "websocket.accept", "subprotocol": messages.PROTOCOL})
                await _close(send, await self._served(request, receive, send))

    async def _served(self, request: Request, receive: Receive, send: Send) -> End | None:
        try:
            with self.audience.place(request.address) as listener:
                return await Socket(self, request, listener, receive, send).serve()
        except FullError as error:
            return error.end

    def _is_allowed(self, request: Request) -> bool:
        """Browsers let any page open a socket, and say which page it was; programs say nothing."""
        origin = request.header(b"origin")
        if origin is None or "*" in self._origins or origin.lower() in self._origins:
            return True
        host = request.header(b"host")
        return bool(host) and origin.lower().partition("://")[2] == str(host).lower()


async def _close(send: Send, end: End | None) -> None:
    if end is not None:
        await send({"type": "websocket.close", "code": end.code, "reason": end.reason})


class Socket:
    """One client's. Its operations run at once, each in a task; what is said about them is sent by these."""

    def __init__(
        self,
        endpoint: WebSocketEndpoint,
        request: Request,
        listener: Listener,
        receive: Receive,
        send: Send,
    ) -> None:
        self._endpoint = endpoint
        self._request = request
        self._listener = listener
        self._receive = receive
        self._send_message = send
        self._claims: Claims | None = None
        self._has_init = False
        self._allowance = _Allowance(endpoint.socket_bounds.messages)
        # Those whose results are wanted, by their ids; and with those that are being cancelled, all.
        self._wanted: dict[str, asyncio.Task[None]] = {}
        self._tasks: dict[asyncio.Task[None], Operation] = {}
        # Who does not read has few answers made, and not one for each operation.
        self._answers = asyncio.Semaphore(_ANSWERS)
        self._events = asyncio.Lock()

    async def serve(self) -> End | None:
        """Until the end: why it is to be closed, or None where the client has closed it."""
        ended = self._listener.ended
        self._listener.end_later(self._endpoint.socket_bounds.init_seconds, messages.INIT_TIMEOUT)
        reader = asyncio.create_task(self._read())
        try:
            ends: set[asyncio.Future[Any]] = {reader, ended}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            await _cancelled(reader)
            if ended.done():
                await self._finish_mutations()
        except asyncio.CancelledError:
            # The server waits no longer. It is the end of this task anyway.
            self._listener.end(SERVER_STOPS)
        finally:
            await _cancelled(reader, *self._tasks)
        return ended.result() if ended.done() else None

    async def _finish_mutations(self) -> None:
        """What is begun is not left half-known: their clients hear of it. All else is ended at once."""
        is_mutation = self._endpoint.operations.is_mutation
        running = list(self._tasks.items())
        mutations = {task for task, operation in running if await is_mutation(operation)}
        await _cancelled(*(self._tasks.keys() - mutations))
        if mutations:
            await asyncio.wait(mutations)

    async def _read(self) -> None:
        try:
            while (received := await self._receive())["type"] != "websocket.disconnect":
                if not self._allowance.takes_one():
                    raise ClosingError(messages.TOO_MANY_MESSAGES)
                await self._handle(messages.parse(received.get("text"), self._endpoint.socket_bounds.values))
        except ClosingError as error:
            self._listener.end(error.end)
        except _GoneError:
            pass
        except Exception as error:
            log.unexpected(error, requestId=self._request.id)
            self._listener.end(messages.INTERNAL)

    async def _handle(self, message: Message) -> None:
        match message.kind:
            case "connection_init":
                await self._init(message)
            case "ping":
                await self._send(messages.pong(message.payload))
            case "subscribe":
                await self._subscribe(message)
            case "complete":
                # What comes after this is not sent: a task that is cancelled goes on nowhere else.
                if task := self._wanted.pop(message.key, None):
                    task.cancel()

    async def _init(self, message: Message) -> None:
        if self._has_init:
            raise ClosingError(messages.TOO_MANY_INITS)
        self._has_init = True
        self._listener.stay()
        header = messages.authorization(message.payload) or self._request.header(b"authorization")
        try:
            self._claims = claims_of(header, self._endpoint.accounts.tokens)
            if self._claims:
                viewer = await viewer_of(self._claims, self._endpoint.database)
                self._endpoint.audience.identify(self._listener, viewer, self._claims)
        except InvalidTokenError as error:
            raise ClosingError(messages.FORBIDDEN) from error
        except DatabaseUnavailableError as error:
            raise ClosingError(messages.UNAVAILABLE) from error
        await self._send(messages.CONNECTION_ACK)

    async def _subscribe(self, message: Message) -> None:
        if not self._has_init:
            raise ClosingError(messages.UNAUTHORIZED)
        if message.key in self._wanted:
            raise messages.duplicate(message.key)
        try:
            operation = operation_of(message.payload)
            self._check_room()
        except RequestError as error:
            await self._refuse(message.key, orjson.dumps(error.body["errors"]))
            return
        task = asyncio.create_task(self._run(message.key, operation))
        self._wanted[message.key] = task
        self._tasks[task] = operation
        task.add_done_callback(self._tasks.pop)

    def _check_room(self) -> None:
        most = self._endpoint.socket_bounds.operations
        if len(self._tasks) >= most:
            message = f"A socket can have {most} operations at once."
            raise RequestError(429, message, code=LimitExceededError.code)

    async def _run(self, key: str, operation: Operation) -> None:
        """One operation, to its end. What it raises is the socket's end, or told as the operation's error."""
        request_id = new_id()
        try:
            await self._answer(key, operation, request_id)
        except SlowConsumerError:
            self._listener.end(messages.TOO_SLOW)
        except UnavailableError:
            # Nothing of it was executed, or it is a subscription: told as an error it would be over for good.
            self._listener.end(messages.UNAVAILABLE)
        except (SessionEndedError, InvalidTokenError):
            self._listener.end(SESSION_OVER)
        except _GoneError:
            pass  # The reader hears of it too.
        except Exception as error:
            await self._refuse(key, refusal(error, Asked(request_id, operation.name)).body)
        finally:
            # Meanwhile the client may have given the id to another one.
            if self._wanted.get(key) is asyncio.current_task():
                del self._wanted[key]

    async def _answer(self, key: str, operation: Operation, request_id: str) -> None:
        operation = await self._endpoint.operations.with_document(operation)
        if task := asyncio.current_task():
            self._tasks[task] = operation
        async with await self._turn(operation):
            await self._tell(key, operation, request_id)

    async def _turn(self, operation: Operation) -> AbstractAsyncContextManager[None]:
        """Until the answer is sent. It comes before the place among all operations, which is not waited in.

        Subscriptions last, and take turns for each event.
        """
        return nullcontext() if await self._endpoint.operations.is_subscription(operation) else self._answers

    async def _tell(self, key: str, operation: Operation, request_id: str) -> None:
        viewer = await self._viewer()
        user_agent = self._request.header(b"user-agent") or ""
        caller = Caller(self._endpoint.accounts, self._request.address, user_agent)
        found = self._endpoint.results(operation, viewer, caller, request_id, turn=self._events)
        async with aclosing(found) as results:
            async for result in results:
                kind = "error" if result.is_refusal else "next"
                await self._send(messages.about(kind, key, result.body))
                if result.is_refusal:
                    return
        await self._send(messages.about("complete", key))

    async def _viewer(self) -> Viewer | None:
        """As over HTTP each operation is that of a viewer who is looked up."""
        if self._claims is None:
            return None
        try:
            return await viewer_of(self._claims, self._endpoint.database)
        except DatabaseUnavailableError as error:
            raise UnavailableError from error

    async def _refuse(self, key: str, errors: bytes) -> None:
        with suppress(_GoneError):
            await self._send(messages.about("error", key, errors))

    async def _send(self, text: str) -> None:
        """It waits for a slow client; the server gives up on one that reads nothing, see gql/frames.py."""
        try:
            await self._send_message({"type": "websocket.send", "text": text})
        except OSError as error:
            raise _GoneError from error


class _GoneError(OSError):
    """The client is gone: no failure of a database or file is this."""


class _Allowance:
    """So many a second, and those of some seconds at once."""

    def __init__(self, a_second: int) -> None:
        self._a_second = a_second
        self._left = self._most = float(a_second * _BURST)
        self._at = time.monotonic()

    def takes_one(self) -> bool:
        now = time.monotonic()
        self._left = min(self._most, self._left + (now - self._at) * self._a_second)
        self._at = now
        self._left -= 1
        return self._left >= 0


async def _cancelled(*tasks: asyncio.Task[None]) -> None:
    """Cancel and await them; what each has to say was said by itself."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
