"""What an operation answers, one result or many, whatever it is sent by."""

import asyncio
from collections.abc import AsyncGenerator
from typing import NamedTuple, Protocol

import orjson
from graphql import GraphQLError
from strawberry.types.execution import ExecutionResult, PreExecutionError

from gql.context import Caller
from gql.errors import Asked, ExpectedError, internal
from gql.policy import Viewer
from gql.requests import Operation
from gql.responses import body_of


class Result(NamedTuple):
    """A part of an operation's answer.

    `body` is JSON: an execution result, or of a refused operation the array of its errors. `event_id` is that
    of a subscription's event, by which one comes back for those after it.
    """

    body: bytes
    is_refusal: bool = False
    event_id: str | None = None


def result_of(executed: ExecutionResult, asked: Asked) -> Result:
    """Of an operation; what was refused, or was not executed for another reason, has no data."""
    body = body_of(executed, asked)
    if "data" in body:
        return Result(orjson.dumps(body))
    return Result(orjson.dumps(body["errors"]), is_refusal=True)


def refusal(error: Exception, asked: Asked) -> Result:
    """Of an operation that has no result; what was not expected is logged and masked."""
    if isinstance(error, ExpectedError):
        return result_of(failed(error), asked)
    return Result(orjson.dumps([internal(error, asked)]), is_refusal=True)


def failed(error: ExpectedError) -> ExecutionResult:
    return PreExecutionError(None, [GraphQLError(str(error), original_error=error)])


class Results(Protocol):
    """Executes operations: one result of a query or mutation, any number of a subscription.

    The generator ends when the operation is complete, and to close it ends the operation with its statements.
    It may raise SlowConsumerError, SessionEndedError, and UnavailableError: a subscription is then not
    over, but has to go on elsewhere or later.
    """

    def __call__(
        self,
        operation: Operation,
        viewer: Viewer | None,
        caller: Caller,
        request_id: str,
        *,
        after: str | None = None,
        turn: asyncio.Lock | None = None,
    ) -> AsyncGenerator[Result, None]:
        """`after` is the id of the last event that the client has got.

        A subscription has the turn while it reads an event, and until it is asked for the next one.
        """
        ...
