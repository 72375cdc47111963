"""Which columns an operation asks for, worked out once from its document.

A list of posts never reads bodies that nobody selected. One union a model, over the whole operation, keeps
the key of a loader short: a post is loaded once, by whichever path it is reached.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import strawberry
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
from sqlalchemy.orm import InstrumentedAttribute

from db.base import Entity
from db.companions import is_narrow
from gql.execution import Kept

NEEDS = "needs"
"""The key in a field's metadata under which it names the columns of its row that it reads."""

COMPANION = "companion"
"""Likewise the many-to-one relationship that leads from its row to the one that the field is."""

ORDER = "order"
"""Among a field's needs: the column that a connection is ordered by, which a row's cursor is made of."""


@dataclass(frozen=True, eq=False, slots=True)
class Needed:
    """The columns of each model, and whether those that connections are ordered by are needed too; and the
    relationships to what is read along with a model's rows."""

    columns: Mapping[type[Entity], tuple[str, ...]]
    orders: bool
    companions: Mapping[type[Entity], tuple[InstrumentedAttribute[Any], ...]]

    def of(self, model: type[Entity], order: str = "id") -> tuple[str, ...]:
        """Always with the id; of a connection's rows with its order's column where somebody asks for it."""
        columns = self.columns.get(model, ("id",))
        return (*columns, order) if self.orders and order not in columns else columns


NOTHING = Needed({}, orders=False, companions={})


# Of operations. It holds on to them, so that no other has their identity.
_kept: Kept[tuple[OperationDefinitionNode, Needed]] = Kept()


def needed_columns(info: strawberry.Info[Any, Any]) -> Needed:
    """The columns of each model that the operation's fields read, always with the id."""
    operation = info.operation
    kept = _kept.get(id(operation))
    if kept is not None and kept[0] is operation:
        return kept[1]
    needed = _needed(info._raw_info)
    _kept.put(id(operation), (operation, needed), len(operation.loc.source.body) if operation.loc else 0)
    return needed


def _needed(info: GraphQLResolveInfo[Any]) -> Needed:
    walk = _Walk(info)
    # Whoever asks first need not be a root field: a mutation's payload reads after its transaction.
    root = info.schema.get_root_type(info.operation.operation) or info.parent_type
    walk.selections(info.operation.selection_set, root)
    columns = {model: ("id", *sorted(columns - {"id"})) for model, columns in walk.columns.items()}
    companions = {
        model: tuple(each for each in sorted(relationships, key=str) if is_narrow(each, columns))
        for model, relationships in walk.companions.items()
    }
    return Needed(columns, walk.orders, companions)


class _Walk:
    def __init__(self, info: GraphQLResolveInfo[Any]) -> None:
        self.schema = info.schema
        self.fragments: dict[str, FragmentDefinitionNode] = dict(info.fragments)
        self.columns: dict[type[Entity], set[str]] = defaultdict(set)
        self.companions: dict[type[Entity], set[InstrumentedAttribute[Any]]] = defaultdict(set)
        self.orders = False

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
        metadata = field.extensions["strawberry-definition"].metadata
        needs = metadata.get(NEEDS, ())
        if ORDER in needs:
            self.orders = True
        elif model := getattr(declared, "model", None):
            self.columns[model].update(needs)
            if companion := metadata.get(COMPANION):
                self.companions[model].add(companion)
        self.selections(node.selection_set, get_named_type(field.type))
