"""Which columns an operation asks for, worked out once from its document.

A list of posts never reads bodies that nobody selected. One union a model, over the whole operation, keeps
the key of a loader short: a post is loaded once, by whichever path it is reached.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
)

from db.base import Entity

NEEDS = "needs"
"""The key in a field's metadata under which it names the columns of its row that it reads."""

Needed = Mapping[type[Entity], tuple[str, ...]]


# The operations that came last, and what they need. It holds on to them, so that no other has their identity.
_kept: dict[int, tuple[OperationDefinitionNode, Needed]] = {}
_MOST_OPERATIONS = 256
_LONGEST_TEXT = 8_192


def needed_columns(info: GraphQLResolveInfo[Any]) -> Needed:
    """The columns of each model that the operation's fields read, always with the id."""
    key = id(info.operation)
    # Put behind all others again: the first is the one that was not used for the longest time.
    operation, needed = _kept.pop(key, (None, None))
    if needed is None or operation is not info.operation:
        needed = _needed(info)
    location = info.operation.loc
    if location is None or len(location.source.body) <= _LONGEST_TEXT:
        _kept[key] = info.operation, needed
    if len(_kept) > _MOST_OPERATIONS:
        del _kept[next(iter(_kept))]
    return needed


def _needed(info: GraphQLResolveInfo[Any]) -> Needed:
    walk = _Walk(info)
    # Whoever asks first need not be a root field: a mutation's payload reads after its transaction.
    root = info.schema.get_root_type(info.operation.operation) or info.parent_type
    walk.selections(info.operation.selection_set, root)
    return {model: ("id", *sorted(columns - {"id"})) for model, columns in walk.columns.items()}


class _Walk:
    def __init__(self, info: GraphQLResolveInfo[Any]) -> None:
        self.schema = info.schema
        self.fragments: dict[str, FragmentDefinitionNode] = dict(info.fragments)
        self.columns: dict[type[Entity], set[str]] = defaultdict(set)

    def selections(self, selection_set: SelectionSetNode | None, parent: GraphQLNamedType) -> None:
        for node in selection_set.selections if selection_set else ():
            if isinstance(node, FieldNode):
                self.field(node, parent)
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                named = self.schema.get_type(condition.name.value) if condition else parent
                self.selections(node.selection_set, named or parent)
            elif isinstance(node, FragmentSpreadNode):
                # What a fragment selects does not depend on where it is spread: once is enough.
                fragment = self.fragments.pop(node.name.value, None)
                if fragment and (named := self.schema.get_type(fragment.type_condition.name.value)):
                    self.selections(fragment.selection_set, named)

    def field(self, node: FieldNode, parent: GraphQLNamedType) -> None:
        fields = parent.fields if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType) else {}
        field = fields.get(node.name.value)
        if field is None:  # A field that every type has, such as __typename.
            return
        declared = parent.extensions["strawberry-definition"].origin
        if model := getattr(declared, "model", None):
            self.columns[model].update(field.extensions["strawberry-definition"].metadata.get(NEEDS, ()))
        self.selections(node.selection_set, get_named_type(field.type))
