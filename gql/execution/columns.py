"""Columns: the values of one place of the document, for all objects at once.

A column does not keep the paths of its values. It knows where it came from, so that a path is put together
only where somebody asks for it: for an error, or for a resolver that looks at `info.path`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from graphql.pyutils import Path

if TYPE_CHECKING:
    from gql.execution.plans import FieldPlan

Key: TypeAlias = str | int


class Column:
    """One value for each index. `nonnull` says whether the type of the place allows no null."""

    __slots__ = ("nonnull",)
    nonnull: bool

    def position(self, index: int) -> Position:
        """Where a value stands, told by the field's or the list's own column."""
        raise NotImplementedError

    def place_all(self, values: Sequence[Any]) -> None:
        """Put completed values into the response, which had null for them so far."""
        raise NotImplementedError


class Place(Column):
    """A column of a field or of the items of lists, to which all others refer."""

    __slots__ = ()

    def position(self, index: int) -> Position:
        return self, index

    def above(self, index: int) -> Position | None:
        """The position of the object or the list that has the value; None for a root field's."""
        raise NotImplementedError

    def key(self, index: int) -> Key:
        """The last part of the value's path."""
        raise NotImplementedError

    def rank(self, index: int) -> int:
        """Which one it is among those of the same object or list."""
        raise NotImplementedError

    def type_name(self) -> str | None:
        """The type of the object that has the value, as a path has it."""
        raise NotImplementedError

    def place(self, index: int, value: Any) -> None:
        raise NotImplementedError


Position: TypeAlias = tuple[Place, int]


class Objects:
    """The objects of a column, with what the response has for each of them."""

    __slots__ = ("column", "rows")

    def __init__(self, column: Column | None) -> None:
        self.column = column  # None for the root.
        self.rows: list[dict[str, Any]] = []


class FieldColumn(Place):
    """The values of one field, one for each of the objects."""

    __slots__ = ("field", "objects")

    def __init__(self, field: FieldPlan, objects: Objects) -> None:
        self.nonnull = field.type.nonnull
        self.field = field
        self.objects = objects

    def above(self, index: int) -> Position | None:
        column = self.objects.column
        return None if column is None else column.position(index)

    def key(self, index: int) -> Key:
        return self.field.key

    def rank(self, index: int) -> int:
        return self.field.rank

    def type_name(self) -> str | None:
        return self.field.parent.name

    def place(self, index: int, value: Any) -> None:
        self.objects.rows[index][self.field.key] = value

    def place_all(self, values: Sequence[Any]) -> None:
        key = self.field.key
        for row, value in zip(self.objects.rows, values, strict=True):
            row[key] = value


class ItemColumn(Place):
    """The items of all lists of a column, one list after the other; each begins at its entry of `starts`."""

    __slots__ = ("lists", "parent", "starts")

    def __init__(self, parent: Column, starts: Sequence[int], *, nonnull: bool) -> None:
        self.nonnull = nonnull
        self.parent = parent
        self.starts = starts
        self.lists: list[list[Any]] = []

    def _list_of(self, index: int) -> int:
        return bisect_right(self.starts, index) - 1

    def above(self, index: int) -> Position | None:
        return self.parent.position(self._list_of(index))

    def key(self, index: int) -> Key:
        return index - self.starts[self._list_of(index)]

    def rank(self, index: int) -> int:
        return index - self.starts[self._list_of(index)]

    def type_name(self) -> str | None:
        return None

    def place(self, index: int, value: Any) -> None:
        number = self._list_of(index)
        self.lists[number][index - self.starts[number]] = value

    def place_all(self, values: Sequence[Any]) -> None:
        for index, value in enumerate(values):
            self.place(index, value)


class Part(Column):
    """Some of another column's values."""

    __slots__ = ("column", "indices")

    def __init__(self, column: Column, indices: Sequence[int]) -> None:
        self.nonnull = column.nonnull
        # A part of a part is a part of the same place.
        self.column: Any = column.column if isinstance(column, Part) else column
        self.indices: Sequence[int] = (
            [column.indices[index] for index in indices] if isinstance(column, Part) else indices
        )

    def position(self, index: int) -> Position:
        return self.column, self.indices[index]

    def place_all(self, values: Sequence[Any]) -> None:
        for index, value in zip(self.indices, values, strict=True):
            self.column.place(index, value)


def _upwards(position: Position | None) -> Iterator[Position]:
    while position is not None:
        yield position
        column, index = position
        position = column.above(index)


def keys_of(position: Position | None) -> tuple[Key, ...]:
    """The path of a position; that of the whole response is empty."""
    return tuple(column.key(index) for column, index in _upwards(position))[::-1]


def ranks_of(position: Position) -> tuple[int, ...]:
    """By this graphql-core would come to the position when nothing had to be awaited."""
    return tuple(column.rank(index) for column, index in _upwards(position))[::-1]


def field_position(position: Position) -> tuple[FieldColumn, int]:
    """The position of the field to which a value belongs, however many lists deep."""
    for column, index in _upwards(position):
        if isinstance(column, FieldColumn):
            return column, index
    raise TypeError("every value belongs to a field")


def path_of(position: Position) -> Path:
    """The path as graphql-core has it, for resolvers."""
    path: Path | None = None
    for column, index in reversed(list(_upwards(position))):
        path = Path(path, column.key(index), column.type_name())
    if path is None:
        raise ValueError("every value has a path")
    return path
