"""Light rows: named tuples of the columns that were asked for, which know their model."""

from collections import namedtuple
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import ColumnElement, inspect

from db.base import Entity


class Row(tuple[Any, ...]):
    """What all rows have in common. The attributes are named as the model's are."""

    __slots__ = ()
    model: type[Entity]
    id: int

    if TYPE_CHECKING:

        @classmethod
        def _make(cls, values: Iterable[Any]) -> Self: ...


@lru_cache(maxsize=1024)
def row_type(model: type[Entity], columns: tuple[str, ...]) -> type[Row]:
    """The class of a model's rows with these columns, in this order."""
    fields = namedtuple(model.__name__, columns)  # type: ignore[misc] # Only the running program knows them.
    return type(model.__name__, (fields, Row), {"__slots__": (), "model": model})


@lru_cache(maxsize=1024)
def expression(model: type[Entity], column: str) -> ColumnElement[Any]:
    """A model's attribute in terms of its table: a column, or what a `column_property` computes."""
    return inspect(model).column_attrs[column].columns[0]
