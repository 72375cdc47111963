"""The three generic loaders: rows by a unique key, pages and counts.

They batch what one operation asks for in the same tick of the event loop into one SQL statement.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from operator import attrgetter
from typing import Any, TypeVar

from aiodataloader import DataLoader, Loader, dispatch_queue_batch

from db import read, selects
from db.base import Entity
from db.companions import Companion, Known
from db.engine import Database
from db.errors import DatabaseUnavailableError
from db.keyset import Page
from db.read import Company, Rows
from db.rows import Row, long_columns
from db.selects import Columns, Left
from db.sources import Target, many_to_one, source_of
from db.statements import Values
from db.waiting import Queue
from gql import policy
from gql.bounds import Limits
from gql.errors import LimitExceededError, UnavailableError
from gql.policy import Viewer
from gql.selection import Needed

T = TypeVar("T")
R = TypeVar("R")

Fetch = Callable[[list[Any]], Awaitable[dict[Any, Any]]]

Column = asyncio.Future[list[Any]]
"""What was asked for, in the same order."""


@dataclass(frozen=True, eq=False, slots=True)
class Wanted:
    """The keys of a column, in its order; for one that is None, or not found, it has what is `missing`."""

    keys: Sequence[Any]
    missing: Any


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

    def __init__(
        self,
        database: Database,
        viewer: Viewer | None,
        needed: Needed,
        known: Known | None = None,
        *,
        room: int = Limits.answer,
    ) -> None:
        self._database = database
        self._room = room  # Characters of long texts that are still read.
        self._viewer = viewer
        self._needed = needed
        self._known: Known = {} if known is None else known
        self._made: dict[Hashable, _Loader] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = False
        # One operation leaves connections for the others; SQLite has one reader's worth of CPU anyway.
        self._statements = Queue(1 if database.is_sqlite else 2)

    def rows(
        self, model: type[Entity], key: str, values: Sequence[Any], missing: Exception | None = None
    ) -> Column:
        """The visible row with each value of a unique column, or what is given for those that are missing."""
        if (known := self.known(model, key, values, missing)) is not None:
            found: Column = asyncio.get_running_loop().create_future()
            found.set_result(known)
            return found

        async def fetch(values: list[Any]) -> dict[Any, Row]:
            visible = policy.visible(model, self._viewer)
            columns = self._needed.of(model)
            company = self._company(model)
            found = await read.rows_by_key(self._database, model, key, values, columns, visible, company)
            self._take_room(model, columns, [found.values()])
            return found

        return self._loader((model, key), fetch).load(Wanted(values, missing))

    def known(
        self, model: type[Entity], key: str, values: Sequence[Any], missing: Exception | None = None
    ) -> list[Any] | None:
        """The same without a wait, where what all of them are is known already."""
        found = self._known.get((model, key))
        if found is None or not found.keys() >= set(values):
            return None
        rows = list(map(found.__getitem__, values))
        return rows if missing is None else [missing if row is None else row for row in rows]

    def pages(self, target: Target, narrowing: Narrowing, page: Page, parents: Sequence[Any]) -> Column:
        """One page's visible rows for each parent, or those of all of a model where the parent is ALL."""

        async def fetch(parents: list[Any]) -> dict[Any, list[Row]]:
            model = source_of(target).model
            columns, company = self._needed.of(model, page.order.column), self._company(model)
            rows = self._rows(target, narrowing)
            found = await read.pages(self._database, rows, parents, page, columns, company)
            self._take_room(model, columns, found.values())
            return found

        return self._loader((target, narrowing.key, page), fetch).load(Wanted(parents, ()))

    def counts(self, target: Target, narrowing: Narrowing, parents: Sequence[Any]) -> Column:
        """How many visible rows there are on all pages of each parent together."""

        async def fetch(parents: list[Any]) -> dict[Any, int]:
            return await read.counts(self._database, self._rows(target, narrowing), parents)

        return self._loader((target, narrowing.key), fetch).load(Wanted(parents, 0))

    async def among(self, target: Target, narrowing: Narrowing, key: int) -> bool:
        """Whether a visible row is among those that a filter leaves."""
        return bool(await read.among(self._database, self._rows(target, narrowing), [key]))

    async def close(self) -> None:
        """Stop what still runs: nobody is going to ask for it."""
        self._closed = True
        running = [task for task in self._tasks if not task.done()]
        for task in running:
            task.cancel()
        if running:
            # Not `gather`, which would cancel them again when this is cancelled.
            await asyncio.wait(running)
        # The loaders refer to this, and hold all rows: nothing is left for the garbage collector to find.
        self._made.clear()

    def _rows(self, target: Target, narrowing: Narrowing) -> Rows:
        visible = policy.visible(source_of(target).model, self._viewer, hidden=narrowing.hidden)
        return Rows(target, visible, narrowing.left, narrowing.values)

    def _company(self, model: type[Entity]) -> Company:
        return company(model, self._needed, self._viewer, self._known)

    def _take_room(self, model: type[Entity], columns: Columns, parts: Collection[Iterable[Row]]) -> None:
        """What was read takes it. An operation that has read more than it may answer reads nothing more."""
        for name in long_columns(model, columns):
            values = map(attrgetter(name), chain.from_iterable(parts))
            self._room -= sum(map(len, filter(None, values)))

    def _loader(self, key: Hashable, fetch: Fetch) -> "_Loader":
        loader = self._made.get(key)
        if loader is None:
            loader = self._made[key] = _Loader(partial(self._run, fetch), self._begin)
        return loader

    def _begin(self, batch: Coroutine[Any, Any, None]) -> None:
        """A batch is a task, which aiodataloader would start and forget."""
        if self._closed:
            batch.close()
        else:
            self._tasks.append(asyncio.create_task(batch))

    async def _run(self, fetch: Fetch, keys: list[Any]) -> dict[Any, Any]:
        await self._statements.enter()
        try:
            if self._room < 0:
                raise LimitExceededError("The operation reads too much text; ask for less.")
            return await fetch(keys)
        except DatabaseUnavailableError as error:
            raise UnavailableError from error
        finally:
            self._statements.leave()


def company(model: type[Entity], needed: Needed, viewer: Viewer | None, known: Known) -> Company:
    """What an operation reads along with a model's rows, kept among what is `known`."""
    companions: list[Companion] = []
    values: dict[str, Any] = {}
    for relationship in needed.companions.get(model, ()):
        other = many_to_one(relationship).model
        visible = policy.visible(other, viewer)
        companions.append(Companion(relationship, needed.of(other), visible.alternatives))
        values.update(visible.values)
    return Company(tuple(companions), values, known)


class _Loader(DataLoader[Wanted, Any]):
    """An aiodataloader whose keys are whole columns: one future for each, and not one for each of its keys.

    What a column wants of others is fetched once. Nobody shares a future with anybody else: when a field
    fails, graphql-core cancels what its siblings await, and would fail all others that await the same.
    """

    cache = False
    get_cache_key: Any = staticmethod(id)  # Asked for, though nothing is kept by it.

    def __init__(self, fetch: Fetch, begin: Callable[[Coroutine[Any, Any, None]], None]) -> None:
        # The base's own looks at its class anew for each loader, which takes longer than all the rest.
        self.loop = asyncio.get_running_loop()
        self._cache: dict[Any, Any] = {}
        self._queue: list[Loader] = []
        self._fetch = fetch
        self._begin = begin
        self._found: dict[Any, Any] = {}
        self._done: set[Any] = set()  # What was looked for, found or not.
        # What batches have begun to look for, each with what says that it has ended.
        self._begun: list[tuple[set[Any], asyncio.Future[None]]] = []

    def do_resolve_reject(self, key: Wanted, future: Column) -> None:
        """Dispatches a batch after two ticks of the event loop, as aiodataloader does, but not by a task."""
        self._queue.append(Loader(key, future))
        if len(self._queue) == 1:
            self.loop.call_soon(self.loop.call_soon, self._dispatch)

    def _dispatch(self) -> None:
        queue, self._queue = self._queue, []
        self._begin(dispatch_queue_batch(self, queue))

    async def batch_load_fn(self, columns: list[Wanted]) -> list[list[Any]]:
        wanted = set(chain.from_iterable(column.keys for column in columns))
        wanted.discard(None)
        while left := wanted - self._done:
            if new := left.difference(*(keys for keys, _ in self._begun)):
                await self._get(new)
            else:
                await asyncio.wait({ended for keys, ended in self._begun if not keys.isdisjoint(left)})
        return [self._filled(column.keys, column.missing) for column in columns]

    def _filled(self, keys: Sequence[Any], missing: Any) -> list[Any]:
        find = self._found.get
        return list(map(find, keys)) if missing is None else [find(key, missing) for key in keys]

    async def _get(self, keys: set[Any]) -> None:
        begun = keys, self.loop.create_future()
        self._begun.append(begun)
        try:
            self._found.update(await self._fetch(list(keys)))
            self._done |= keys
        finally:
            self._begun.remove(begun)
            begun[1].set_result(None)


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
