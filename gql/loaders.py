"""The three generic loaders: rows by a unique key, pages and counts.

They batch what one operation asks for in the same tick of the event loop into one SQL statement.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiodataloader import DataLoader

from db import read, selects
from db.base import Entity
from db.engine import Database
from db.errors import DatabaseUnavailableError
from db.keyset import Page
from db.read import Rows
from db.rows import Row
from db.selects import Left
from db.sources import Target, source_of
from db.statements import Values
from gql import policy
from gql.errors import UnavailableError
from gql.policy import Viewer
from gql.selection import Needed

T = TypeVar("T")
R = TypeVar("R")

Fetch = Callable[[list[Any]], Awaitable[dict[Any, Any]]]


@dataclass(frozen=True)
class Narrowing:
    """What a filter leaves of a connection, and the values of the parameters in that.

    `key` tells two filters apart that look for different values. `hidden` says that nothing public is left.
    """

    key: Hashable = None
    left: Left = selects.EVERYTHING
    values: Values = field(default_factory=dict)
    hidden: bool = False


EVERYTHING = Narrowing()


def _as_it_is(value: T) -> T:
    return value


class Loaders:
    """The loaders of one operation, made on first use, and the tasks in which they run.

    Nobody awaits a loader's own future: what is given out is always one for what the caller makes of it.
    """

    def __init__(self, database: Database, viewer: Viewer | None, needed: Needed) -> None:
        self._database = database
        self._viewer = viewer
        self._needed = needed
        self._made: dict[Hashable, DataLoader[Any, Any]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False
        # One operation leaves connections for the others; SQLite has one reader's worth of CPU anyway.
        self._statements = asyncio.Semaphore(1 if database.is_sqlite else 2)

    def row(
        self, model: type[Entity], key: str, value: Any, use: Callable[[Row | None], Any] = _as_it_is
    ) -> "asyncio.Future[Any]":
        """What `use` makes of the visible row with this value of a unique column, or of None."""

        async def fetch(values: list[Any]) -> dict[Any, Row]:
            visible = policy.visible(model, self._viewer)
            return await read.rows_by_key(self._database, model, key, values, self._columns(model), visible)

        return _then(self._loader((model, key), fetch, None).load(value), use)

    def page(
        self,
        target: Target,
        narrowing: Narrowing,
        page: Page,
        parent: Any,
        use: Callable[[Sequence[Row]], Any],
    ) -> "asyncio.Future[Any]":
        """What `use` makes of one page's visible rows: a parent's, or all of a model where it is ALL."""

        async def fetch(parents: list[Any]) -> dict[Any, list[Row]]:
            columns = self._columns(source_of(target).model, page.order.column)
            return await read.pages(self._database, self._rows(target, narrowing), parents, page, columns)

        return _then(self._loader((target, narrowing.key, page), fetch, ()).load(parent), use)

    def count(self, target: Target, narrowing: Narrowing, parent: Any) -> "asyncio.Future[int]":
        """How many visible rows there are on all pages together."""

        async def fetch(parents: list[Any]) -> dict[Any, int]:
            return await read.counts(self._database, self._rows(target, narrowing), parents)

        return _then(self._loader((target, narrowing.key), fetch, 0).load(parent), _as_it_is)

    async def close(self) -> None:
        """Stop what still runs: nobody is going to ask for it."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _rows(self, target: Target, narrowing: Narrowing) -> Rows:
        visible = policy.visible(source_of(target).model, self._viewer, hidden=narrowing.hidden)
        return Rows(target, visible, narrowing.left, narrowing.values)

    def _columns(self, model: type[Entity], *more: str) -> tuple[str, ...]:
        columns = self._needed.get(model, ("id",))
        return columns + tuple(column for column in more if column not in columns)

    def _loader(self, key: Hashable, fetch: Fetch, missing: Any) -> DataLoader[Any, Any]:
        loader = self._made.get(key)
        if loader is None:

            async def batch(keys: list[Any]) -> list[Any]:
                found = await self._run(fetch, keys)
                return [found.get(key, missing) for key in keys]

            loader = self._made[key] = DataLoader(batch, loop=asyncio.get_running_loop())
        return loader

    async def _run(self, fetch: Fetch, keys: list[Any]) -> dict[Any, Any]:
        """A batch runs in a task that aiodataloader starts and forgets; here it is remembered."""
        task = asyncio.current_task()
        if self._closed or task is None:
            raise asyncio.CancelledError
        self._tasks.add(task)
        try:
            async with self._statements:
                return await fetch(keys)
        except DatabaseUnavailableError as error:
            raise UnavailableError("The database cannot answer right now; try again.") from error
        finally:
            self._tasks.discard(task)


def _then(future: "asyncio.Future[T]", use: Callable[[T], R]) -> "asyncio.Future[R]":
    """A future for what `use` makes of another future's result.

    It also stands between a loader's future and whoever awaits it: when a field fails, graphql-core cancels
    what its siblings await, and a cancelled loader future would fail every other field that shares it.
    """
    result: asyncio.Future[R] = future.get_loop().create_future()

    def done(source: "asyncio.Future[T]") -> None:
        if result.done():
            # Asked for, so that the event loop does not report an error that nobody waits for any more.
            _ = source.cancelled() or source.exception()
        elif source.cancelled():
            result.cancel()
        elif error := source.exception():
            result.set_exception(error)
        else:
            try:
                result.set_result(use(source.result()))
            except Exception as error:  # It belongs to whoever awaits the result.
                result.set_exception(error)

    if future.done():
        done(future)
    else:
        future.add_done_callback(done)
    return result
