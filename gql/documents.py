"""Documents: parsed and validated once, and kept for when the same text comes again."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    StringValueNode,
    ValidationRule,
)

from gql.bounds import Limits
from gql.cost import Cost, cost_of
from gql.execution import Kept
from gql.limits import check_shape, parse_within
from gql.places import left

T = TypeVar("T")

SHORT = 500
"""Characters: some milliseconds of work at most."""

_READER = ThreadPoolExecutor(1, "documents")

Validate = Callable[[DocumentNode], list[GraphQLError]]


class NoNulCharacters(ValidationRule):
    """No database stores the character NUL in a text, and PostgreSQL answers it with an error of its own."""

    def enter_string_value(self, node: StringValueNode, *_: Any) -> None:
        if "\x00" in node.value:
            self.report_error(
                GraphQLError(
                    "A string cannot contain the character NUL.", node, extensions={"code": "BAD_USER_INPUT"}
                )
            )


class Document:
    """A document that can be parsed."""

    def __init__(self, node: DocumentNode) -> None:
        self.node = node
        self.operations = [
            definition for definition in node.definitions if isinstance(definition, OperationDefinitionNode)
        ]
        self.is_valid = False
        # By the identity of an operation; each is worked out when it is first executed, because there may be
        # hundreds.
        self._costs: dict[int, Cost] = {}

    def chosen(self, name: str | None) -> OperationDefinitionNode | None:
        """The operation of this name, or the first where none is given."""
        for operation in self.operations:
            if name is None or (operation.name and operation.name.value == name):
                return operation
        return None

    def cost(
        self,
        operation: OperationDefinitionNode,
        variables: dict[str, Any] | None,
        schema: GraphQLSchema,
        page: int,
    ) -> int:
        """What an operation of a valid document may come to, in nodes; `page` is the most of a page."""
        cost = self._costs.get(id(operation))
        if cost is None:
            fragments = {
                node.name.value: node
                for node in self.node.definitions
                if isinstance(node, FragmentDefinitionNode)
            }
            cost = self._costs[id(operation)] = cost_of(operation, schema, fragments, page)
        return cost.of(variables)


class Documents:
    """The documents that came last, by their text."""

    def __init__(self, validate: Validate, limits: Limits) -> None:
        self._validate = validate
        self._limits = limits
        self.kept: Kept[Document] = Kept()

    async def read(self, text: str) -> Document:
        """The parsed document; raises LimitExceededError, and whatever graphql-core's parser does."""
        return self.kept.get(text) or Document(await _apart(text, parse_within, text, self._limits))

    async def errors(self, text: str, document: Document) -> list[GraphQLError]:
        """What is wrong with a document; raises LimitExceededError.

        One that is right is kept, so that it is not validated again.
        """
        if document.is_valid:
            return []
        errors = await _apart(text, self.errors_of, document.node)
        if not errors:
            document.is_valid = True
            self.kept.put(text, document, len(text))
        return errors

    def errors_of(self, node: DocumentNode) -> list[GraphQLError]:
        """What is wrong with a document, kept or not; raises LimitExceededError."""
        check_shape(node, self._limits)
        return self._validate(node)


async def _apart(text: str, work: Callable[..., T], *given: Any) -> T:
    """Work on a document, in a thread unless it is short: the longest take as long as a dozen requests.

    There is one thread, so that those who send many of them wait for each other, and others do not: waiting
    here an operation needs no place.
    """
    if len(text) <= SHORT:
        return work(*given)
    async with left():
        return await asyncio.get_running_loop().run_in_executor(_READER, work, *given)
