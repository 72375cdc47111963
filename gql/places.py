"""Places for the operations at once, and how one is given up while the operation only waits."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar, Token

from db.waiting import Queue


class Place:
    """One of the places that there are, held as a block."""

    def __init__(self, places: Queue) -> None:
        self._places = places
        # Who is cancelled while it waits for a place has none to give back.
        self._is_held = False

    async def __aenter__(self) -> None:
        await self.take()
        self._token: Token[Place | None] = _current.set(self)

    async def __aexit__(self, *_: object) -> None:
        _current.reset(self._token)
        self.leave()

    async def take(self) -> None:
        await self._places.enter()
        self._is_held = True

    def leave(self) -> None:
        if self._is_held:
            self._is_held = False
            self._places.leave()


_current: ContextVar[Place | None] = ContextVar("current", default=None)


@asynccontextmanager
async def left() -> AsyncIterator[None]:
    """Let another operation have this one's place meanwhile, then wait for a place again.

    Who is cancelled meanwhile, or fails, ends without one.
    """
    place = _current.get()
    if place is None:
        yield
        return
    place.leave()
    yield
    await place.take()
