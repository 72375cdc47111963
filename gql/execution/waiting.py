"""Awaiting what resolvers return, and going on with whatever is there."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from gql.execution.columns import Column, Part
from gql.execution.kinds import Raised, Values

if TYPE_CHECKING:
    from gql.execution.run import Run

Finish: TypeAlias = "Callable[[Run, Column, Values, Sequence[int]], list[Any]]"
"""Completes values that were awaited, or what was Raised instead; the last are their indices."""

Future: TypeAlias = "asyncio.Future[Any]"


class Group:
    """Awaitables of a column, each finished as soon as it is there."""

    def __init__(self, column: Column, awaitables: Values, finish: Finish) -> None:
        self.column = column
        self.awaitables = awaitables
        self.finish = finish

    def is_dead(self, run: Run, index: int) -> bool:
        """Whether a value's place has turned null meanwhile."""
        return run.failures.is_null(self.column.position(index))

    def release(self, run: Run, indices: Sequence[int], outcomes: Values) -> None:
        column = self.column if len(indices) == len(self.awaitables) else Part(self.column, indices)
        column.place_all(self.finish(run, column, outcomes, indices))


class WholeColumn(Group):
    """One awaitable for all values of a column."""

    def __init__(self, column: Column, count: int, awaitable: Any, finish: Finish) -> None:
        super().__init__(column, [awaitable], finish)
        self.count = count

    def is_dead(self, run: Run, index: int) -> bool:
        return all(run.failures.is_null(self.column.position(number)) for number in range(self.count))

    def release(self, run: Run, indices: Sequence[int], outcomes: Values) -> None:
        self.column.place_all(self.finish(run, self.column, outcomes[0], range(self.count)))


class Waiting:
    """What one run waits for.

    It goes on with what is ready, and lets a tick of the event loop pass before, so that what becomes ready
    together is one column: a loader's batch stays one batch. Nothing waits for the slowest of its siblings.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._new: list[Group] = []
        self._pending: dict[Future, list[tuple[Group, int]]] = {}
        self._ready: list[Future] = []
        self._wake: Future | None = None
        self._spreads = 0
        self._dropped: set[Future] = set()

    def add(self, group: Group) -> None:
        self._new.append(group)

    def __bool__(self) -> bool:
        return bool(self._new)

    async def settle(self) -> None:
        """Until nothing is left to wait for."""
        try:
            self._start()
            while self._pending:
                ready = await self._some()
                self._release(ready)
                self._run.failures.apply()
                self._start()
        except BaseException:
            self.discard()
            raise
        finally:
            if self._dropped:
                await asyncio.wait(self._dropped)
                for future in self._dropped:
                    _forget(future)

    def _start(self) -> None:
        groups, self._new = self._new, []
        spreads = self._run.failures.spreads
        for group in groups:
            for index, awaitable in enumerate(group.awaitables):
                if spreads and group.is_dead(self._run, index):
                    _discard(awaitable)
                else:
                    self._watch(awaitable, group, index)
        if spreads > self._spreads:
            self._spreads = spreads
            self._drop_dead()

    def _watch(self, awaitable: Any, group: Group, index: int) -> None:
        try:
            future: Future = asyncio.ensure_future(awaitable)
        except Exception as error:  # It cannot be awaited after all.
            future = asyncio.get_running_loop().create_future()
            future.set_exception(error)
        # Several places may wait for one future.
        places = self._pending.setdefault(future, [])
        places.append((group, index))
        if len(places) == 1:
            future.add_done_callback(self._done)

    def _done(self, future: Future) -> None:
        self._ready.append(future)
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def _some(self) -> Sequence[Future]:
        if not self._ready:
            self._wake = asyncio.get_running_loop().create_future()
            await self._wake
            self._wake = None
        if len(self._ready) < len(self._pending):
            await asyncio.sleep(0)
        ready, self._ready = self._ready, []
        return ready

    def _release(self, ready: Sequence[Future]) -> None:
        released: dict[Group, list[tuple[int, Any]]] = defaultdict(list)
        for future in ready:
            outcome = _outcome(future)
            for group, index in self._pending.pop(future, ()):
                released[group].append((index, outcome))
        for group, outcomes in released.items():
            if len(outcomes) > 1:
                outcomes.sort(key=_index)
            group.release(self._run, [index for index, _ in outcomes], [value for _, value in outcomes])

    def _drop_dead(self) -> None:
        """Cancel what nobody is going to see, as graphql-core does."""
        for future, places in list(self._pending.items()):
            if all(group.is_dead(self._run, index) for group, index in places):
                self._drop(future)

    def _drop(self, future: Future) -> None:
        del self._pending[future]
        future.remove_done_callback(self._done)
        future.cancel()
        self._dropped.add(future)

    def discard(self) -> None:
        """The operation failed as a whole, or was cancelled: nothing of it goes on."""
        groups, self._new = self._new, []
        for group in groups:
            for awaitable in group.awaitables:
                _discard(awaitable)
        for future in list(self._pending):
            self._drop(future)


def _index(outcome: tuple[int, Any]) -> int:
    return outcome[0]


def _outcome(future: Future) -> Any:
    """The result or the exception. Who was cancelled from outside has cancelled the operation."""
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, Exception):
        return Raised(error)
    raise error


def _forget(future: Future) -> None:
    """Look at an exception that is nobody's, or the event loop would log it."""
    if not future.cancelled():
        future.exception()


def _discard(awaitable: Any) -> None:
    """Nobody is going to await it."""
    if asyncio.iscoroutine(awaitable):
        awaitable.close()
    elif asyncio.isfuture(awaitable):
        awaitable.cancel()
        awaitable.add_done_callback(_forget)
