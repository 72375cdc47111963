"""Who is connected for longer than a request, by a socket or an event stream: how many, and until when."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from db.engine import Database
from db.errors import DatabaseUnavailableError
from gql import log
from gql.attempts import network
from gql.auth import viewers_of
from gql.bounds import SocketBounds
from gql.policy import Viewer
from gql.tokens import Claims


class End(NamedTuple):
    """Why a connection ends: a code as WebSockets close with, and its meaning in words."""

    code: int
    reason: str


SERVER_STOPS = End(1012, "The server stops; come back.")
SESSION_OVER = End(4403, "The session is over.")
TOKEN_EXPIRED = End(4403, "The access token has expired.")
_TOO_MANY = End(1013, "There are too many connections; try again later.")
_TOO_MANY_OF_ADDRESS = End(1013, "There are too many connections of this address; try again later.")


class FullError(Exception):
    """There is no room for one more; `end` says why."""

    def __init__(self, end: End) -> None:
        super().__init__(end.reason)
        self.end = end


class Listener:
    """One that is connected: `ended` comes true when it is to leave."""

    viewer: Viewer | None = None

    def __init__(self) -> None:
        self.ended: asyncio.Future[End] = asyncio.get_running_loop().create_future()
        self._timer: asyncio.TimerHandle | None = None

    def end(self, end: End) -> None:
        """The first reason is the one that counts."""
        if not self.ended.done():
            self.ended.set_result(end)

    def end_later(self, seconds: float, end: End) -> None:
        """In place of what was said before."""
        self.stay()
        self._timer = asyncio.get_running_loop().call_later(seconds, self.end, end)

    def stay(self) -> None:
        """Take back what `end_later` has said."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Audience:
    """All listeners of a process."""

    def __init__(self, database: Database, socket_bounds: SocketBounds) -> None:
        self._database = database
        self._socket_bounds = socket_bounds
        self._listeners: set[Listener] = set()
        self._of_address: Counter[str] = Counter()
        self._has_changed = asyncio.Event()
        self._watcher: asyncio.Task[None] | None = None
        self._is_over = False

    @contextmanager
    def place(self, address: str) -> Iterator[Listener]:
        """Room for one more; raises FullError."""
        counted = network(address)
        if self._is_over:
            raise FullError(SERVER_STOPS)
        if self._of_address[counted] >= self._socket_bounds.address_sockets:
            raise FullError(_TOO_MANY_OF_ADDRESS)
        if len(self._listeners) >= self._socket_bounds.sockets:
            raise FullError(_TOO_MANY)
        listener = Listener()
        self._listeners.add(listener)
        self._of_address[counted] += 1
        try:
            yield listener
        finally:
            listener.stay()
            self._listeners.remove(listener)
            self._of_address[counted] -= 1
            if not self._of_address[counted]:
                del self._of_address[counted]

    def identify(self, listener: Listener, viewer: Viewer, claims: Claims) -> None:
        """From now on it ends with the viewer's session, and when the access token is accepted no more."""
        listener.viewer = viewer
        listener.end_later(max(0, claims.until - time.time()), TOKEN_EXPIRED)
        if self._watcher is None or self._watcher.done():
            self._watcher = asyncio.create_task(self._watch())

    def sessions_changed(self) -> None:
        """Look at all sessions now."""
        self._has_changed.set()

    def shut_down(self) -> None:
        """Tell all to come back later, and let nobody in any more."""
        self._is_over = True
        for listener in self._listeners:
            listener.end(SERVER_STOPS)

    async def close(self) -> None:
        self.shut_down()
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.wait({self._watcher})

    async def _watch(self) -> None:
        """As long as there is somebody whose session could end."""
        while any(listener.viewer for listener in self._listeners):
            with suppress(TimeoutError):
                async with asyncio.timeout(self._socket_bounds.session_seconds):
                    await self._has_changed.wait()
            self._has_changed.clear()
            try:
                await self._check()
            except DatabaseUnavailableError:
                pass  # Nobody is sent away for that, and the next look comes soon.
            except Exception as error:
                log.unexpected(error)

    async def _check(self) -> None:
        """One statement for all."""
        known = [(listener, listener.viewer.session_id) for listener in self._listeners if listener.viewer]
        remaining = await viewers_of(self._database, list({session_id for _, session_id in known}))
        for listener, session_id in known:
            if session_id not in remaining:
                listener.end(SESSION_OVER)
