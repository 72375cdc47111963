"""The schema, as it is served and exported."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from inspect import isawaitable
from typing import Any, TypeVar

import strawberry
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    is_input_object_type,
    lexicographic_sort_schema,
    print_schema,
)
from graphql.execution import Executor
from strawberry.execution.is_awaitable import optimized_is_awaitable
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types import graphql as strawberry_types
from strawberry.types.execution import ExecutionResult, PreExecutionError

from gql.bounds import Limits
from gql.budget import Spent
from gql.documents import Document, Documents
from gql.errors import LimitExceededError, UnauthenticatedError
from gql.execution.strawberry import StockExecutor, StrawberryExecutor
from gql.limits import parse_within
from gql.mutation import WITHOUT_TOKEN
from gql.mutations import Mutation
from gql.query import Query
from gql.relay import entities
from gql.rules import RULES, mistakes
from gql.scalars import DATE_TIME
from gql.subscribed import Subscribed, begun
from gql.subscription import Subscription

SUBSCRIPTION = strawberry_types.OperationType.SUBSCRIPTION

R = TypeVar("R")


class Schema(strawberry.Schema):
    """Strawberry's schema, which executes documents that are kept."""

    def as_str(self) -> str:
        """The schema in its own language, in alphabetical order, so that a change is a small difference.

        Strawberry's `sort_schema` would sort what is served too, and make its enums forget their classes.
        """
        return print_schema(lexicographic_sort_schema(self._schema)) + "\n"

    def __init__(
        self,
        *arguments: Any,
        introspection: bool = True,
        suggestions: bool = False,
        limits: Limits = Limits(),  # noqa: B008 # It cannot be changed.
        **options: Any,
    ) -> None:
        super().__init__(*arguments, **options)
        # Strawberry's own, which each schema of its sets anew, fails for a list and a type that is not null.
        self._schema.type_map["__Type"].fields["isOneOf"].resolve = _is_one_of  # type: ignore[attr-defined]
        rules = RULES if introspection else (*RULES, NoSchemaIntrospectionCustomRule)
        self.limits = limits
        self.hides_suggestions = not suggestions
        self.documents = Documents(
            lambda node: mistakes(self._schema, node, rules, hide_suggestions=self.hides_suggestions),
            limits,
        )

    async def kind(self, query: str, operation_name: str | None) -> OperationType | None:
        """What would be executed; None where nothing can be, of which to execute it says why.

        What a parser does not raise is raised here: not to know would let a mutation pass for a query.
        """
        try:
            operation = (await self.documents.read(query)).chosen(operation_name)
        except (GraphQLError, LimitExceededError, RecursionError, ValueError):
            return None
        return None if operation is None else operation.operation

    async def execute(  # type: ignore[override] # `query` has to be given.
        self,
        query: str,
        variable_values: dict[str, Any] | None = None,
        context_value: Any = None,
        root_value: Any = None,
        operation_name: str | None = None,
        allowed_operation_types: Iterable[strawberry_types.OperationType] | None = None,
        operation_extensions: dict[str, Any] | None = None,
    ) -> ExecutionResult:
        """What Strawberry's own does, which runs only where there are extensions of the schema: to find out
        that there are none takes it longer than a small query.

        Raises CannotGetOperationTypeError and InvalidOperationTypeError, which are the transport's to answer.
        """
        given = (variable_values, context_value, root_value, operation_name)

        async def run(document: Document) -> ExecutionResult:
            if self.extensions or self.directives:
                executing = super(Schema, self).execute(
                    query, *given, allowed_operation_types, operation_extensions
                )
            else:
                executing = self._executed(document.node, *given, operation_extensions)
            result = await executing
            return context_value.bounded(result) if context_value else result

        asked = (query, variable_values, context_value, operation_name, allowed_operation_types)
        return await self._let_in(*asked, run)

    async def follow(
        self, query: str, variables: dict[str, Any] | None, context: Any, name: str | None
    ) -> "Subscribed | ExecutionResult":
        """Begin a subscription, whose events are executed one by one; or why it cannot be.

        Raises CannotGetOperationTypeError and InvalidOperationTypeError as `execute` does.
        """

        async def run(document: Document) -> Subscribed | ExecutionResult:
            executor = self._executor(document.node, variables, context, None, name)
            if isinstance(executor, list):
                return ExecutionResult(None, executor)
            cost = document.cost(executor.operation, variables, self._schema, self.limits.page)
            return await begun(executor, cost)

        return await self._let_in(query, variables, context, name, {SUBSCRIPTION}, run)

    async def _let_in(
        self,
        query: str,
        variables: dict[str, Any] | None,
        context: Any,
        name: str | None,
        allowed: Iterable[strawberry_types.OperationType] | None,
        run: Callable[[Document], Awaitable[R]],
    ) -> "R | ExecutionResult":
        """Run an operation whose document is right, and that does not ask for too much."""
        try:
            document = await self.documents.read(query)
            operation = _chosen(document, name, allowed)
            errors = _refused(document, operation, name, context)
            if errors := errors or await self.documents.errors(query, document):
                return PreExecutionError(data=None, errors=errors)
            cost = document.cost(operation, variables, self._schema, self.limits.page)
            _check_cost(cost, self.limits)
            spent = await context.spend(cost) if context and context.budget else None
            return _told(await run(document), spent)
        except (CannotGetOperationTypeError, InvalidOperationTypeError):
            raise
        except GraphQLError as error:
            return PreExecutionError(data=None, errors=[error])
        except Exception as error:  # The transport masks it.
            # Without a name: the error knows this frame, and with one the frame would know the error.
            return PreExecutionError(data=None, errors=[GraphQLError(str(error), original_error=error)])

    def refusals(self, query: str) -> list[GraphQLError]:
        """Why a document is not executed, whoever asks and with whatever variables."""
        try:
            document = Document(parse_within(query, self.limits))
            if not document.operations:
                return [GraphQLError("The document has no operation.")]
            if errors := self.documents.errors_of(document.node):
                return errors
            for operation in document.operations:
                _check_cost(document.cost(operation, None, self._schema, self.limits.page), self.limits)
        except GraphQLError as error:
            return [error]
        except (LimitExceededError, RecursionError, ValueError) as error:
            return [GraphQLError(str(error), original_error=error)]
        return []

    async def _executed(
        self,
        document: DocumentNode,
        variable_values: dict[str, Any] | None,
        context_value: Any,
        root_value: Any,
        operation_name: str | None,
        operation_extensions: dict[str, Any] | None,
    ) -> ExecutionResult:
        executor = self._executor(
            document, variable_values, context_value, root_value, operation_name, operation_extensions
        )
        if isinstance(executor, list):
            return ExecutionResult(None, executor)
        result: Any = executor.execute_operation()
        executed = await result if isawaitable(result) else result
        return ExecutionResult(executed.data, executed.errors)

    def _executor(
        self,
        document: DocumentNode,
        variables: dict[str, Any] | None,
        context: Any,
        root: Any,
        name: str | None,
        operation_extensions: dict[str, Any] | None = None,
    ) -> list[GraphQLError] | Executor[Any]:
        return (self.execution_context_class or StockExecutor).build(
            self._schema,
            document,
            root,
            context,
            variables,
            name,
            is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type] # Strawberry's own.
            operation_extensions=operation_extensions,
            hide_suggestions=self.hides_suggestions,
        )


def _is_one_of(kind: Any, info: Any) -> bool | None:
    """What introspection tells of a type. Only Strawberry knows: it does not tell graphql-core."""
    if not is_input_object_type(kind):
        return None
    return bool(kind.extensions[GraphQLCoreConverter.DEFINITION_BACKREF].is_one_of)


def _chosen(
    document: Document, name: str | None, allowed: Iterable[strawberry_types.OperationType] | None
) -> OperationDefinitionNode:
    operation = document.chosen(name)
    if operation is None:
        raise CannotGetOperationTypeError(name)
    kind = strawberry_types.OperationType(operation.operation.value)
    if allowed is not None and kind not in allowed:
        raise InvalidOperationTypeError(kind)
    return operation


def _check_cost(cost: int, limits: Limits) -> None:
    if cost > limits.cost:
        raise LimitExceededError(f"The operation can come to {cost:,} nodes; {limits.cost:,} are allowed.")


def _told(result: R, spent: Spent | None) -> R:
    """With what the operation has cost."""
    if spent is not None and isinstance(result, ExecutionResult):
        result.extensions = {**(result.extensions or {}), **spent.extensions}
    return result


def _refused(
    document: Document, operation: OperationDefinitionNode, name: str | None, context: Any
) -> list[GraphQLError]:
    """Why a document is not executed, whether or not it is valid."""
    # Strawberry would execute the first of them.
    if len(document.operations) > 1 and name is None:
        message = "`operationName` has to say which operation to execute."
        return [GraphQLError(message, document.operations, extensions={"code": "BAD_USER_INPUT"})]
    if context and context.has_invalid_token and not _needs_no_token(operation):
        # To take somebody for a stranger instead would empty a front end's cache without a word.
        message = "The access token is not valid; log in again."
        return [GraphQLError(message, extensions={"code": UnauthenticatedError.code})]
    return []


def _needs_no_token(operation: OperationDefinitionNode) -> bool:
    """Whether it does nothing but what is the same for all, such as mutations by which to get a new one.

    A client that has only an expired token usually sends it with these too.
    """
    return operation.operation is OperationType.MUTATION and all(
        isinstance(node, FieldNode) and node.name.value in {"__typename", *WITHOUT_TOKEN}
        for node in operation.selection_set.selections
    )


def build_schema(
    *,
    introspection: bool = True,
    suggestions: bool = False,
    compiled: bool = True,
    limits: Limits = Limits(),  # noqa: B008 # It cannot be changed.
) -> Schema:
    return Schema(
        Query,
        Mutation,
        Subscription,
        # Some may be reached by their ids only.
        types=list(entities.values()),
        config=StrawberryConfig(scalar_map={datetime: DATE_TIME}),
        introspection=introspection,
        suggestions=suggestions,
        limits=limits,
        execution_context_class=StrawberryExecutor if compiled else StockExecutor,
    )


schema = build_schema()
