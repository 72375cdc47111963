"""GraphQL over HTTP: from a request to its answer, and the end of an operation whose client is gone."""

import asyncio
import warnings
from contextlib import suppress
from typing import Any, Self
from urllib.parse import parse_qsl

from graphql import GraphQLError
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from db.engine import Database
from db.errors import DatabaseUnavailableError
from db.waiting import Queue
from gql import explorer
from gql.auth import Accounts, authenticate
from gql.bounds import Bounds
from gql.budget import Budget
from gql.context import Caller, Context, Surroundings
from gql.errors import Asked, DeadlineExceededError, ExpectedError, internal
from gql.feed import Feed
from gql.negotiation import EVENTS, GRAPHQL, JSON, accepts_html, response_type
from gql.persisted import Persisted
from gql.places import Place
from gql.requests import Operation, Request, RequestError, no_such_operation, read, unavailable
from gql.responses import Answer, PublicAnswer, answer_of
from gql.schema import Schema
from gql.tokens import InvalidTokenError
from gql.trusted import Trusted

# When an operation is cancelled graphql-core leaves coroutines behind that it had not begun to await.
warnings.filterwarnings("ignore", "coroutine 'Executor", RuntimeWarning)

_UNWATCHED = 0.1  # Seconds after which an operation is watched.

# An address with one of these asks for an answer, whoever opens it.
_ASKING = {b"query", b"documentId", b"doc_id", b"id", b"extensions"}
_LONGEST_NAME = 100  # Characters of an operation's name in the log.

_METHODS = {"GET": {OperationType.QUERY}, "POST": {OperationType.QUERY, OperationType.MUTATION}}


class GraphQLEndpoint:
    """An ASGI application: what answers at /graphql."""

    def __init__(
        self,
        schema: Schema,
        database: Database,
        accounts: Accounts,
        *,
        operations: int,
        with_explorer: bool,
        bounds: Bounds = Bounds(),  # noqa: B008 # It cannot be changed.
        budget: Budget | None = None,
        persisted: Persisted | None = None,
        max_age: int = 0,
        feed: Feed | None = None,
    ) -> None:
        self.schema = schema
        self.database = database
        self.accounts = accounts
        self.with_explorer = with_explorer
        self.bounds = bounds
        self.surroundings = Surroundings(database, schema.limits, budget, feed)
        self.persisted = persisted or Persisted(Trusted(database))
        self.max_age = max_age
        # Bounded before the pool: a queue for connections would time out under a burst, this one only waits.
        self.in_flight = Queue(operations)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self.answer(Request(scope, receive))
        await answer(scope, receive, send)

    async def answer(self, request: Request) -> ASGIApp:
        if self.with_explorer and _is_browser(request):
            return explorer.page()
        media_type = response_type(request.header(b"accept"))
        try:
            if media_type is None:
                raise RequestError(406, f"Responses are {JSON} or {GRAPHQL}.")
            operation = await read(request, self.bounds)
            async with _watched(request, self.bounds.deadline), Place(self.in_flight):
                return await self._execute(operation, request, media_type)
        except RequestError as error:
            return Answer(error.body, error.status, media_type or JSON, request.id, error.headers)
        except ExpectedError as error:
            refused = PreExecutionError(data=None, errors=[GraphQLError(str(error), original_error=error)])
            return answer_of(refused, media_type or JSON, Asked(request.id))
        except ClientDisconnect:
            return Response(status_code=499)  # Nobody reads it; it is for the access log.
        except Exception as error:
            body = {"errors": [internal(error, Asked(request.id))]}
            return Answer(body, 500, media_type or JSON, request.id)

    async def _context(self, request: Request) -> Context:
        caller = Caller(self.accounts, request.address, request.header(b"user-agent") or "")
        try:
            viewer = await authenticate(request.header(b"authorization"), self.accounts.tokens, self.database)
        except InvalidTokenError:
            # Some operations need none: the schema's checks decide, when they know the document.
            viewer, caller.has_invalid_token = None, True
        except DatabaseUnavailableError as error:
            raise unavailable() from error
        return self.surroundings.context(viewer, caller)

    async def _execute(self, operation: Operation, request: Request, media_type: str) -> Answer:
        is_trusted = False
        if operation.reference is not None or self.persisted.trusted_only:
            operation, is_trusted = await self.persisted.found(operation)
        context = await self._context(request)
        try:
            result = await self.schema.execute(
                operation.query,
                variable_values=operation.variables,
                operation_name=operation.name,
                context_value=context,
                allowed_operation_types=_METHODS[request.method],
            )
        except CannotGetOperationTypeError as error:
            raise RequestError(400, no_such_operation(operation)) from error
        except InvalidOperationTypeError as error:
            raise _not_here(error.operation_type, request.method) from error
        finally:
            if request.entry is not None:
                request.entry.operation, request.entry.viewer = self._named(operation, context)
            await context.close()
        if operation.reference is not None and not isinstance(result, PreExecutionError):
            await self.persisted.keep(operation)
        if result.errors:
            asked = Asked(request.id, *self._named(operation, context))
            return answer_of(result, media_type, asked)
        if is_trusted and request.method == "GET" and request.header(b"authorization") is None:
            return PublicAnswer(result.data, media_type, request, self.max_age)
        return answer_of(result, media_type, Asked(request.id))

    def _named(self, operation: Operation, context: Context) -> tuple[str | None, int | None]:
        """For the log: the operation's name, where its document is a valid one, and the viewer's id."""
        document = self.schema.documents.kept.get(operation.query)
        chosen = document.chosen(operation.name) if document else None
        name = chosen.name.value[:_LONGEST_NAME] if chosen and chosen.name else None
        return name, context.viewer and context.viewer.id


class _watched:  # noqa: N801 # It reads as the statement it makes.
    """Cancel the block when its client goes away or its seconds are over: ClientDisconnect or RequestError.

    It looks after a moment, and so not at all in most requests: to watch takes a task.
    """

    def __init__(self, request: Request, seconds: float) -> None:
        self.request = request
        self.seconds = seconds
        self.reason: Exception | None = None
        self.watcher: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        task = asyncio.current_task()
        self.cancelled = task.cancelling() if task else 0
        self.timer = asyncio.get_running_loop().call_later(_UNWATCHED, self._begin, task)
        return self

    def _begin(self, task: "asyncio.Task[Any] | None") -> None:
        self.watcher = asyncio.create_task(self._watch(task))

    async def _watch(self, task: "asyncio.Task[Any] | None") -> None:
        try:
            async with asyncio.timeout(max(0, self.seconds - _UNWATCHED)):
                while (await self.request.receive())["type"] != "http.disconnect":
                    pass
            self.reason = ClientDisconnect()
        except TimeoutError:
            late = DeadlineExceededError(self.seconds)
            self.reason = RequestError(504, str(late), code=late.code)
        if task is not None:
            task.cancel()

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.timer.cancel()
        if self.watcher is not None:
            self.watcher.cancel()
        task = asyncio.current_task()
        if self.reason is None or task is None:
            return
        if kind is not asyncio.CancelledError:
            # The block ended in the same moment: let its cancellation arrive here.
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0)
        if task.uncancel() > self.cancelled:
            # Somebody else cancels it, too.
            raise asyncio.CancelledError
        raise self.reason


def _is_browser(request: Request) -> bool:
    return (
        request.method == "GET"
        and accepts_html(request.header(b"accept"))
        and not _ASKING & dict(parse_qsl(request.query_string, keep_blank_values=True)).keys()
    )


def _not_here(kind: OperationType, method: str) -> RequestError:
    if kind is OperationType.SUBSCRIPTION:
        message = f"Subscriptions are answered as {EVENTS}, the first type of Accept, or by WebSocket."
        return RequestError(406, message)
    return RequestError(405, f"A {method} request cannot do this.", Allow="POST")
