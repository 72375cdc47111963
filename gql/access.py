"""The access log: a line for each request: who asked for what and how it went, not what was said."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gql import log

# What machines ask for every few seconds.
_NOT_LOGGED = {"/healthz", "/readyz", "/metrics"}
_LONGEST_PATH = 200
_ENTRY = "gazette.entry"


class Entry:
    """What is told of a request; the three that only the endpoint knows, it adds."""

    __slots__ = ("operation", "request_id", "size", "status", "viewer")

    def __init__(self) -> None:
        self.request_id: str | None = None
        self.operation: str | None = None
        self.viewer: int | None = None
        self.status: int | None = None
        self.size = 0  # Bytes of the body.


def entry_of(scope: Scope) -> Entry | None:
    """None where nothing is logged."""
    entry: Entry | None = scope.get(_ENTRY)
    return entry


class AccessLog:
    """An application whose requests are logged when they are answered, however they end."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _NOT_LOGGED:
            await self._app(scope, receive, send)
            return
        entry = scope[_ENTRY] = Entry()
        began = time.perf_counter()

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry.status = message["status"]
            else:
                entry.size += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            _write(scope, entry, time.perf_counter() - began)


def _write(scope: Scope, entry: Entry, seconds: float) -> None:
    client = scope.get("client")
    log.access(
        requestId=entry.request_id,
        method=scope["method"],
        # What is behind it, in the query string, may be a document with its variables, or a token.
        path=scope["path"][:_LONGEST_PATH],
        status=entry.status,
        bytes=entry.size,
        milliseconds=round(seconds * 1000, 3),
        operation=entry.operation,
        viewer=entry.viewer,
        address=client[0] if client else None,
    )
