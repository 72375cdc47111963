"""The read lane: rows by key, pages and counts, each for a whole batch, as light rows.

Each takes a predicate of who may see what together with its keys. The keys are one array on PostgreSQL and
one JSON array on SQLite: a statement's text does not depend on how many there are.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute

from db import selects
from db.base import Entity
from db.companions import Known, note
from db.engine import Database, interrupt_sqlite
from db.errors import ConnectionLostError
from db.keyset import Page
from db.rows import Row, long_columns, row_maker
from db.selects import EVERYTHING, Alternatives, Columns, Companions, Left, Shape
from db.sources import Target, source_of
from db.statements import Column, Source, Statement, Values
from db.waiting import one_connection

ALL = "all"
"""Stands for the parent where all rows of a model are meant."""


@dataclass(frozen=True, slots=True)
class Visible:
    """Who may see a model's rows: those for which any of the alternatives holds, with these values in it."""

    alternatives: Alternatives
    values: Values = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows that a connection is over: those of the target that a filter leaves and that are visible."""

    target: Target
    visible: Visible
    left: Left = EVERYTHING
    values: Values = field(default_factory=dict)  # Of what the filter looks for.

    @property
    def shape(self) -> Shape:
        return self.target, self.left, self.visible.alternatives


@dataclass(frozen=True, slots=True)
class Company:
    """The companions of the rows that are read, with the values in what makes them visible, to the viewer
    who sees the rows; and where to keep them."""

    companions: Companions = ()
    values: Values = field(default_factory=dict)
    known: Known = field(default_factory=dict)

    def without(self, relationship: InstrumentedAttribute[Any]) -> "Company":
        others = tuple(each for each in self.companions if each.relationship is not relationship)
        return replace(self, companions=others)


ALONE = Company()


async def rows_by_key(
    database: Database,
    model: type[Entity],
    key: str,
    values: Sequence[Any],
    columns: Columns,
    visible: Visible,
    company: Company = ALONE,
) -> dict[Any, Row]:
    """The visible rows of a model, by their values of a unique column."""
    is_one = len(values) == 1
    statement = selects.rows_by_key(
        database.dialect, model, key, columns, visible.alternatives, company.companions, is_one=is_one
    )
    keys = values[0] if is_one else keys_of(database, values)
    parameters = {**visible.values, **company.values, "keys": keys}
    found, *rest = await run(database, statement, parameters)
    return dict(zip(found, rows_of(model, columns, rest, company), strict=True))


async def pages(
    database: Database,
    rows: Rows,
    parents: Sequence[Any],
    page: Page,
    columns: Columns,
    company: Company = ALONE,
) -> dict[Any, list[Row]]:
    """One page of rows for each parent, in the connection's order."""
    source = source_of(rows.target)
    if source.association is not None and len(parents) > 1 and long_columns(source.model, columns):
        found = await _pages_of_shared(database, rows, parents, page, columns, company)
        if found is not None:
            return found
    return await _pages(database, rows, parents, page, columns, company)


async def _pages_of_shared(
    database: Database, rows: Rows, parents: Sequence[Any], page: Page, columns: Columns, company: Company
) -> dict[Any, list[Row]] | None:
    """The same where a row may be one of many parents' and long, read once; None if one went meanwhile."""
    found = await _pages(database, rows, parents, page, ("id",))
    keys = {row.id for part in found.values() for row in part}
    if not keys:
        return found
    model = source_of(rows.target).model
    whole = await rows_by_key(database, model, "id", list(keys), columns, rows.visible, company)
    if len(whole) < len(keys):
        return None
    return {parent: [whole[row.id] for row in part] for parent, part in found.items()}


async def _pages(
    database: Database,
    rows: Rows,
    parents: Sequence[Any],
    page: Page,
    columns: Columns,
    company: Company = ALONE,
) -> dict[Any, list[Row]]:
    source = source_of(rows.target)
    of_all = source.parent is None or parents == [ALL]
    build = selects.page_of_all if of_all else selects.pages_of_parents
    statement = build(database.dialect, rows.shape, page.shape(), columns, company.companions)
    values = {**rows.values, **rows.visible.values, **company.values, **page.values()}
    result = await run(database, statement, {**values, "keys": keys_of(database, parents)})
    found: dict[Any, list[Row]] = defaultdict(list)
    if of_all:
        found[ALL] = list(rows_of(source.model, columns, result, company))
    else:
        holders, *parts = result
        for holder, row in zip(holders, rows_of(source.model, columns, parts, company), strict=True):
            found[holder].append(row)
    return {parent: part[::-1] if page.backward else part for parent, part in found.items()}


def rows_of(
    model: type[Entity], columns: Columns, result: Sequence[Column], company: Company
) -> Iterator[Row]:
    """Of a result's columns: the rows' own, and behind them those of their companions, which are kept."""
    if company.companions:
        note(company.known, company.companions, columns, result)
    return map(row_maker(model, columns), zip(*result[: len(columns)], strict=True))


async def counts(database: Database, rows: Rows, parents: Sequence[Any]) -> dict[Any, int]:
    """How many rows there are for each parent; a parent without any is left out."""
    of_all = source_of(rows.target).parent is None or parents == [ALL]
    statement = selects.counts(database.dialect, rows.shape, not of_all)
    values = {**rows.values, **rows.visible.values, "keys": keys_of(database, parents)}
    numbers, *holders = await run(database, statement, values)
    return dict(zip(holders[0] if holders else [ALL], numbers, strict=True))


async def among(database: Database, rows: Rows, keys: Sequence[int]) -> set[int]:
    """Those of the keys whose rows are among these."""
    statement = selects.among(database.dialect, rows.shape)
    values = {**rows.values, **rows.visible.values, "keys": keys_of(database, keys)}
    (found,) = await run(database, statement, values)
    return set(found)


def keys_of(database: Database, values: Sequence[Any]) -> Any:
    """Keys as one parameter."""
    return json.dumps(values) if database.is_sqlite else values


async def run(database: Database, statement: Statement, values: Values) -> list[Column]:
    """A compiled statement's result, column by column."""
    if database.lane is None:
        return statement.transposed(await fetch(database, statement.source, values))
    try:
        records = await database.lane.fetch(statement, values)
    except ConnectionLostError:
        # The server was started anew, and the lane now knows that its connections are of no use.
        records = await database.lane.fetch(statement, values)
    return statement.columns(records)


async def fetch(database: Database, statement: Source, values: Values | None = None) -> Sequence[Any]:
    """The rows of any statement, SQLAlchemy's own way: for what is asked once in a while, for SQLite, and for
    tests to compare the other way with."""
    execute = _execute_to_its_end if database.is_sqlite else _execute
    try:
        return await execute(database, statement, values)
    except ConnectionLostError:
        return await execute(database, statement, values)


async def _execute(
    database: Database,
    statement: Source,
    values: Values | None,
    begin: Callable[[AsyncConnection], None] = lambda _: None,
    *,
    has_place: bool = False,
) -> Sequence[Any]:
    async with database.reading(has_place=has_place) as connection:
        begin(connection)
        rows: Sequence[Any] = (await connection.execute(statement, values)).all()
        return rows


async def _execute_to_its_end(database: Database, statement: Source, values: Values | None) -> Sequence[Any]:
    """A statement of SQLite runs in a thread, which cancellation does not reach: it would only lose the
    connection, open, to the garbage collector. So it is told to end, and awaited. Who still waits for a place
    just goes."""
    running: list[AsyncConnection] = []
    is_cancelled = False

    def begin(connection: AsyncConnection) -> None:
        if is_cancelled:
            raise asyncio.CancelledError
        running.append(connection)

    with one_connection():
        await database.read_queue.enter()
    task = asyncio.create_task(_execute(database, statement, values, begin, has_place=True))
    task.add_done_callback(lambda _: database.read_queue.leave())
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        is_cancelled = True
        for connection in running:
            interrupt_sqlite(connection)
        # Nobody wants to know that it was interrupted, also when this is cancelled again.
        task.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.wait({task})
        raise
