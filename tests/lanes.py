"""SQLAlchemy's own way to read, to compare the read lane with."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import pytest
from sqlalchemy import BindParameter, literal
from sqlalchemy.sql.visitors import replacement_traverse

from db import read, selects
from db.engine import Database
from db.statements import Column, Source, Statement, Values
from tests.sent import unheard

BUILDERS = ("rows_by_key", "page_of_all", "pages_of_parents", "counts")
Run = Callable[[Database, Statement, Values], Any]


def inlined(statement: Source, values: Values) -> Source:
    """The statement as if it were written for these values only."""

    def value_of(element: Any, **_: Any) -> Any:
        if not isinstance(element, BindParameter) or element.key not in values:
            return None
        return literal(values[element.key], element.type)

    return cast(Source, replacement_traverse(statement, {}, value_of))


async def run_inlined(database: Database, statement: Statement, values: Values) -> list[Column]:
    """Instead of `read.run`."""
    heard = unheard.set(True)
    try:
        return statement.transposed(await read.fetch(database, inlined(statement.source, values)))
    finally:
        unheard.reset(heard)


@contextmanager
def ordinary() -> Iterator[None]:
    """Within this, statements are built anew for each read, with the values in them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in BUILDERS:
            patch.setattr(selects, name, getattr(selects, name).__wrapped__)
        patch.setattr(read, "run", run_inlined)
        yield


def compared(run: Run) -> Run:
    """Reads both ways. What others write meanwhile may come between: then both are read again."""

    async def both(database: Database, statement: Statement, values: Values) -> list[Column]:
        for pause in (0, 0.01, 0.1, 0.5, 1):
            await asyncio.sleep(pause)
            columns: list[Column] = await run(database, statement, values)
            if database.lane is None:
                return columns
            expected = await run_inlined(database, statement, values)
            if _rows(columns) == _rows(expected):
                return columns
        raise AssertionError(f"{statement.sql}\n{_rows(columns)}\n{_rows(expected)}")

    return both


def _rows(columns: Sequence[Column]) -> list[str]:
    """Their text tells types apart too. A statement need not have an order."""
    return sorted(map(repr, zip(*columns, strict=True)))
