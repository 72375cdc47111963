"""Requests: what is read of them, and what is refused before anything is executed."""

import os
import re
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import orjson
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from gql.access import entry_of
from gql.bounds import Bounds
from gql.errors import LimitExceededError, UnavailableError
from gql.negotiation import JSON, is_json
from gql.trusted import hash_of, plain_id
from gql.values import parse

# What is taken over from a client goes to the log and back in a header.
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


_NOT_BOTH = "A request has a `query` or a `documentId`, not both."


class Reference(NamedTuple):
    """By what id a document is meant. Apollo's way of saying so may bring the document along."""

    id: str
    is_automatic: bool


@dataclass(frozen=True, slots=True)
class Operation:
    """What a request asks for. Where it only refers to a document, `query` is empty."""

    query: str
    variables: dict[str, Any] | None
    name: str | None
    reference: Reference | None = None


class RequestError(Exception):
    """A request that is answered without executing anything."""

    def __init__(self, status: int, message: str, *, code: str = "BAD_USER_INPUT", **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers
        self.body = {"errors": [{"message": message, "extensions": {"code": code}}]}


def new_id() -> str:
    return os.urandom(12).hex()


def unavailable() -> RequestError:
    error = UnavailableError()
    return RequestError(503, str(error), code=error.code, **{"Retry-After": "1"})


class Request:
    """The head of a request, and its body where it is asked for."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self.receive = receive
        self.method: str = scope.get("method", "GET")  # That of a WebSocket too.
        # Of two headers of the same name the first counts.
        self._headers: dict[bytes, bytes] = dict(reversed(scope["headers"]))
        given = self._headers.get(b"x-request-id")
        self.id = given.decode() if given and _REQUEST_ID.fullmatch(given) else new_id()
        self.entry = entry_of(scope)
        if self.entry is not None:
            self.entry.request_id = self.id

    def header(self, name: bytes) -> str | None:
        value = self._headers.get(name)
        return None if value is None else value.decode("latin-1")

    @property
    def address(self) -> str:
        """Where it comes from, or nothing where that is not known."""
        client = self.scope.get("client")
        return client[0] if client else ""

    @property
    def query_string(self) -> bytes:
        query_string: bytes = self.scope["query_string"]
        return query_string

    async def body(self, limit: int) -> bytes | bytearray:
        """Raises RequestError as soon as it is known to be longer than `limit` bytes."""
        length = self._headers.get(b"content-length")
        if length is not None and (not length.isdigit() or len(length) > 15 or int(length) > limit):
            raise _too_long(413, "The request's body", limit)
        message = await self._more()
        if not message.get("more_body"):
            body: bytes = message.get("body", b"")
            if len(body) > limit:
                raise _too_long(413, "The request's body", limit)
            return body
        # In one place that grows: a client may send byte by byte, and a copy for each would be an attack.
        collected = bytearray(message.get("body", b""))
        while message.get("more_body"):
            message = await self._more()
            collected += message.get("body", b"")
            if len(collected) > limit:
                raise _too_long(413, "The request's body", limit)
        return collected

    async def _more(self) -> Any:
        message = await self.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        return message


async def read(request: Request, bounds: Bounds) -> Operation:
    """What a request asks for; raises RequestError, and ClientDisconnect."""
    if request.method == "GET":
        return operation_of(_from_address(request, bounds))
    if request.method != "POST":
        raise RequestError(405, "Use POST, or GET for queries.", Allow="GET, POST")
    # Any other type could be sent by a form of somebody else's page.
    if not is_json(request.header(b"content-type")) or request.header(b"content-encoding") is not None:
        raise RequestError(415, f"A request's body is plain {JSON}, in UTF-8.")
    try:
        return operation_of(parse(await request.body(bounds.body), bounds.values))
    except orjson.JSONDecodeError as error:
        raise RequestError(400, "The request's body is not JSON.") from error
    except LimitExceededError as error:
        raise RequestError(413, str(error), code=error.code) from error


def _from_address(request: Request, bounds: Bounds) -> dict[str, Any]:
    if len(request.query_string) > bounds.query_string:
        raise _too_long(414, "The address's query string", bounds.query_string)
    # What is not UTF-8 is replaced, as everywhere in addresses.
    given: dict[str, Any] = dict(parse_qsl(request.query_string.decode("latin-1"), keep_blank_values=True))
    for name in ("variables", "extensions"):
        if name in given:
            try:
                given[name] = parse(given[name], bounds.values)
            except orjson.JSONDecodeError as error:
                raise RequestError(400, f"`{name}` is not JSON.") from error
            except LimitExceededError as error:
                raise RequestError(414, str(error), code=error.code) from error
    return given


def _too_long(status: int, what: str, limit: int) -> RequestError:
    message = f"{what} is longer than {limit:,} bytes."
    return RequestError(status, message, code=LimitExceededError.code)


def operation_of(given: Any) -> Operation:
    """What a request's parameters ask for; raises RequestError."""
    if not isinstance(given, dict):
        raise RequestError(400, "A request is one JSON object, with a `query`.")
    query, variables, name = given.get("query"), given.get("variables"), given.get("operationName")
    extensions = given.get("extensions")
    if not isinstance(extensions, dict | None):
        raise RequestError(400, "`extensions` has to be an object.")
    reference = None
    if not query or extensions or "documentId" in given:
        reference, query = _reference(given), query or ""
    if not isinstance(query, str) or (reference is None and not query.strip()):
        raise RequestError(400, "`query` has to be a GraphQL document.")
    if not isinstance(variables, dict | None):
        raise RequestError(400, "`variables` has to be an object.")
    if not isinstance(name, str | None):
        raise RequestError(400, "`operationName` has to be a string.")
    if variables and _has_nul(variables):
        raise RequestError(400, "A string cannot contain the character NUL.")
    # Explorers and some clients send an empty name where there is none to choose.
    return Operation(query, variables, name or None, reference)


def _reference(given: dict[str, Any]) -> Reference | None:
    """What a request says of its document; by `doc_id` or `id`, customary with Relay, if by nothing else."""
    query, automatic = given.get("query"), _automatic(given.get("extensions") or {})
    identifier = given.get("documentId")
    if identifier is not None and (query or automatic is not None):
        raise RequestError(400, _NOT_BOTH)
    if automatic is not None:
        reference = Reference(_identifier(automatic, "sha256Hash"), is_automatic=True)
        if query and (not isinstance(query, str) or hash_of(query) != reference.id):
            raise RequestError(400, "`sha256Hash` is not the SHA-256 of `query`.")
        return reference
    for name in ("documentId",) if query else ("documentId", "doc_id", "id"):
        if given.get(name) is not None:
            return Reference(_identifier(given[name], name), is_automatic=False)
    return None


def _automatic(extensions: dict[str, Any]) -> Any:
    """The id by which Apollo's clients mean a document; None where they do not."""
    given = extensions.get("persistedQuery")
    if given is None:
        return None
    if not isinstance(given, dict) or given.get("version") != 1 or given.get("sha256Hash") is None:
        raise RequestError(400, "`persistedQuery` has to have `version` 1 and a `sha256Hash`.")
    return given["sha256Hash"]


def _identifier(given: Any, name: str) -> str:
    identifier = plain_id(given) if isinstance(given, str) else None
    if identifier is None:
        raise RequestError(400, f"`{name}` has to be the id of a document.")
    return identifier


def no_such_operation(operation: Operation) -> str:
    if operation.name is None:
        return "`operationName` has to say which of the operations to execute."
    return "There is no operation of this name in the document."


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
