"""The schema, as it is served and exported."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar

import strawberry
from graphql import (
    ASTValidationRule,
    GraphQLError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    StringValueNode,
    ValidationRule,
    lexicographic_sort_schema,
    print_schema,
)
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig

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

    rules: ClassVar[tuple[type[ASTValidationRule], ...]] = (NoNulCharacters,)

    def on_operation(self) -> Iterator[None]:
        self.execution_context.validation_rules += self.rules
        yield

    def on_validate(self) -> Iterator[None]:
        document = self.execution_context.graphql_document
        definitions = document.definitions if document else ()
        operations = [node for node in definitions if isinstance(node, OperationDefinitionNode)]
        # Strawberry would execute the first of them.
        if len(operations) > 1 and self.execution_context._provided_operation_name is None:
            self.execution_context.pre_execution_errors = [
                GraphQLError(
                    "`operationName` has to say which operation to execute.",
                    operations,
                    extensions={"code": "BAD_USER_INPUT"},
                )
            ]
        yield


class ChecksWithoutIntrospection(Checks):
    rules = (*Checks.rules, NoSchemaIntrospectionCustomRule)


def build_schema(*, introspection: bool = True) -> Schema:
    return Schema(
        Query,
        # Some may be reached by their ids only.
        types=list(entities.values()),
        config=StrawberryConfig(scalar_map={datetime: DATE_TIME}),
        extensions=[Checks if introspection else ChecksWithoutIntrospection],
    )


schema = build_schema()
