"""The three generic loaders: rows by a unique key, pages and counts.

They batch what one operation asks for in the same tick of the event loop into one SQL statement.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiodataloader import DataLoader, Loader, dispatch_queue

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

Column = asyncio.Future[list[Any]]
"""What was asked for, in the same order."""


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


class Loaders:
    """The loaders of one operation, made on first use, and the tasks in which they run.

    They are asked for whole columns: what all objects need that are resolved together.
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

    def rows(self, model: type[Entity], key: str, values: Sequence[Any]) -> Column:
        """The visible row with each value of a unique column, or None."""

        async def fetch(values: list[Any]) -> dict[Any, Row]:
            visible = policy.visible(model, self._viewer)
            return await read.rows_by_key(self._database, model, key, values, self._columns(model), visible)

        return _Column(self._loader((model, key), fetch, None), values).result

    def row(self, model: type[Entity], key: str, value: Any) -> "asyncio.Future[Any]":
        """The visible row with one value of a unique column, or None."""
        return using(self.rows(model, key, [value]), only)

    def pages(self, target: Target, narrowing: Narrowing, page: Page, parents: Sequence[Any]) -> Column:
        """One page's visible rows for each parent, or those of all of a model where the parent is ALL."""

        async def fetch(parents: list[Any]) -> dict[Any, list[Row]]:
            columns = self._columns(source_of(target).model, page.order.column)
            return await read.pages(self._database, self._rows(target, narrowing), parents, page, columns)

        return _Column(self._loader((target, narrowing.key, page), fetch, ()), parents).result

    def counts(self, target: Target, narrowing: Narrowing, parents: Sequence[Any]) -> Column:
        """How many visible rows there are on all pages of each parent together."""

        async def fetch(parents: list[Any]) -> dict[Any, int]:
            return await read.counts(self._database, self._rows(target, narrowing), parents)

        return _Column(self._loader((target, narrowing.key), fetch, 0), parents).result

    async def close(self) -> None:
        """Stop what still runs: nobody is going to ask for it."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        # The loaders refer to this, and hold all rows: nothing is left for the garbage collector to find.
        self._made.clear()

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

            loader = self._made[key] = _Loader(batch, loop=asyncio.get_running_loop())
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


class _Loader(DataLoader[Any, Any]):
    """Dispatches a batch after two ticks of the event loop, as aiodataloader does, but not by a task."""

    def do_resolve_reject(self, key: Any, future: "asyncio.Future[Any]") -> None:
        self._queue.append(Loader(key=key, future=future))
        if len(self._queue) == 1:
            self.loop.call_soon(self.loop.call_soon, dispatch_queue, self)


def using(future: "asyncio.Future[T]", use: Callable[[T], R]) -> "asyncio.Future[R]":
    """A future for what `use` makes of another future's result."""
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

    future.add_done_callback(done)
    return result


def only(values: Sequence[Any]) -> Any:
    """The value of a column that has one; raised where it is an exception."""
    (value,) = values
    if isinstance(value, Exception):
        raise value
    return value


class _Column:
    """Waits for what a loader has for each key, an exception where loading it failed.

    Its future also stands between the loader's and whoever awaits it: when a field fails, graphql-core cancels
    what its siblings await, and a cancelled loader future would fail all others that share it.
    """

    def __init__(self, loader: DataLoader[Any, Any], keys: Sequence[Any]) -> None:
        self.keys = keys
        self.futures = {key: loader.load(key) for key in keys}
        self.left = list(self.futures.values())
        self.result: Column = loader.loop.create_future()
        self.go_on()

    def go_on(self, _: object = None) -> None:
        # Those of one batch are there together, so that one callback does for all of them.
        while self.left and self.left[-1].done():
            self.left.pop()
        if self.left:
            self.left[-1].add_done_callback(self.go_on)
            return
        found = {key: _outcome(future) for key, future in self.futures.items()}
        if not self.result.done():
            self.result.set_result([found[key] for key in self.keys])


def _outcome(future: "asyncio.Future[Any]") -> Any:
    try:
        return future.result()
    except asyncio.CancelledError:
        return UnavailableError("The operation has ended.")
    except Exception as error:  # It is what became of this key.
        return error
