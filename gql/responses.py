"""Responses: what a result's status is, in which media type, and what headers go with it."""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send
from strawberry.types.execution import ExecutionResult, PreExecutionError

from gql.errors import (
    INTERNAL,
    Asked,
    BudgetExhaustedError,
    UnauthenticatedError,
    UnavailableError,
    formatted,
)
from gql.negotiation import GRAPHQL, JSON
from gql.requests import Request

_CONTENT_TYPES = {
    media_type: (b"content-type", f"{media_type}; charset=utf-8".encode()) for media_type in (JSON, GRAPHQL)
}
# An answer may be for one viewer only, and may have tokens.
_CACHE_CONTROL = (b"cache-control", b"no-store")
_VARY = (b"vary", b"Accept, Authorization")
_TAG = 32  # Hexadecimal digits.
_INVALID_TOKEN = {"WWW-Authenticate": 'Bearer error="invalid_token"'}


class Answer:
    """JSON, sent without the detours of Starlette's response, which takes any header and body."""

    __slots__ = ("body", "headers", "status")

    def __init__(
        self,
        body: dict[str, Any],
        status: int,
        media_type: str,
        request_id: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.body = orjson.dumps(body)
        self.status = status
        self.headers = [
            _CACHE_CONTROL,
            _VARY,
            _CONTENT_TYPES[media_type],
            (b"content-length", str(len(self.body)).encode()),
            (b"x-request-id", request_id.encode()),
        ]
        if headers:
            self.headers += [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})


class PublicAnswer(Answer):
    """An answer that caches may give to every stranger for so many seconds, without what it cost its viewer.

    It is 304 for whoever has the very same one already.
    """

    def __init__(self, data: Any, media_type: str, request: Request, max_age: int) -> None:
        self.status, self.body = 200, orjson.dumps({"data": data})
        tag = f'"{hashlib.sha256(media_type.encode() + self.body).hexdigest()[:_TAG]}"'
        self.headers = [
            (b"cache-control", f"public, max-age={max_age}, must-revalidate".encode()),
            _VARY,
            (b"etag", tag.encode()),
            (b"x-request-id", request.id.encode()),
        ]
        if _has(request.header(b"if-none-match"), tag):
            self.status, self.body = 304, b""
        else:
            length = str(len(self.body)).encode()
            self.headers += [_CONTENT_TYPES[media_type], (b"content-length", length)]


def _has(if_none_match: str | None, tag: str) -> bool:
    """Whether a client has what the tag is of; it may have been weakened on the way."""
    if if_none_match is None:
        return False
    # No tag of ours has a comma in it.
    tags = (given.strip().removeprefix("W/") for given in if_none_match.split(","))
    return if_none_match.strip() == "*" or tag in tags


def body_of(result: ExecutionResult, asked: Asked) -> dict[str, Any]:
    """A result as JSON has it. What was never executed has no `data`."""
    body: dict[str, Any] = {}
    if result.extensions:
        body["extensions"] = result.extensions
    if not result.errors:
        return {"data": result.data, **body}
    validated = not isinstance(result, PreExecutionError)
    body["errors"] = formatted(result.errors, asked, validated=validated)
    if validated and (result.data is not None or any(error.path for error in result.errors)):
        body["data"] = result.data
    return body


def answer_of(result: ExecutionResult, media_type: str, asked: Asked) -> Answer:
    """A response that was never executed has no `data`; only the newer media type says so by its status."""
    body = body_of(result, asked)
    if not result.errors:
        return Answer(body, 200, media_type, asked.request_id)
    for error in result.errors:
        if isinstance(error.original_error, UnavailableError):
            return Answer(body, 503, media_type, asked.request_id, {"Retry-After": "1"})
        if isinstance(error.original_error, BudgetExhaustedError):
            body["extensions"] = error.original_error.more
            retry_after = {"Retry-After": str(error.original_error.retry_after)}
            return Answer(body, 429, media_type, asked.request_id, retry_after)
    if "data" not in body:
        return _refused(body, media_type, asked)
    return Answer(body, 200, media_type, asked.request_id)


def _refused(body: dict[str, Any], media_type: str, asked: Asked) -> Answer:
    """Of what was not executed."""
    codes = {error["extensions"]["code"] for error in body["errors"]}
    if INTERNAL in codes:
        return Answer(body, 500, media_type, asked.request_id)
    status = 200 if media_type == JSON else 400
    if UnauthenticatedError.code in codes:
        return Answer(body, 200 if media_type == JSON else 401, media_type, asked.request_id, _INVALID_TOKEN)
    return Answer(body, status, media_type, asked.request_id)
