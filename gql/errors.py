"""What may be said to a client about an error; everything else is logged and masked."""

import enum
from collections.abc import Sequence
from itertools import islice
from typing import Any, ClassVar, NamedTuple

import strawberry
from graphql import GraphQLError, GraphQLSyntaxError, ValueNode

from gql import log

INTERNAL = "INTERNAL_SERVER_ERROR"
PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"

_LONGEST_MESSAGE = 500  # Characters.
# Of one result. Thousands of rows may fail, each with a long path, for a client that reads the first.
_MOST_TOLD = 100
_MOST_LOGGED = 20


class ExpectedError(Exception):
    """An error whose message is meant for the client. graphql-core copies `extensions` to the response."""

    code: ClassVar[str] = INTERNAL

    @property
    def extensions(self) -> dict[str, Any]:
        return {"code": self.code}


class UnauthenticatedError(ExpectedError):
    """Only somebody who is logged in may ask for this."""

    code = "UNAUTHENTICATED"


class BadUserInputError(ExpectedError):
    """The client sent a value that cannot mean anything."""

    code = "BAD_USER_INPUT"


class LimitExceededError(ExpectedError):
    """A document asks for more than is allowed, and was not executed; or what was executed is too long."""

    code = "LIMIT_EXCEEDED"


class BudgetExhaustedError(ExpectedError):
    """The viewer has spent what there is for a while; nothing was executed.

    `retry_after` is in seconds, `more` goes to the response's `extensions`.
    """

    code = "BUDGET_EXHAUSTED"

    def __init__(self, message: str, *, retry_after: int, more: dict[str, Any]) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.more = more


class NotFoundError(ExpectedError):
    """What has to be there is gone, because somebody deleted it while the operation ran."""

    code = "NOT_FOUND"


class EventsGoneError(ExpectedError):
    """The log of events does not reach back to where somebody wants to go on."""

    code = "EVENTS_GONE"


class UnavailableError(ExpectedError):
    """The database cannot answer right now; the same request may succeed a moment later."""

    code = "SERVICE_UNAVAILABLE"

    def __init__(self, message: str = "The database cannot answer right now; try again.") -> None:
        super().__init__(message)


class DeadlineExceededError(ExpectedError):
    """The operation took longer than any may, and was stopped. A mutation may have been done all the same."""

    code = "DEADLINE_EXCEEDED"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The operation took longer than {seconds:g} seconds.")


class UnknownDocumentError(ExpectedError):
    """There is no document of this id. Apollo's clients know the code, and send the document itself."""

    code = "PERSISTED_QUERY_NOT_FOUND"


class NoRegistrationError(ExpectedError):
    """Nobody can register a document. Apollo's clients know the code, and send no hashes any more."""

    code = "PERSISTED_QUERY_NOT_SUPPORTED"


class UntrustedDocumentError(ExpectedError):
    """Only trusted documents are executed, and this is none."""

    code = "DOCUMENT_NOT_TRUSTED"


class SlowConsumerError(Exception):
    """Events come faster than they are taken; the client can come back for those it has not got."""


class SessionEndedError(Exception):
    """The viewer's session is over, so nothing more is for the viewer's eyes."""


@strawberry.enum(description="What kind of mistake it is.")
class UserErrorCode(enum.Enum):
    INVALID = strawberry.enum_value("INVALID", description="The value cannot be used.")
    REQUIRED = strawberry.enum_value("REQUIRED", description="The value cannot be null.")
    TAKEN = strawberry.enum_value("TAKEN", description="Somebody else has this value already.")
    NOT_FOUND = strawberry.enum_value(
        "NOT_FOUND", description="There is no such thing, or none that the viewer may see."
    )
    FORBIDDEN = strawberry.enum_value("FORBIDDEN", description="The viewer may not do this.")
    CONFLICT = strawberry.enum_value(
        "CONFLICT", description="It was changed since; the payload has it as it is now."
    )
    IMPOSSIBLE = strawberry.enum_value(
        "IMPOSSIBLE", description="It cannot be done in the state in which things are."
    )
    WRONG_CREDENTIALS = strawberry.enum_value(
        "WRONG_CREDENTIALS", description="The username or the password is wrong."
    )
    TOO_MANY_ATTEMPTS = strawberry.enum_value(
        "TOO_MANY_ATTEMPTS", description="Too many failed attempts; nothing was tried. Wait a while."
    )
    INVALID_TOKEN = strawberry.enum_value(
        "INVALID_TOKEN", description="The token is not valid, or not any more."
    )
    KEY_REUSED = strawberry.enum_value(
        "KEY_REUSED", description="The idempotency key was used for something else."
    )


class Problem(NamedTuple):
    """What the client did wrong, and where in the field's arguments."""

    code: UserErrorCode
    message: str
    path: tuple[str, ...]


class Rejected(Exception):  # noqa: N818 # Not a failure: the answer says what was wrong.
    """Rolls back a mutation. `key` is that of the entity as it is now, where the client needs to see it."""

    def __init__(self, *problems: Problem, key: int | None = None) -> None:
        super().__init__(problems)
        self.problems = problems
        self.key = key


def rejected(code: UserErrorCode, message: str, *path: str) -> Rejected:
    """For one problem, with a path in the input."""
    return Rejected(Problem(code, message, ("input", *path)))


class Asked(NamedTuple):
    """Which request it was, what it executed, and for whom: by this the log and the client name an error."""

    request_id: str
    operation: str | None = None
    viewer: int | None = None


def formatted(errors: Sequence[GraphQLError], asked: Asked, *, validated: bool) -> list[dict[str, Any]]:
    """The first errors as the response has them, and what nobody expected of all of them in the log.

    `validated` tells a bad document from a bad value.
    """
    _log_unexpected(errors, asked, validated=validated)
    told = [_formatted(error, asked, validated=validated) for error in errors[:_MOST_TOLD]]
    if len(errors) > _MOST_TOLD:
        message = f"Only the first {_MOST_TOLD} of {len(errors):,} errors are told."
        told.append({"message": message, "extensions": {"code": LimitExceededError.code}})
    return told


def _log_unexpected(errors: Sequence[GraphQLError], asked: Asked, *, validated: bool) -> None:
    """Each once wherever it appears: a batch that fails may do so for many fields."""
    found = dict[int, tuple[BaseException, Any]]()
    for error in errors:
        unexpected = _unexpected(error, validated=validated)
        if unexpected is not None:
            found.setdefault(id(unexpected), (unexpected, error.path))
    for unexpected, path in islice(found.values(), _MOST_LOGGED):
        log.unexpected(unexpected, **_asked(asked), path=path)
    if len(found) > _MOST_LOGGED:
        log.left_out(len(found) - _MOST_LOGGED, **_asked(asked))


def _unexpected(error: GraphQLError, *, validated: bool) -> BaseException | None:
    """What is to be logged and masked; None where a client may know what it was."""
    original = _root_cause(error)
    if original is None:
        has_code = (error.extensions or {}).get("code") is not None
        return None if error.path is None or has_code or _is_of_a_value(error) else error
    if isinstance(original, ExpectedError):
        return None
    # Of a document that nobody can read: Python takes no integer of more than 4300 digits, for instance.
    unreadable = RecursionError if validated else (RecursionError, ValueError)
    return None if error.path is None and isinstance(original, unreadable) else original


def _formatted(error: GraphQLError, asked: Asked, *, validated: bool) -> dict[str, Any]:
    if _unexpected(error, validated=validated) is not None:
        return _masked(error, asked)
    original = _root_cause(error)
    if isinstance(original, ExpectedError):
        return _told(error, original.code)
    if original is not None:
        is_number = isinstance(original, ValueError)
        wrong = "A number in the document is too long." if is_number else "The document is nested too deeply."
        return {"message": wrong, "extensions": {"code": BadUserInputError.code}}
    if isinstance(error, GraphQLSyntaxError):
        # A string that is no text is a bad value, although graphql-core finds it already in its lexer.
        is_value = "Unicode escape" in error.message or "Invalid character" in error.message
        return _told(error, BadUserInputError.code if is_value else PARSE_FAILED)
    code = (error.extensions or {}).get("code")
    return _told(error, code or (BadUserInputError.code if validated else VALIDATION_FAILED))


def internal(error: BaseException, asked: Asked) -> dict[str, Any]:
    """For what failed outside of an operation: it is logged, and this is what the response has."""
    log.unexpected(error, **_asked(asked))
    return _masked(GraphQLError(""), asked)


def _root_cause(error: GraphQLError) -> BaseException | None:
    """The exception behind an error that graphql-core made, however often it wrapped it; None for its own."""
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def _is_of_a_value(error: GraphQLError) -> bool:
    """Whether graphql-core found it in an argument, such as a variable that is null where it must not be.

    What it finds in an answer, and what a resolver raises, it locates at the field.
    """
    return bool(error.nodes) and all(isinstance(node, ValueNode) for node in error.nodes or ())


def _told(error: GraphQLError, code: str) -> dict[str, Any]:
    told: dict[str, Any] = dict(error.formatted)
    # graphql-core quotes what was sent, whole.
    if len(told["message"]) > _LONGEST_MESSAGE:
        told["message"] = told["message"][:_LONGEST_MESSAGE] + "…"
    told["extensions"] = {**told.get("extensions", {}), "code": code}
    return told


def _masked(error: GraphQLError, asked: Asked) -> dict[str, Any]:
    masked: dict[str, Any] = dict(error.formatted)
    masked["message"] = "Internal error"
    masked["extensions"] = {"code": INTERNAL, "requestId": asked.request_id}
    return masked


def _asked(asked: Asked) -> dict[str, Any]:
    return {"requestId": asked.request_id, "operation": asked.operation, "viewer": asked.viewer}
