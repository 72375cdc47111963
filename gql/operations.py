"""The results of all operations of those who stay connected, whatever they are."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import orjson
from graphql import GraphQLError, OperationType
from strawberry.schema.exceptions import CannotGetOperationTypeError
from strawberry.types.execution import PreExecutionError

from db.engine import Database
from db.waiting import Queue
from gql.budget import Budget
from gql.context import Caller, Context
from gql.errors import Asked, BadUserInputError, DeadlineExceededError, ExpectedError, internal
from gql.live import Live
from gql.persisted import Persisted
from gql.places import Place
from gql.policy import Viewer
from gql.requests import Operation, no_such_operation
from gql.responses import body_of
from gql.results import Result
from gql.schema import Schema


class Operations:
    """Executes queries and mutations, and has subscriptions executed."""

    def __init__(
        self,
        schema: Schema,
        database: Database,
        places: Queue,
        persisted: Persisted,
        live: Live,
        *,
        page_limit: int,
        deadline: float,
        budget: Budget | None,
    ) -> None:
        self._schema = schema
        self._database = database
        self._places = places
        self._persisted = persisted
        self._live = live
        self._page_limit = page_limit
        self._deadline = deadline
        self._budget = budget

    async def with_document(self, operation: Operation) -> Operation:
        """The operation with its document, if it has only the id of one; raises ExpectedError."""
        if operation.reference is None and not self._persisted.trusted_only:
            return operation
        return (await self._persisted.found(operation))[0]

    async def is_mutation(self, operation: Operation) -> bool:
        return await self._schema.kind(operation.query, operation.name) is OperationType.MUTATION

    async def results(
        self,
        operation: Operation,
        viewer: Viewer | None,
        caller: Caller,
        request_id: str,
        *,
        after: str | None = None,
    ) -> AsyncGenerator[Result, None]:
        """See gql/results.py; the operation has its document."""
        kind = await self._schema.kind(operation.query, operation.name)
        if kind is OperationType.SUBSCRIPTION:
            followed = self._live.results(operation, viewer, caller, request_id, after=after)
            async with aclosing(followed) as results:
                async for result in results:
                    yield result
        else:
            yield await self._result(operation, viewer, caller, request_id)

    async def _result(
        self, operation: Operation, viewer: Viewer | None, caller: Caller, request_id: str
    ) -> Result:
        asked = Asked(request_id, operation.name, viewer and viewer.id)
        context = Context(
            self._database,
            viewer,
            caller,
            page_limit=self._page_limit,
            budget=self._budget,
            feed=self._live.feed,
        )
        try:
            return await self._executed(operation, context, asked)
        except CannotGetOperationTypeError:
            return refusal(BadUserInputError(no_such_operation(operation)), asked)
        except TimeoutError:
            message = f"The operation took longer than {self._deadline:g} seconds."
            return refusal(DeadlineExceededError(message), asked)
        except Exception as error:
            return refusal(error, asked)

    async def _executed(self, operation: Operation, context: Context, asked: Asked) -> Result:
        async with asyncio.timeout(self._deadline), Place(self._places):
            try:
                result = await self._schema.execute(
                    operation.query,
                    variable_values=operation.variables,
                    operation_name=operation.name,
                    context_value=context,
                )
            finally:
                await context.close()
            if operation.reference is not None and not isinstance(result, PreExecutionError):
                await self._persisted.keep(operation)
        body = body_of(result, asked)
        if "data" in body:
            return Result(orjson.dumps(body))
        return Result(orjson.dumps(body["errors"]), is_refusal=True)


def refusal(error: Exception, asked: Asked) -> Result:
    """Of an operation that has no result; what was not expected is logged and masked."""
    if isinstance(error, ExpectedError):
        wrapped = GraphQLError(str(error), original_error=error)
        errors = body_of(PreExecutionError(data=None, errors=[wrapped]), asked)["errors"]
    else:
        errors = [internal(error, asked)]
    return Result(orjson.dumps(errors), is_refusal=True)
