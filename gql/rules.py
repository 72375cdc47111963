"""The rules that a document is validated by."""

from collections.abc import Iterable
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OverlappingFieldsCanBeMergedRule,
    ParallelVisitor,
    ValidationContext,
    specified_rules,
    validate,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from gql.documents import NoNulCharacters
from gql.limits import FewComparisons

RULES: tuple[type[Any], ...] = (
    *(rule for rule in specified_rules if rule is not OverlappingFieldsCanBeMergedRule),
    FewComparisons,
    MaybeNullValidationRule,
    OneOfInputValidationRule,
    NoNulCharacters,
)
# Who has made more mistakes in a document reads the first ones first.
_MOST_ERRORS = 20


def mistakes(
    schema: GraphQLSchema, document: DocumentNode, rules: Iterable[type[Any]], *, hide_suggestions: bool
) -> list[GraphQLError]:
    """What is wrong with a document; raises LimitExceededError.

    What the rules have found out, they themselves and the document refer to each other in circles: all of it
    would stay until the garbage collector looks for it, while everybody else waits. So they forget it.
    """
    made: list[ParallelVisitor] = []

    def all_rules(context: ValidationContext) -> ParallelVisitor:
        made.append(ParallelVisitor([rule(context) for rule in rules]))
        return made[-1]

    as_one_rule: Any = all_rules  # It is called as one, and no more.
    try:
        return validate(schema, document, [as_one_rule], _MOST_ERRORS, hide_suggestions=hide_suggestions)
    finally:
        for together in made:
            for visitor in (*together.visitors, together):
                vars(visitor).clear()
