"""GraphQL over HTTP: media types, status codes, and the end of an operation whose client is gone."""

import asyncio
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType

from db.engine import Database
from db.errors import DatabaseUnavailableError
from db.waiting import Queue
from gql import explorer
from gql.auth import Accounts, authenticate
from gql.budget import Budget
from gql.context import Caller, Context
from gql.errors import BudgetExhaustedError, UnauthenticatedError, UnavailableError, format_error
from gql.negotiation import GRAPHQL, JSON, accepts_html, is_json, response_type
from gql.places import Place
from gql.schema import Schema
from gql.settings import PAGE_LIMIT
from gql.tokens import InvalidTokenError

# When an operation is cancelled graphql-core leaves coroutines behind that it had not begun to await.
warnings.filterwarnings("ignore", "coroutine 'Executor", RuntimeWarning)

_UNWATCHED = 0.02  # Seconds after which an operation is stopped when its client goes away.

_METHODS = {"GET": {OperationType.QUERY}, "POST": {OperationType.QUERY, OperationType.MUTATION}}


@dataclass(frozen=True, slots=True)
class Operation:
    """What a request asks for."""

    query: str
    variables: dict[str, Any] | None
    name: str | None


class RequestError(Exception):
    """A request that is answered without executing anything."""

    def __init__(self, status: int, message: str, *, code: str = "BAD_USER_INPUT", **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers
        self.body = {"errors": [{"message": message, "extensions": {"code": code}}]}


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
        page_limit: int = PAGE_LIMIT,
        budget: Budget | None = None,
    ) -> None:
        self.schema = schema
        self.database = database
        self.accounts = accounts
        self.with_explorer = with_explorer
        self.page_limit = page_limit
        self.budget = budget
        # Bounded before the pool: a queue for connections would time out under a burst, this one only waits.
        self.in_flight = Queue(operations)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self.answer(Request(scope, receive, send))
        await response(scope, receive, send)

    async def answer(self, request: Request) -> Response:
        if self.with_explorer and _is_browser(request):
            return explorer.page()
        media_type = response_type(request.headers.get("accept"))
        try:
            if media_type is None:
                raise RequestError(406, f"Responses are {JSON} or {GRAPHQL}.")
            operation = await _read(request)
            async with _stopped_by_disconnect(request), Place(self.in_flight):
                return _response(await self._execute(operation, request), media_type)
        except RequestError as error:
            return _json(error.body, error.status, media_type or JSON, error.headers)
        except ClientDisconnect:
            return Response(status_code=499)  # Nobody reads it; it is for the access log.

    async def _context(self, request: Request) -> Context:
        agent = request.headers.get("user-agent", "")
        caller = Caller(self.accounts, request.client.host if request.client else "", agent)
        try:
            viewer = await authenticate(
                request.headers.get("authorization"), self.accounts.tokens, self.database
            )
        except InvalidTokenError:
            # Some operations need none: the schema's checks decide, when they know the document.
            viewer, caller.has_invalid_token = None, True
        except DatabaseUnavailableError as error:
            message = "The database cannot answer right now; try again."
            raise RequestError(503, message, code=UnavailableError.code, **{"Retry-After": "1"}) from error
        return Context(self.database, viewer, caller, page_limit=self.page_limit, budget=self.budget)

    async def _execute(self, operation: Operation, request: Request) -> ExecutionResult:
        context = await self._context(request)
        method = request.method
        try:
            return await self.schema.execute(
                operation.query,
                variable_values=operation.variables,
                operation_name=operation.name,
                context_value=context,
                allowed_operation_types=_METHODS[method],
            )
        except CannotGetOperationTypeError as error:
            raise RequestError(400, _no_such_operation(operation)) from error
        except InvalidOperationTypeError as error:
            raise RequestError(405, f"A {method} request cannot do this.", Allow="POST") from error
        finally:
            await context.close()


class _stopped_by_disconnect:  # noqa: N801 # It reads as the statement it makes.
    """Cancel the block when the client goes away; ClientDisconnect is raised from it.

    It looks after a moment, and so not at all in most requests: to watch takes a task.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self.is_gone = False
        self.watcher: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        task = asyncio.current_task()
        self.timer = asyncio.get_running_loop().call_later(_UNWATCHED, self._begin, task)

    def _begin(self, task: "asyncio.Task[Any] | None") -> None:
        self.watcher = asyncio.create_task(self._watch(task))

    async def _watch(self, task: "asyncio.Task[Any] | None") -> None:
        while (await self.request.receive())["type"] != "http.disconnect":
            pass
        self.is_gone = True
        if task is not None:
            task.cancel()

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.timer.cancel()
        if self.watcher is not None:
            self.watcher.cancel()
        task = asyncio.current_task()
        if not self.is_gone or task is None:
            return
        if kind is not asyncio.CancelledError:
            # The block ended in the same moment: let its cancellation arrive here.
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0)
        if task.uncancel() == 0:
            raise ClientDisconnect


def _is_browser(request: Request) -> bool:
    is_query = request.method != "GET" or "query" in request.query_params
    return not is_query and accepts_html(request.headers.get("accept"))


async def _read(request: Request) -> Operation:
    if request.method == "GET":
        return _operation(_from_address(request))
    if request.method != "POST":
        raise RequestError(405, "Use POST, or GET for queries.", Allow="GET, POST")
    if not is_json(request.headers.get("content-type")) or "content-encoding" in request.headers:
        raise RequestError(415, f"A request's body is plain {JSON}, in UTF-8.")
    try:
        return _operation(orjson.loads(await request.body()))
    except orjson.JSONDecodeError as error:
        raise RequestError(400, "The request's body is not JSON.") from error


def _from_address(request: Request) -> dict[str, Any]:
    given: dict[str, Any] = dict(request.query_params)
    for name in ("variables", "extensions"):
        if name in given:
            try:
                given[name] = orjson.loads(given[name])
            except orjson.JSONDecodeError as error:
                raise RequestError(400, f"`{name}` is not JSON.") from error
    return given


def _operation(given: Any) -> Operation:
    if not isinstance(given, dict):
        raise RequestError(400, "A request is one JSON object, with a `query`.")
    query, variables, name = given.get("query"), given.get("variables"), given.get("operationName")
    if not isinstance(query, str) or not query.strip():
        raise RequestError(400, "`query` has to be a GraphQL document.")
    if not isinstance(variables, dict | None):
        raise RequestError(400, "`variables` has to be an object.")
    if not isinstance(name, str | None):
        raise RequestError(400, "`operationName` has to be a string.")
    if not isinstance(given.get("extensions"), dict | None):
        raise RequestError(400, "`extensions` has to be an object.")
    if _has_nul(variables):
        raise RequestError(400, "A string cannot contain the character NUL.")
    # Explorers and some clients send an empty name where there is none to choose.
    return Operation(query, variables, name or None)


def _has_nul(variables: Any) -> bool:
    """Look everywhere, without recursion: a client may nest as deep as the JSON parser lets it."""
    left = [variables]
    while left:
        value = left.pop()
        if isinstance(value, str) and "\x00" in value:
            return True
        if isinstance(value, dict):
            left += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            left += value
    return False


def _no_such_operation(operation: Operation) -> str:
    if operation.name is None:
        return "`operationName` has to say which of the operations to execute."
    return "There is no operation of this name in the document."


def _response(result: ExecutionResult, media_type: str) -> Response:
    """A response that was never executed has no `data`; only the newer media type says so by its status."""
    more: dict[str, Any] = {"extensions": result.extensions} if result.extensions else {}
    if not result.errors:
        return _json({"data": result.data, **more}, 200, media_type)
    validated = not isinstance(result, PreExecutionError)
    executed = validated and (result.data is not None or any(error.path for error in result.errors))
    body: dict[str, Any] = {
        "errors": [format_error(error, validated=validated) for error in result.errors],
        **more,
    }
    if executed:
        body["data"] = result.data
    if not executed and any(
        error["extensions"]["code"] == UnauthenticatedError.code for error in body["errors"]
    ):
        headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        return _json(body, 200 if media_type == JSON else 401, media_type, headers)
    for error in result.errors:
        if isinstance(error.original_error, UnavailableError):
            return _json(body, 503, media_type, {"Retry-After": "1"})
        if isinstance(error.original_error, BudgetExhaustedError):
            body["extensions"] = error.original_error.more
            return _json(body, 429, media_type, {"Retry-After": str(error.original_error.retry_after)})
    return _json(body, 200 if executed or media_type == JSON else 400, media_type)


def _json(
    body: dict[str, Any], status: int, media_type: str, headers: Mapping[str, str] | None = None
) -> Response:
    content_type = f"{media_type}; charset=utf-8"
    # It may be for one viewer only, and may have tokens.
    headers = {"Cache-Control": "no-store", **(headers or {})}
    return Response(orjson.dumps(body), status, headers, media_type=content_type)
