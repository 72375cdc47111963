"""Plans: what an operation is worked out to be, once, and then run many times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from graphql import (
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    is_abstract_type,
    is_leaf_type,
)
from graphql.execution.collect_fields import (
    FieldDetailsList,
    GroupedFieldSet,
    collect_fields,
    collect_subfields,
)
from graphql.execution.executor import to_nodes

from gql.execution.arguments import Arguments
from gql.execution.columns import FieldColumn, Objects
from gql.execution.kinds import Values
from gql.execution.objects import AbstractPlan, ObjectTypePlan
from gql.execution.types import LeafPlan, ListPlan, Selected, TypePlan

if TYPE_CHECKING:
    from gql.execution.executor import CompiledExecutor
    from gql.execution.run import Run

Resolution: TypeAlias = "Callable[[Run, FieldPlan, FieldColumn, Values], Values | None]"
"""What gives a field's raw values for all objects; an exception among them is that object's error.

It is None where the column is finished later.
"""

MakeRows: TypeAlias = Callable[[Sequence[Sequence[Any]], int], list[dict[str, Any]]]


class FieldPlan:
    """A field of a selection set."""

    def __init__(
        self,
        rank: int,
        key: str,
        parent: GraphQLObjectType,
        definition: GraphQLField,
        details: FieldDetailsList,
    ) -> None:
        self.rank = rank  # Which one it is in the selection set.
        self.key = key
        self.parent = parent
        self.definition = definition
        self.details = details
        self.nodes = to_nodes(details)
        self.name = self.nodes[0].name.value
        self.arguments = Arguments(definition, self.nodes[0])
        self.type = type_plan(Selected(f"{parent}.{self.name}", details), definition.type)
        self.resolve: Resolution

    def run(self, run: Run, objects: Objects, sources: Values) -> list[Any]:
        """The completed values of the field for all objects."""
        column = FieldColumn(self, objects)
        try:
            values = self.resolve(run, self, column, sources)
            return [None] * len(sources) if values is None else self.type.complete(run, column, values)
        except RecursionError as error:
            for index in range(len(sources)):
                run.fail(column, index, error)
            return [None] * len(sources)


class ObjectPlan:
    """A selection set for objects of one type."""

    def __init__(self, fields: Sequence[FieldPlan]) -> None:
        self.fields = fields
        self.make_rows = row_maker(tuple(field.key for field in fields))


def type_plan(selected: Selected, graphql_type: Any) -> TypePlan:
    nonnull = isinstance(graphql_type, GraphQLNonNull)
    nullable = graphql_type.of_type if nonnull else graphql_type
    if isinstance(nullable, GraphQLList):
        return ListPlan(selected, nullable, type_plan(selected, nullable.of_type), nonnull=nonnull)
    if is_leaf_type(nullable):
        return LeafPlan(selected, nullable, nonnull=nonnull)
    plan = AbstractPlan if is_abstract_type(nullable) else ObjectTypePlan
    return plan(selected, nullable, nonnull=nonnull)


@lru_cache(maxsize=1024)
def row_maker(keys: tuple[str, ...]) -> MakeRows:
    """Makes a dict of each object from the columns of its fields.

    The one piece of generated code: a display with its keys in place is three times faster than dict(zip()).
    The keys are the document's, hence checked to be names.
    """
    if not keys:
        return lambda columns, count: [{} for _ in range(count)]
    if not all(key.isidentifier() and key.isascii() for key in keys):
        raise ValueError("a response name is a name of the document")
    names = [f"value{number}" for number in range(len(keys))]
    display = ", ".join(f"{key!r}: {name}" for key, name in zip(keys, names, strict=True))
    source = f"lambda columns, count: [{{{display}}} for {', '.join(names)}, in zip(*columns)]"
    made: MakeRows = eval(source, {"zip": zip})  # noqa: S307 # Made of checked names only.
    return made


def plan_operation(executor: CompiledExecutor) -> ObjectPlan:
    """The plan of the executor's operation; raises as graphql-core does where its fields cannot be told."""
    root = executor.schema.get_root_type(executor.operation.operation)
    if root is None:
        raise LookupError("the schema has no such operations")
    collected = collect_fields(
        executor.schema,
        executor.fragments,
        executor.variable_values,
        root,
        executor.operation,
        executor.hide_suggestions,
    )
    return _plan(executor, root, collected.grouped_field_set)


def plan_objects(
    executor: CompiledExecutor, parent: GraphQLObjectType, details: FieldDetailsList
) -> ObjectPlan:
    """The plan of what a field selects of objects of a type."""
    collected = collect_subfields(
        executor.schema,
        executor.fragments,
        executor.variable_values,
        executor.operation,
        parent,
        details,
        executor.hide_suggestions,
    )
    return _plan(executor, parent, collected.grouped_field_set)


def _plan(executor: CompiledExecutor, parent: GraphQLObjectType, grouped: GroupedFieldSet) -> ObjectPlan:
    fields = []
    for rank, (key, details) in enumerate(grouped.items()):
        definition = executor.schema.get_field(parent, details[0].node.name.value)
        if definition is not None:  # An unknown one is left out, as graphql-core does.
            field = FieldPlan(rank, key, parent, definition, details)
            field.resolve = executor.resolution(field)
            fields.append(field)
    return ObjectPlan(fields)
