"""The read lane: the three statements by which rows are read, and their results as light rows.

Each is for a whole batch and takes a predicate of who may see what together with its keys. The keys are one
array on PostgreSQL and one JSON array on SQLite: a statement's text does not depend on how many there are.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Label,
    Select,
    String,
    TableValuedAlias,
    Text,
    and_,
    bindparam,
    func,
    inspect,
    or_,
    select,
    true,
)

from db.base import Entity
from db.engine import ConnectionLostError, Database
from db.keyset import Keyset, Page, bounded
from db.rows import Row, expression, row_type
from db.sources import Membership, Source, Target, narrowed

Columns = tuple[str, ...]

Alternatives = Sequence[ColumnElement[bool]]
"""Conditions of which any one has to hold."""

ALL = "all"
"""Stands for the parent where all rows of a model are meant."""


@dataclass(frozen=True)
class Rows:
    """The rows that a connection is over: those of the target for which `where` and any of `visible` hold."""

    target: Target
    where: ColumnElement[bool]
    visible: Alternatives
    member_of: Membership | None = None

    def resolve(self) -> tuple[Source, ColumnElement[bool], Alternatives]:
        source, conditions = narrowed(self.target, self.member_of)
        where = and_(source.rewrite(self.where), *conditions)
        return source, where, [source.rewrite(alternative) for alternative in self.visible]


async def rows_by_key(
    database: Database,
    model: type[Entity],
    key: str,
    values: Sequence[Any],
    columns: Columns,
    visible: Alternatives,
) -> dict[Any, Row]:
    """The visible rows of a model, by their values of a unique column."""
    unique = expression(model, key)
    statement = select(unique.label(None), *_labels(model, columns)).where(
        _among(database, unique, values), or_(*visible)
    )
    make = row_type(model, columns)._make
    return {row[0]: make(row[1:]) for row in await fetch(database, statement)}


async def pages(
    database: Database, rows: Rows, parents: Sequence[Any], page: Page, columns: Columns
) -> dict[Any, list[Row]]:
    """One page of rows for each parent, in the connection's order, whose column is one of the columns."""
    source, where, visible = rows.resolve()
    make = row_type(source.model, columns)._make
    found: dict[Any, list[Row]] = defaultdict(list)
    if source.parent is None or parents == [ALL]:
        keyset = Keyset(source.model, page, source.rewrite)
        alternatives = [and_(where, alternative) for alternative in visible]
        statement = bounded(_labels(source.model, columns), source.table, alternatives, keyset)
        found[ALL] = [make(row) for row in await fetch(database, statement)]
    else:
        each = _pages_by_subquery if database.is_sqlite else _pages_by_lateral
        for row in await fetch(database, each(source, where, visible, parents, page, columns)):
            found[row[0]].append(make(row[1:]))
    return {parent: list(reversed(part)) if page.backward else part for parent, part in found.items()}


async def counts(database: Database, rows: Rows, parents: Sequence[Any]) -> dict[Any, int]:
    """How many rows there are for each parent; a parent without any is left out."""
    source, where, visible = rows.resolve()
    condition = and_(where, or_(*visible))
    statement = select(func.count()).select_from(source.smallest_table(condition)).where(condition)
    if source.parent is None or parents == [ALL]:
        return {ALL: (await fetch(database, statement))[0][0]}
    of_parents = _among(database, source.parent, parents)
    statement = statement.add_columns(source.parent).where(of_parents).group_by(source.parent)
    return {parent: count for count, parent in await fetch(database, statement)}


def _of_parent(
    source: Source, where: ColumnElement[bool], visible: Alternatives, key: ColumnElement[Any]
) -> Alternatives:
    """The conditions for the rows of the parent with this key, each of them a range of an index."""
    if all(source.settles(alternative) for alternative in visible):
        # All rows of a parent are visible or none: one range does, and no other is searched in vain.
        visible = [or_(*visible)]
    return [and_(source.holder == key, where, alternative) for alternative in visible]


def _pages_by_lateral(
    source: Source,
    where: ColumnElement[bool],
    visible: Alternatives,
    parents: Sequence[Any],
    page: Page,
    columns: Columns,
) -> Select[Any]:
    """A bounded page for each parent. A lateral join is a nested loop, hence keeps the order of its pages."""
    keys = func.unnest(_array(source.holder, parents)).table_valued("key", name="keys").render_derived()
    alternatives = _of_parent(source, where, visible, keys.c.key)
    keyset = Keyset(source.model, page, source.rewrite)
    part = bounded(_labels(source.model, columns), source.table, alternatives, keyset, keys).lateral("page")
    return select(keys.c.key, *part.c).select_from(keys.join(part, true()))


def _pages_by_subquery(
    source: Source,
    where: ColumnElement[bool],
    visible: Alternatives,
    parents: Sequence[Any],
    page: Page,
    columns: Columns,
) -> Select[Any]:
    """The same for SQLite, which has no lateral joins: a subquery finds the ids of each parent's page."""
    keys = _json(parents).alias("keys")
    alternatives = _of_parent(source, where, visible, keys.c.value)
    keyset = Keyset(source.model, page, source.rewrite)
    key, order = expression(source.model, "id"), expression(source.model, page.order.column)
    found = [source.rewrite(key).label("id"), source.rewrite(order).label(page.order.column)]
    table = source.smallest_table(or_(*alternatives))
    part = bounded(found if keyset.ties else found[:1], table, alternatives, keyset, keys)
    ids = select(part.subquery().c.id) if keyset.ties else part
    return (
        select(keys.c.value, *_labels(source.model, columns))
        .select_from(keys.join(inspect(source.model).local_table, key.in_(ids)))
        .order_by(*Keyset(source.model, page).order_by())
    )


def _labels(model: type[Entity], columns: Columns) -> list[Label[Any]]:
    return [expression(model, name).label(name) for name in columns]


def _among(database: Database, column: ColumnElement[Any], values: Sequence[Any]) -> ColumnElement[bool]:
    if database.is_sqlite:
        return column.in_(select(_json(values).c.value))
    return column == func.any(_array(column, values))


def _array(column: ColumnElement[Any], values: Sequence[Any]) -> ColumnElement[Any]:
    # The parameter is cast to its type, and a cast to varchar(220) would cut a longer text until it matches.
    kind = Text() if isinstance(column.type, String) else column.type
    return bindparam("keys", list(values), ARRAY(kind), unique=True)


def _json(values: Sequence[Any]) -> TableValuedAlias:
    return func.json_each(bindparam("keys", json.dumps(values), Text, unique=True)).table_valued("value")


async def fetch(database: Database, statement: Select[*tuple[Any, ...]]) -> Sequence[Any]:
    execute = _execute_to_its_end if database.is_sqlite else _execute
    try:
        return await execute(database, statement)
    except ConnectionLostError:
        # The server was started anew, and the pool now knows that its connections are of no use.
        return await execute(database, statement)


async def _execute(database: Database, statement: Select[Any]) -> Sequence[Any]:
    async with database.reading() as connection:
        rows: Sequence[Any] = (await connection.execute(statement)).all()
        return rows


async def _execute_to_its_end(database: Database, statement: Select[Any]) -> Sequence[Any]:
    """A statement of SQLite runs in a thread, which cancellation does not reach: it would only lose the
    connection, open, to the garbage collector."""
    task = asyncio.create_task(_execute(database, statement))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
