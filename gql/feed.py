"""What happens, as it happens: one reader of the log for all subscriptions of a process."""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Iterable
from contextlib import suppress
from typing import NamedTuple

from db import log
from db.bell import Bell
from db.engine import Database
from db.errors import DatabaseUnavailableError
from db.events import EventKind
from db.log import Happened, Position
from gql.errors import EventsGoneError

QUEUE = 200
"""Events that wait for a subscriber at most: behind that it has not kept up."""

_BATCH = 500
_LOOK = 1.0  # Seconds after which the log is looked at although nothing was heard.
_SETTLE = 0.01  # Seconds to wait for transactions that still run; each further time twice as long.


class SlowConsumerError(Exception):
    """The subscriber did not keep up. It may come back, after the last event that it has."""


class Topic(NamedTuple):
    """What a subscription is about: events of some kinds, of one post or of all."""

    kinds: tuple[EventKind, ...]
    post_id: int | None = None

    def keys(self) -> Iterable[tuple[EventKind, int | None]]:
        return ((kind, self.post_id) for kind in self.kinds)

    def includes(self, event: Happened) -> bool:
        return event.kind in self.kinds and self.post_id in (None, event.post_id)


class _Subscriber:
    """Events that wait for somebody, and whether there were too many of them."""

    def __init__(self) -> None:
        self.waiting: deque[Happened] = deque()
        self.is_lost = False
        self._wake = asyncio.Event()

    def put(self, event: Happened) -> None:
        if len(self.waiting) >= QUEUE:
            self.is_lost = True
        else:
            self.waiting.append(event)
        self._wake.set()

    async def next(self) -> Happened:
        while not self.waiting:
            if self.is_lost:
                raise SlowConsumerError
            self._wake.clear()
            await self._wake.wait()
        return self.waiting.popleft()


class Feed:
    """Reads the log while anybody follows it, and gives each event to those whom it concerns."""

    def __init__(self, database: Database, bell: Bell) -> None:
        self._database = database
        self._bell = bell
        self._subscribers: dict[tuple[EventKind, int | None], set[_Subscriber]] = defaultdict(set)
        self._count = 0
        self._starting = asyncio.Lock()
        self._reader: asyncio.Task[None] | None = None
        self._reached = Position(0, 0)
        self._news = asyncio.Event()

    @property
    def subscribers(self) -> int:
        return self._count

    async def follow(self, topic: Topic, after: Position | None = None) -> AsyncGenerator[Happened, None]:
        """The events of a topic: those behind a position, or those to come; in the log's order, each once.

        Raises EventsGoneError where the log does not reach back so far, SlowConsumerError, and
        DatabaseUnavailableError while it begins.
        """
        if after is not None and not await log.is_known(self._database, after):
            raise EventsGoneError("What happened since is not known any more; read anew what you show.")
        start = after or await log.latest(self._database)
        subscriber = _Subscriber()
        self._enter(topic, subscriber)
        try:
            await self._begin()
            # From here on all that is read comes to the subscriber; what was read before it has to look up.
            reached = self._reached
            subscriber.waiting.clear()
            async for event in self._missed(topic, start, reached):
                yield event
            while True:
                event = await subscriber.next()
                if event.position > start:
                    yield event
        finally:
            await self._leave(topic, subscriber)

    async def close(self) -> None:
        await self._end()

    def _enter(self, topic: Topic, subscriber: _Subscriber) -> None:
        self._count += 1
        for key in topic.keys():
            self._subscribers[key].add(subscriber)

    async def _leave(self, topic: Topic, subscriber: _Subscriber) -> None:
        for key in topic.keys():
            self._subscribers[key].discard(subscriber)
            if not self._subscribers[key]:
                del self._subscribers[key]
        self._count -= 1
        if self._count == 0:
            await self._end()

    async def _begin(self) -> None:
        async with self._starting:
            if self._reader is None:
                self._reached = await log.latest(self._database)
                self._bell.listen(self._news.set)
                self._reader = asyncio.create_task(self._read())

    async def _end(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.cancel()
            await asyncio.wait({reader})
            await self._bell.ignore(self._news.set)

    async def _missed(
        self, topic: Topic, start: Position, end: Position
    ) -> AsyncGenerator[Happened, None]:
        """What a subscriber has missed that comes back."""
        while start < end:
            events, _ = await log.after(self._database, start, _BATCH)
            for event in events:
                if event.position <= end and topic.includes(event):
                    yield event
            if len(events) < _BATCH:
                return
            start = events[-1].position

    async def _read(self) -> None:
        pause = _SETTLE
        while True:
            try:
                events, has_more = await log.after(self._database, self._reached, _BATCH)
            except DatabaseUnavailableError:
                events, has_more = [], False
            for event in events:
                self._give(event)
            pause = _SETTLE if events or not has_more else min(2 * pause, _LOOK)
            if len(events) < _BATCH:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), pause if has_more else _LOOK)
                self._news.clear()

    def _give(self, event: Happened) -> None:
        self._reached = event.position
        for key in ((event.kind, event.post_id), (event.kind, None)):
            for subscriber in self._subscribers.get(key, ()):
                subscriber.put(event)
