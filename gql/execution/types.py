"""How a column of raw values becomes a column of the response, by the type of its place."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, chain, pairwise
from types import GeneratorType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLError,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLString,
)
from graphql.pyutils import Undefined, is_iterable

from gql.execution.columns import Column, ItemColumn, Part
from gql.execution.kinds import Kind, Raised, Values, by_kind, kind_of_type

if TYPE_CHECKING:
    from graphql.execution.collect_fields import FieldDetailsList

    from gql.execution.run import Run

Convert: TypeAlias = Callable[[Values], list[Any]]

# So many Python types a place remembers as plain values; a program that makes types as it goes has more.
_MOST_TYPES = 64


class Selected(NamedTuple):
    """What a type's plan knows of its field.

    The field's plan knows the type's. Knew they each other, a plan that is dropped would stay until the
    garbage collector looks for it.
    """

    coordinate: str  # `Post.title`.
    details: FieldDetailsList


class TypePlan:
    """The type of a place: what completes its columns."""

    def __init__(self, selected: Selected, graphql_type: Any, *, nonnull: bool) -> None:
        self.selected = selected
        self.type = graphql_type
        self.nonnull = nonnull
        self._plain: set[type] = set()

    def complete(self, run: Run, column: Column, values: Values, *, awaited: bool = False) -> list[Any]:
        """As many values as there were. Errors are left with the run; what has to be awaited is null so far.

        A value that was awaited once is not awaited again.
        """
        types = set(map(type, values))
        if types <= self._plain or self._are_plain(types):
            return self.complete_plain(run, column, values, types) if values else []
        return self._sorted_out(run, column, values, awaited=awaited)

    def complete_plain(self, run: Run, column: Column, values: Values, types: set[type]) -> list[Any]:
        """The same for values that are no nulls, errors or awaitables; `types` are their Python types."""
        raise NotImplementedError

    def _are_plain(self, types: set[type]) -> bool:
        """Whether all values of these Python types are; a generator's type does not say."""
        if GeneratorType in types or any(kind_of_type(each) is not Kind.PLAIN for each in types):
            return False
        if len(self._plain) < _MOST_TYPES:
            self._plain |= types
        return True

    def _sorted_out(self, run: Run, column: Column, values: Values, *, awaited: bool) -> list[Any]:
        plain, null, failed, later = by_kind(values)
        if awaited:
            plain, later = sorted(plain + later), []
        for index in failed:
            run.fail(column, index, values[index])
        for index in null if self.nonnull else ():
            run.fail(column, index, self.null_error())
        completed: list[Any] = [None] * len(values)
        if plain:
            part, chosen = part_of(column, values, plain)
            put(completed, plain, self.complete_plain(run, part, chosen, set(map(type, chosen))))
        if later:
            run.wait(*part_of(column, values, later), self.complete_awaited)
        return completed

    def null_error(self) -> TypeError:
        return TypeError(f"Cannot return null for non-nullable field {self.selected.coordinate}.")

    def complete_awaited(
        self, run: Run, column: Column, values: Values, _indices: Sequence[int]
    ) -> list[Any]:
        return self.complete(run, column, values, awaited=True)


def put(completed: list[Any], indices: Sequence[int], results: Values) -> None:
    """Put the results for some of the indices where they belong."""
    for index, result in zip(indices, results, strict=True):
        completed[index] = result


def part_of(column: Column, values: Values, indices: list[int]) -> tuple[Column, Values]:
    if len(indices) == len(values):
        return column, values
    return Part(column, indices), [values[index] for index in indices]


def _integers(values: Sequence[int]) -> list[int]:
    if max(values) > 2**31 - 1 or min(values) < -(2**31):
        raise ValueError("an Int has 32 bits")
    return list(values)


def _finite(values: Sequence[float]) -> list[float]:
    if not all(map(math.isfinite, values)):
        raise ValueError("a Float is finite")
    return list(values)


# What graphql-core's own scalars make of values of exactly these Python types.
_BUILT_IN: dict[Any, dict[type, Convert]] = {
    GraphQLString: {str: list},
    GraphQLBoolean: {bool: list},
    GraphQLInt: {int: _integers},
    GraphQLFloat: {float: _finite},
    GraphQLID: {str: list, int: lambda values: list(map(str, values))},
}


class LeafPlan(TypePlan):
    """Scalars and enums."""

    def __init__(self, selected: Selected, graphql_type: Any, *, nonnull: bool) -> None:
        super().__init__(selected, graphql_type, nonnull=nonnull)
        self.converters = dict(_BUILT_IN.get(graphql_type, {}))
        # Nothing has to be done to these either, and columns of them are common.
        self._text_or_null = {str, type(None)} if self.converters.get(str) is list and not nonnull else None

    def complete(self, run: Run, column: Column, values: Values, *, awaited: bool = False) -> list[Any]:
        types = set(map(type, values))
        if types == self._text_or_null:
            return list(values)
        convert = self.converters.get(*types) if len(types) == 1 else None
        if convert is not None:
            try:
                return convert(values)
            except Exception:  # Which of them it was is found out one by one.
                return self._one_by_one(run, column, values)
        return super().complete(run, column, values, awaited=awaited)

    def complete_plain(self, run: Run, column: Column, values: Values, types: set[type]) -> list[Any]:
        try:
            return self._converted(values, types)
        except Exception:  # Which of them it was is found out one by one.
            return self._one_by_one(run, column, values)

    def _converted(self, values: Values, types: set[type]) -> list[Any]:
        if len(types) == 1:
            (python_type,) = types
            convert = self.converters.get(python_type) or self._of_enum(python_type)
            if convert is not None:
                return convert(values)
        completed = list(map(self.type.coerce_output_value, values))
        if not {type(None), type(Undefined)}.isdisjoint(map(type, completed)):
            raise ValueError("graphql-core has an error for this")
        return completed

    def _of_enum(self, python_type: type) -> Convert | None:
        """A table of what the members of a Python enum are called."""
        if not (isinstance(self.type, GraphQLEnumType) and issubclass(python_type, enum.Enum)):
            return None
        # By identity: there is one object for each, and to hash it is a function in Python.
        table = {id(member): self.type.coerce_output_value(member) for member in python_type}

        def convert(values: Values) -> list[Any]:
            return [table[id(value)] for value in values]

        self.converters[python_type] = convert
        return convert

    def _one_by_one(self, run: Run, column: Column, values: Values) -> list[Any]:
        completed: list[Any] = []
        for index, value in enumerate(values):
            try:
                completed.append(run.executor.complete_leaf_value(self.type, value))
            except Exception as error:  # It is the value's.
                completed.append(None)
                run.fail(column, index, error)
        return completed


class ListPlan(TypePlan):
    """Lists: their items are one column."""

    def __init__(self, selected: Selected, graphql_type: Any, item: TypePlan, *, nonnull: bool) -> None:
        super().__init__(selected, graphql_type, nonnull=nonnull)
        self.item = item

    def complete_plain(self, run: Run, column: Column, values: Values, types: set[type]) -> list[Any]:
        if types <= {list, tuple}:
            return self._complete_lists(run, column, values)
        return self._complete_iterables(run, column, values)

    def _complete_lists(self, run: Run, column: Column, lists: Sequence[Sequence[Any]]) -> list[Any]:
        starts = [0, *accumulate(map(len, lists))]
        items = ItemColumn(column, starts[:-1], nonnull=self.item.nonnull)
        flat = list(lists[0]) if len(lists) == 1 else list(chain.from_iterable(lists))
        completed = self.item.complete(run, items, flat)
        # Slices, also of the only list: what is completed is the items' own, which nulls must not reach.
        items.lists = [completed[start:end] for start, end in pairwise(starts)]
        return list(items.lists)

    def _complete_iterables(self, run: Run, column: Column, values: Values) -> list[Any]:
        """Of whatever can be iterated. One that fails on its way has its first items completed before."""
        lists: list[list[Any]] = []
        asynchronous: list[int] = []
        for index, value in enumerate(values):
            lists.append([])
            if run.executor.is_async_iterable(value):
                asynchronous.append(index)
            elif not is_iterable(value):
                run.fail(column, index, self._no_list())
            elif error := _exhaust(value, lists[-1]):
                run.fail(column, index, error, last=True)
        if asynchronous:
            part, chosen = part_of(column, values, asynchronous)
            run.wait(part, [_collect(value) for value in chosen], self._complete_collected)
        present = sorted(set(range(len(values))) - set(asynchronous))
        part, chosen = part_of(column, lists, present)
        completed: list[Any] = [None] * len(values)
        put(completed, present, self._complete_lists(run, part, chosen))
        return completed

    def _complete_collected(
        self, run: Run, column: Column, values: Values, _indices: Sequence[int]
    ) -> list[Any]:
        """Of what asynchronous iterables gave: their items, and the error that ended them."""
        lists: list[list[Any]] = []
        for index, value in enumerate(values):
            items, error = ([], value.error) if isinstance(value, Raised) else value
            lists.append(items)
            if error is not None:
                run.fail(column, index, error, last=True)
        return self._complete_lists(run, column, lists)

    def _no_list(self) -> GraphQLError:
        return GraphQLError(
            f"Expected Iterable, but did not find one for field '{self.selected.coordinate}'."
        )


def _exhaust(iterable: Iterable[Any], items: list[Any]) -> Exception | None:
    try:
        items.extend(iterable)
    except Exception as error:  # The iterable's own; what it gave before stays in `items`.
        return error
    return None


async def _collect(iterable: Any) -> tuple[list[Any], Exception | None]:
    items: list[Any] = []
    try:
        async for item in iterable:
            items.append(item)  # noqa: PERF401 # What it gave before it failed is kept.
    except Exception as error:
        return items, error
    return items, None
