"""Light rows: named tuples of the columns that were asked for, which know their model."""

from collections import namedtuple
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import ColumnElement, inspect

from db.base import Entity
from db.types import is_short


class Row(tuple[Any, ...]):
    """What all rows have in common. The attributes are named as the model's are."""

    __slots__ = ()
    model: type[Entity]
    id: int


@lru_cache(maxsize=1024)
def row_type(model: type[Entity], columns: tuple[str, ...]) -> type[Row]:
    """The class of a model's rows with these columns, in this order."""
    fields = namedtuple(model.__name__, columns)  # type: ignore[misc] # Only the running program knows them.
    return type(model.__name__, (fields, Row), {"__slots__": (), "model": model})


@lru_cache(maxsize=1024)
def row_maker(model: type[Entity], columns: tuple[str, ...]) -> Callable[[Iterable[Any]], Row]:
    """Makes such rows of their values. A named tuple's own `_make` counts them each time, which takes as
    long as the rest."""
    return partial(tuple.__new__, row_type(model, columns))


@lru_cache(maxsize=1024)
def long_columns(model: type[Entity], columns: tuple[str, ...]) -> tuple[str, ...]:
    """Those of a model's columns that may have values of any length."""
    return tuple(name for name in columns if not is_short(expression(model, name).type))


@lru_cache(maxsize=1024)
def expression(model: type[Entity], column: str) -> ColumnElement[Any]:
    """A model's attribute in terms of its table: a column, or what a `column_property` computes."""
    return inspect(model).column_attrs[column].columns[0]
