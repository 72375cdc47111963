"""Waiting for places: in order, for connections with patience, and never for a second one."""

import asyncio
import time
from collections import OrderedDict
from contextvars import ContextVar

from db.errors import DatabaseUnavailableError, SecondConnectionError


class Queue:
    """So many places at once; who finds none waits, in order.

    In front of a pool it gives up when no place was left for so many seconds. The pool's own wait ends after
    a fixed time, also when connections come and go quickly and the process is only busy: a burst of requests
    would fail for nothing.
    """

    def __init__(self, places: int, patience: float | None = None) -> None:
        self._free = places
        self._patience = patience
        self._last_freed = 0.0
        # Who came first is first, each with the moment when it came; one timer is for all of them.
        self._waiting: OrderedDict[asyncio.Future[None], float] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None

    async def enter(self) -> None:
        """Take a place; whoever has one leaves it again, in whatever task."""
        if self._free:  # Then nobody waits: a place that is left goes to the first who does.
            self._free -= 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[place] = time.monotonic()
        if self._timer is None:
            self._lose_patience()
        try:
            await place
        except asyncio.CancelledError:
            if place in self._waiting:
                del self._waiting[place]
            elif not place.cancelled() and place.exception() is None:
                # It was granted at the last moment.
                self._grant()
            raise

    def leave(self) -> None:
        self._last_freed = time.monotonic()
        self._grant()

    def _grant(self) -> None:
        while self._waiting:
            place, _ = self._waiting.popitem(last=False)
            if not place.done():
                place.set_result(None)
                return
        self._free += 1

    def _lose_patience(self) -> None:
        """For all who have waited too long; looks again when the next one could have."""
        self._timer = None
        while self._waiting and self._patience is not None:
            place, started = next(iter(self._waiting.items()))
            left = max(started, self._last_freed) + self._patience - time.monotonic()
            if left > 0:
                self._timer = asyncio.get_running_loop().call_later(left, self._lose_patience)
                return
            del self._waiting[place]
            if not place.done():
                place.set_exception(DatabaseUnavailableError("no connection became free in time"))

    async def __aenter__(self) -> None:
        await self.enter()

    async def __aexit__(self, *_: object) -> None:
        self.leave()


_holding: ContextVar[bool] = ContextVar("holding", default=False)


class one_connection:  # noqa: N801 # It reads as the statement it makes.
    """A class and not a generator, because a context variable has to be reset in the context that set it."""

    __slots__ = ("token",)

    def __enter__(self) -> None:
        if _holding.get():
            raise SecondConnectionError
        self.token = _holding.set(True)

    def __exit__(self, *error: object) -> None:
        _holding.reset(self.token)
