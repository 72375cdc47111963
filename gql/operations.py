"""The results of all operations of those who stay connected, whatever they are."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from graphql import OperationType
from strawberry.schema.exceptions import CannotGetOperationTypeError
from strawberry.types.execution import PreExecutionError

from db.waiting import Queue
from gql.context import Caller, Context, Surroundings
from gql.errors import Asked, BadUserInputError, DeadlineExceededError
from gql.live import Live
from gql.persisted import Persisted
from gql.places import Place
from gql.policy import Viewer
from gql.requests import Operation, no_such_operation
from gql.results import Result, refusal, result_of
from gql.schema import Schema


class Operations:
    """Executes queries and mutations, and has subscriptions executed."""

    def __init__(
        self,
        schema: Schema,
        surroundings: Surroundings,
        places: Queue,
        persisted: Persisted,
        live: Live,
        *,
        deadline: float,
    ) -> None:
        self._schema = schema
        self._surroundings = surroundings
        self._places = places
        self._persisted = persisted
        self._live = live
        self._deadline = deadline

    async def with_document(self, operation: Operation) -> Operation:
        """The operation with its document, if it has only the id of one; raises ExpectedError."""
        if operation.reference is None and not self._persisted.trusted_only:
            return operation
        return (await self._persisted.found(operation))[0]

    async def is_mutation(self, operation: Operation) -> bool:
        return await self._schema.kind(operation.query, operation.name) is OperationType.MUTATION

    async def is_subscription(self, operation: Operation) -> bool:
        return await self._schema.kind(operation.query, operation.name) is OperationType.SUBSCRIPTION

    async def results(
        self,
        operation: Operation,
        viewer: Viewer | None,
        caller: Caller,
        request_id: str,
        *,
        after: str | None = None,
        turn: asyncio.Lock | None = None,
    ) -> AsyncGenerator[Result, None]:
        """See gql/results.py; the operation has its document."""
        if await self.is_subscription(operation):
            followed = self._live.results(operation, viewer, caller, request_id, after=after, turn=turn)
            async with aclosing(followed) as results:
                async for result in results:
                    yield result
        else:
            yield await self._result(operation, viewer, caller, request_id)

    async def _result(
        self, operation: Operation, viewer: Viewer | None, caller: Caller, request_id: str
    ) -> Result:
        asked = Asked(request_id, operation.name, viewer and viewer.id)
        context = self._surroundings.context(viewer, caller)
        try:
            return await self._executed(operation, context, asked)
        except CannotGetOperationTypeError:
            return refusal(BadUserInputError(no_such_operation(operation)), asked)
        except TimeoutError:
            return refusal(DeadlineExceededError(self._deadline), asked)
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
        return result_of(result, asked)
