"""Documents: parsed and validated once, and kept for when the same text comes again."""

from collections.abc import Callable
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    StringValueNode,
    ValidationRule,
    parse,
)

from gql.execution import Kept

MOST_MUTATIONS = 20

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


class Document:
    """A document that can be parsed."""

    def __init__(self, node: DocumentNode) -> None:
        self.node = node
        self.operations = [
            definition for definition in node.definitions if isinstance(definition, OperationDefinitionNode)
        ]
        self.is_valid = False

    def chosen(self, name: str | None) -> OperationDefinitionNode | None:
        """The operation of this name, or the first where none is given."""
        for operation in self.operations:
            if name is None or (operation.name and operation.name.value == name):
                return operation
        return None


class Documents:
    """The documents that came last, by their text."""

    def __init__(self, validate: Validate) -> None:
        self._validate = validate
        self.kept: Kept[Document] = Kept()

    def document(self, text: str) -> Document:
        """The parsed document; raises whatever graphql-core's parser does."""
        return self.kept.get(text) or Document(parse(text))

    def errors(self, text: str, document: Document) -> list[GraphQLError]:
        """What is wrong with a document. One that is right is kept, so that it is not validated again."""
        if document.is_valid:
            return []
        errors = self._validate(document.node)
        if not errors:
            document.is_valid = True
            self.kept.put(text, document, len(text))
        return errors
