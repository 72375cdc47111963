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
        # Who came first is first, each with the timer by which it loses its patience.
        self._waiting: OrderedDict[asyncio.Future[None], asyncio.TimerHandle | None] = OrderedDict()

    async def enter(self) -> None:
        """Take a place; whoever has one leaves it again, in whatever task."""
        if self._free:  # Then nobody waits: a place that is left goes to the first who does.
            self._free -= 1
            return
        loop = asyncio.get_running_loop()
        place: asyncio.Future[None] = loop.create_future()
        self._waiting[place] = None
        if self._patience is not None:
            self._lose_patience(place, self._patience, time.monotonic())
        try:
            await place
        except asyncio.CancelledError:
            if place in self._waiting:
                self._forget(self._waiting.pop(place))
            elif not place.cancelled() and place.exception() is None:
                # It was granted at the last moment.
                self._grant()
            raise

    def leave(self) -> None:
        self._last_freed = time.monotonic()
        self._grant()

    def _grant(self) -> None:
        while self._waiting:
            place, timer = self._waiting.popitem(last=False)
            self._forget(timer)
            if not place.done():
                place.set_result(None)
                return
        self._free += 1

    def _lose_patience(self, place: "asyncio.Future[None]", patience: float, started: float) -> None:
        left = max(started, self._last_freed) + patience - time.monotonic()
        if left > 0:
            loop = asyncio.get_running_loop()
            self._waiting[place] = loop.call_later(left, self._lose_patience, place, patience, started)
            return
        del self._waiting[place]
        if not place.done():
            place.set_exception(DatabaseUnavailableError("no connection became free in time"))

    @staticmethod
    def _forget(timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()

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
