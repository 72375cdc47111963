"""The messages of `graphql-transport-ws`, the protocol of GraphQL over WebSocket."""

from typing import Any, NamedTuple

import orjson

from gql import values
from gql.audience import End
from gql.errors import LimitExceededError

PROTOCOL = "graphql-transport-ws"

TOO_LARGE = 1009
BAD_REQUEST = 4400
UNAUTHORIZED = End(4401, "Unauthorized: `connection_init` comes first.")
FORBIDDEN = End(4403, "Forbidden: the access token is not valid.")
WRONG_PROTOCOL = End(4406, f"Subprotocol not acceptable: it has to be {PROTOCOL}.")
INIT_TIMEOUT = End(4408, "Connection initialisation timeout")
TOO_MANY_INITS = End(4429, "Too many initialisation requests")
TOO_MANY_MESSAGES = End(1013, "There are too many messages; try again later.")
TOO_SLOW = End(1013, "Events come faster than they are read; come back for the rest.")
UNAVAILABLE = End(1013, "The database cannot answer right now; try again later.")
INTERNAL = End(4500, "Internal error")

_LONGEST_ID = 256  # It goes out again with every event.

# Not sets: what a client sends may be unhashable.
_WITH_PAYLOAD = ("connection_init", "ping", "pong")
_WITH_ID = ("subscribe", "complete")
_OPERATION: tuple[tuple[str, type, str], ...] = (
    ("query", str, "a string"),
    ("variables", dict, "an object"),
    ("operationName", str, "a string"),
    ("extensions", dict, "an object"),
)


class ClosingError(Exception):
    """The socket is to be closed."""

    def __init__(self, end: End) -> None:
        super().__init__(end.reason)
        self.end = end


class Message(NamedTuple):
    """What a client says. `key` is the operation's id, where it is about one."""

    kind: str
    key: str
    payload: dict[str, Any] | None


def duplicate(key: str) -> ClosingError:
    # A reason has 123 bytes, and none that is half a character.
    return ClosingError(End(4409, f"Subscriber for {ascii(key)[1:-1][:80]} already exists"))


def parse(text: str | None, most: int) -> Message:
    """A client's message, of so many values at most; None is a binary one. Raises ClosingError."""
    if text is None:
        raise _malformed("A message is text.")
    try:
        given = values.parse(text, most)
    except orjson.JSONDecodeError as error:
        raise _malformed("The message is not JSON.") from error
    except LimitExceededError as error:
        raise ClosingError(End(TOO_LARGE, str(error))) from error
    if not isinstance(given, dict):
        raise _malformed("A message is a JSON object.")
    kind, payload = given.get("type"), given.get("payload")
    if kind in _WITH_PAYLOAD:
        if not isinstance(payload, dict | None):
            raise _malformed("`payload` has to be an object.")
        return Message(kind, "", payload)
    if kind in _WITH_ID:
        return Message(kind, _key(given.get("id")), _operation(payload) if kind == "subscribe" else None)
    raise _malformed("`type` is none that a client sends.")


def _key(given: Any) -> str:
    if not isinstance(given, str) or not given:
        raise _malformed("`id` has to be a string that is not empty.")
    if len(given) > _LONGEST_ID:
        raise _malformed(f"`id` is longer than {_LONGEST_ID} characters.")
    return given


def _operation(payload: Any) -> dict[str, Any]:
    if not isinstance(payload, dict):
        raise _malformed("`payload` has to be an object.")
    for name, kind, described in _OPERATION:
        value = payload.get(name)
        if not isinstance(value, kind) and (value is not None or (name == "query" and not _refers(payload))):
            raise _malformed(f"`{name}` has to be {described}.")
    return payload


def _refers(payload: dict[str, Any]) -> bool:
    """Whether it may bring the id of its document, in one of the ways that requests have."""
    return any(payload.get(name) is not None for name in ("documentId", "doc_id", "id", "extensions"))


def _malformed(reason: str) -> ClosingError:
    return ClosingError(End(BAD_REQUEST, reason))


def authorization(payload: dict[str, Any] | None) -> str | None:
    """What `connection_init` brings along in place of a header, which browsers cannot send with a socket.

    Raises ClosingError where it can be no token.
    """
    payload = payload or {}
    headers = payload.get("headers")
    for given in (payload, headers if isinstance(headers, dict) else {}):
        for name, value in given.items():
            if name.lower() == "authorization" and value not in (None, ""):
                if not isinstance(value, str):
                    raise ClosingError(FORBIDDEN)
                return value
    return None


CONNECTION_ACK = '{"type":"connection_ack"}'


def pong(payload: dict[str, Any] | None) -> str:
    """Raises ClosingError where the payload is nested deeper than can be written, though it could be read."""
    answer = {"type": "pong"} if payload is None else {"type": "pong", "payload": payload}
    try:
        return orjson.dumps(answer).decode()
    except orjson.JSONEncodeError as error:
        raise _malformed("`payload` is nested too deep.") from error


def about(kind: str, key: str, payload: bytes | None = None) -> str:
    """A message about an operation; its payload is JSON."""
    head = b'{"id":%b,"type":"%b"' % (orjson.dumps(key), kind.encode())
    return (head + (b"}" if payload is None else b',"payload":%b}' % payload)).decode()
