"""Companions: rows that come along with those that refer to them, in the same statement.

The author of each post of a page is one row, found by its key: to join it costs the database less than a
statement of its own costs everybody, and there are as many rows as before.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, inspect, or_
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.util import ClauseAdapter

from db.base import Entity
from db.rows import Row, expression, long_columns, row_maker
from db.sources import many_to_one
from db.statements import Column


class Companion(NamedTuple):
    """The row to which a many-to-one relationship leads, if any of the alternatives makes it visible."""

    relationship: InstrumentedAttribute[Any]
    columns: tuple[str, ...]  # The id is the first.
    visible: tuple[ColumnElement[bool], ...]


Known = dict[tuple[type[Entity], str], dict[Any, Row | None]]
"""What is known of models by a unique attribute: a row, or None where there is none to be seen."""


def joined(statement: Select[Any], companions: Iterable[Companion]) -> Select[Any]:
    """The statement with the companions of its rows, their columns behind its own.

    What they are joined to is unique, so that neither the rows nor their order change.
    """
    for companion in companions:
        reference = many_to_one(companion.relationship)
        # Its own name: a comment's parent is a comment.
        table = inspect(reference.model).local_table.alias()
        of_table = ClauseAdapter(table).traverse
        unique = of_table(expression(reference.model, reference.key))
        refers = unique == statement.selected_columns[reference.local_key]
        visible = or_(*(of_table(alternative) for alternative in companion.visible))
        columns = [
            of_table(expression(reference.model, name)).label(f"{companion.relationship.key}.{name}")
            for name in companion.columns
        ]
        statement = statement.outerjoin(table, and_(refers, visible)).add_columns(*columns)
    return statement


def note(
    known: Known, companions: Iterable[Companion], columns: Sequence[str], found: Sequence[Column]
) -> None:
    """Keep what came along: `found` has the rows' columns, and behind them those of their companions."""
    left = iter(found[len(columns) :])
    for companion in companions:
        reference = many_to_one(companion.relationship)
        values = list(islice(left, len(companion.columns)))
        make = row_maker(reference.model, companion.columns)
        # Without an id nobody is referred to, or somebody who is not to be seen.
        rows = [None if row[0] is None else make(row) for row in zip(*values, strict=True)]
        keys = found[columns.index(reference.local_key)]
        # Who refers to nobody is not to be looked up: that is known too.
        known.setdefault((reference.model, reference.key), {None: None}).update(zip(keys, rows, strict=True))


def is_narrow(
    relationship: InstrumentedAttribute[Any], columns: Mapping[type[Entity], tuple[str, ...]]
) -> bool:
    """Whether a row may come as often as others refer to it, with these columns of its model.

    One with a text of any length may not: a page of comments would bring along their post's body once for
    each.
    """
    model = many_to_one(relationship).model
    return not long_columns(model, columns.get(model, ()))
