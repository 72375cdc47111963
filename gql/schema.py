"""The schema, as it is served and exported."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar

import strawberry
from graphql import (
    ASTValidationRule,
    FieldNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    StringValueNode,
    ValidationRule,
    lexicographic_sort_schema,
    print_schema,
)
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from gql.errors import UnauthenticatedError
from gql.execution.strawberry import StrawberryExecutor
from gql.mutation import WITHOUT_TOKEN
from gql.mutations import Mutation
from gql.query import Query
from gql.relay import entities
from gql.scalars import DATE_TIME

MOST_MUTATIONS = 20


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


class FewMutations(ValidationRule):
    """Each of a mutation's root fields is a transaction, one after the other; some are a password's hash.

    They are counted wherever they stand, and a fragment each time that it is spread: a field that is asked
    for again without a name of its own is counted again too.
    """

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> None:
        if node.operation is OperationType.MUTATION and self._count(node.selection_set) > MOST_MUTATIONS:
            message = f"A request can have at most {MOST_MUTATIONS} mutations."
            self.report_error(GraphQLError(message, node, extensions={"code": "BAD_USER_INPUT"}))

    def _count(self, selection_set: SelectionSetNode) -> int:
        """At least one more than are allowed where there are more: none is counted after that."""
        left, count = [selection_set], 0
        while left and count <= MOST_MUTATIONS:
            for node in left.pop().selections:
                count += isinstance(node, FieldNode)
                if isinstance(node, InlineFragmentNode):
                    left.append(node.selection_set)
                elif isinstance(node, FragmentSpreadNode):
                    count += 1  # So that fragments that spread each other come to an end.
                    fragment = self.context.get_fragment(node.name.value)
                    left += [fragment.selection_set] if fragment else []
        return count


class Checks(SchemaExtension):
    """What is refused before anything is executed."""

    execution_context: ExecutionContext

    rules: ClassVar[tuple[type[ASTValidationRule], ...]] = (NoNulCharacters, FewMutations)

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
            if not all(_needs_no_token(node) for node in chosen):
                # To take somebody for a stranger instead would empty a front end's cache without a word.
                message = "The access token is not valid; log in again."
                context.pre_execution_errors = [
                    GraphQLError(message, extensions={"code": UnauthenticatedError.code})
                ]
        yield


def _needs_no_token(operation: OperationDefinitionNode) -> bool:
    """Whether it does nothing but what is the same for all, such as mutations by which to get a new one.

    A client that has only an expired token usually sends it with these too.
    """
    return operation.operation is OperationType.MUTATION and all(
        isinstance(node, FieldNode) and node.name.value in {"__typename", *WITHOUT_TOKEN}
        for node in operation.selection_set.selections
    )


class ChecksWithoutIntrospection(Checks):
    rules = (*Checks.rules, NoSchemaIntrospectionCustomRule)


def build_schema(*, introspection: bool = True, compiled: bool = True) -> Schema:
    return Schema(
        Query,
        Mutation,
        # Some may be reached by their ids only.
        types=list(entities.values()),
        config=StrawberryConfig(scalar_map={datetime: DATE_TIME}),
        extensions=[Checks if introspection else ChecksWithoutIntrospection],
        execution_context_class=StrawberryExecutor if compiled else None,
    )


schema = build_schema()
