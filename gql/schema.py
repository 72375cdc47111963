"""The schema, as it is served and exported."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar

import strawberry
from graphql import (
    ASTValidationRule,
    FieldNode,
    GraphQLError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    StringValueNode,
    ValidationRule,
    lexicographic_sort_schema,
    print_schema,
)
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from gql.errors import UnauthenticatedError
from gql.mutation import FOR_ANYBODY
from gql.mutations import Mutation
from gql.query import Query
from gql.relay import entities
from gql.scalars import DATE_TIME


class NoNulCharacters(ValidationRule):
    """No database stores the character NUL in a text, and PostgreSQL answers it with an error of its own."""

    def enter_string_value(self, node: StringValueNode, *_: Any) -> None:
        if "\x00" in node.value:
            self.report_error(
                GraphQLError(
                    "A string cannot contain the character NUL.", node, extensions={"code": "BAD_USER_INPUT"}
                )
            )


class Schema(strawberry.Schema):
    """Errors are logged where they are masked, and only those."""

    def as_str(self) -> str:
        """The schema in its own language, in alphabetical order, so that a change is a small difference.

        Strawberry's `sort_schema` would sort what is served too, and make its enums forget their classes.
        """
        return print_schema(lexicographic_sort_schema(self._schema)) + "\n"

    def process_errors(self, errors: list[GraphQLError], execution_context: Any = None) -> None:
        return


class Checks(SchemaExtension):
    """What is refused before anything is executed."""

    execution_context: ExecutionContext

    rules: ClassVar[tuple[type[ASTValidationRule], ...]] = (NoNulCharacters,)

    def on_operation(self) -> Iterator[None]:
        self.execution_context.validation_rules += self.rules
        yield

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        definitions = context.graphql_document.definitions if context.graphql_document else ()
        operations = [node for node in definitions if isinstance(node, OperationDefinitionNode)]
        # Strawberry would execute the first of them.
        if len(operations) > 1 and context._provided_operation_name is None:
            message = "`operationName` has to say which operation to execute."
            context.pre_execution_errors = [
                GraphQLError(message, operations, extensions={"code": "BAD_USER_INPUT"})
            ]
        elif context.context and context.context.has_invalid_token:
            name = context._provided_operation_name
            chosen = [node for node in operations if name is None or (node.name and node.name.value == name)]
            if not all(_is_for_anybody(node) for node in chosen):
                # To take somebody for a stranger instead would empty a front end's cache without a word.
                message = "The access token is not valid; log in again."
                context.pre_execution_errors = [
                    GraphQLError(message, extensions={"code": UnauthenticatedError.code})
                ]
        yield


def _is_for_anybody(operation: OperationDefinitionNode) -> bool:
    """Whether it does nothing but mutations that need no token, such as those by which to get a new one.

    A client that has only an expired token usually sends it with these too.
    """
    return operation.operation is OperationType.MUTATION and all(
        isinstance(node, FieldNode) and node.name.value in FOR_ANYBODY
        for node in operation.selection_set.selections
    )


class ChecksWithoutIntrospection(Checks):
    rules = (*Checks.rules, NoSchemaIntrospectionCustomRule)


def build_schema(*, introspection: bool = True) -> Schema:
    return Schema(
        Query,
        Mutation,
        # Some may be reached by their ids only.
        types=list(entities.values()),
        config=StrawberryConfig(scalar_map={datetime: DATE_TIME}),
        extensions=[Checks if introspection else ChecksWithoutIntrospection],
    )


schema = build_schema()
