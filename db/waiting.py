"""Waiting for connections: in order, with patience, and never for a second one."""

import asyncio
import time
from contextvars import ContextVar

from db.errors import DatabaseUnavailableError, SecondConnectionError


class Queue:
    """Waits for connections in order, in front of the pool.

    The pool's own wait ends after a fixed time, also when connections come and go quickly and the process is
    only busy: a burst of requests would fail for nothing. This one gives up when none came back in that time.
    """

    def __init__(self, places: int, patience: float) -> None:
        self._places = asyncio.Semaphore(places)
        self._patience = patience
        self._last_freed = 0.0

    async def enter(self) -> None:
        """Take a place; whoever has one leaves it again, in whatever task."""
        if not self._places.locked():
            await self._places.acquire()
            return
        started = time.monotonic()
        acquiring = asyncio.ensure_future(self._places.acquire())
        try:
            while not (await asyncio.wait({acquiring}, timeout=self._patience))[0]:
                if time.monotonic() - max(started, self._last_freed) >= self._patience:
                    raise DatabaseUnavailableError("no connection became free in time")
        except BaseException:
            # Cancelled or given up: a place that was granted at the last moment goes to the next.
            if not acquiring.cancel() and not acquiring.cancelled():
                self._places.release()
            raise

    def leave(self) -> None:
        self._last_freed = time.monotonic()
        self._places.release()

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
