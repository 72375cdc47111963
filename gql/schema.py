"""The schema, as it is served and exported."""

from datetime import datetime
from typing import Any

import strawberry
from graphql import (
    ASTValidationRule,
    GraphQLError,
    NoSchemaIntrospectionCustomRule,
    StringValueNode,
    ValidationRule,
    lexicographic_sort_schema,
    print_schema,
)
from strawberry.extensions import AddValidationRules
from strawberry.schema.config import StrawberryConfig

from gql.query import Query
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


def build_schema(*, introspection: bool = True) -> Schema:
    rules: list[type[ASTValidationRule]] = [NoNulCharacters]
    if not introspection:
        rules.append(NoSchemaIntrospectionCustomRule)
    return Schema(
        Query,
        config=StrawberryConfig(scalar_map={datetime: DATE_TIME}),
        extensions=[lambda: AddValidationRules(rules)],
    )


schema = build_schema()
