"""The arguments of a field, worked out once as far as they do not depend on the values of variables."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    ListValueNode,
    ObjectValueNode,
    ValueNode,
    VariableNode,
    get_nullable_type,
    is_required_argument,
    is_required_input_field,
)
from graphql.execution.values import get_argument_values
from graphql.pyutils import Undefined
from graphql.utilities.coerce_input_value import coerce_default_value, coerce_input_literal

if TYPE_CHECKING:
    from gql.execution.executor import CompiledExecutor

Make: TypeAlias = Callable[[Mapping[str, Any]], Any]
"""Makes a value of the coerced variables: a new one each time, unless nobody can change it."""

# Values that nobody can change, so that many resolvers can be given the same ones.
_IMMUTABLE = (str, int, float, bool, type(None), enum.Enum, date, datetime, Decimal, UUID)


def are_immutable(arguments: Mapping[str, Any]) -> bool:
    return all(map(_is_immutable, arguments.values()))


def _is_immutable(value: Any) -> bool:
    return isinstance(value, _IMMUTABLE) or (type(value) is tuple and all(map(_is_immutable, value)))


class Arguments:
    """The arguments that come to anything: those that are given, required or have a default.

    graphql-core reads them from this as it would from the field itself. It is asked only where a variable is
    null or missing, of which it knows what it means, and where something is wrong, of which it knows what to
    say.
    """

    def __init__(self, definition: GraphQLField, node: FieldNode) -> None:
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        self.args = {
            name: argument
            for name, argument in definition.args.items()
            if name in given or is_required_argument(argument) or _has_default(argument)
        }
        self._node = node
        self._variables = {name for value in given.values() for name in _variables(value)}
        self._make = self._planned(given)

    def values(self, executor: CompiledExecutor) -> dict[str, Any]:
        """The coerced arguments; raises GraphQLError as graphql-core does."""
        known = executor.variable_values.coerced
        if self._make is not None and None not in map(known.get, self._variables):
            made: dict[str, Any] = self._make(known)
            return made
        return get_argument_values(
            self,  # type: ignore[arg-type] # It has what is read of a field.
            self._node,
            executor.variable_values,
            None,
            executor.hide_suggestions,
        )

    def _planned(self, given: Mapping[str, ValueNode]) -> Make | None:
        try:
            return _object(
                {
                    argument.out_name or name: _literal(given[name], argument.type)
                    if name in given
                    else _constant(coerce_default_value(argument))
                    for name, argument in self.args.items()
                }
            )
        except Exception:  # Whatever a scalar raises; graphql-core says it where the field is resolved.
            return None


class _UnplannedError(Exception):
    """What a value comes to is left to graphql-core."""


def _has_default(argument: GraphQLArgument) -> bool:
    return argument.default_value is not Undefined or argument.default is not None


def _variables(node: ValueNode) -> Iterator[str]:
    if isinstance(node, VariableNode):
        yield node.name.value
    elif isinstance(node, ListValueNode):
        for item in node.values:
            yield from _variables(item)
    elif isinstance(node, ObjectValueNode):
        for field in node.fields:
            yield from _variables(field.value)


def _literal(node: ValueNode, graphql_type: Any) -> Make:
    if isinstance(node, VariableNode):
        return itemgetter(node.name.value)
    if next(_variables(node), None) is None:
        return _constant(coerce_input_literal(node, graphql_type))
    nullable = get_nullable_type(graphql_type)
    if isinstance(nullable, GraphQLList):
        items = node.values if isinstance(node, ListValueNode) else [node]
        return _list([_literal(item, nullable.of_type) for item in items])
    if isinstance(nullable, GraphQLInputObjectType) and isinstance(node, ObjectValueNode):
        return _input_object(node, nullable)
    raise _UnplannedError("a scalar's literal with variables in it")


def _input_object(node: ObjectValueNode, graphql_type: GraphQLInputObjectType) -> Make:
    given = {field.name.value: field.value for field in node.fields}
    made: dict[str, Make] = {}
    for name, field in graphql_type.fields.items():
        if name in given:
            made[field.out_name or name] = _literal(given[name], field.type)
        elif is_required_input_field(field):
            raise _UnplannedError("a required field is missing")
        elif (default := coerce_default_value(field)) is not Undefined:
            made[field.out_name or name] = _constant(default)
    if not given.keys() <= graphql_type.fields.keys():
        raise _UnplannedError("an unknown field")
    if graphql_type.is_one_of and not len(given) == len(made) == 1:
        raise _UnplannedError("not exactly one field")
    make, out_type = _object(made), graphql_type.out_type
    if out_type is GraphQLInputObjectType.out_type:
        return make
    return lambda known: out_type(make(known))


def _constant(value: Any) -> Make:
    if type(value) is dict:
        return _object({name: _constant(item) for name, item in value.items()})
    if type(value) is list:
        return _list([_constant(item) for item in value])
    if _is_immutable(value):
        return lambda known: value
    raise _UnplannedError("not valid, or somebody could change it")


def _object(made: Mapping[str, Make]) -> Make:
    items = list(made.items())
    return lambda known: {name: make(known) for name, make in items}


def _list(made: Sequence[Make]) -> Make:
    return lambda known: [make(known) for make in made]
