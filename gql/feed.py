"""What happens, as it happens: one reader of the log for all subscriptions of a process."""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Hashable, Iterable
from contextlib import suppress
from typing import Any, NamedTuple

from db import log
from db.bell import Bell
from db.engine import Database
from db.errors import DatabaseUnavailableError
from db.events import EventKind
from db.log import Happened, Position
from gql.errors import EventsGoneError, SlowConsumerError
from gql.log import unexpected

QUEUE = 200
"""Events that wait for a subscriber at most: behind that it has not kept up."""

_BATCH = 100  # Less than may wait for a subscriber: after a pause nobody is sent away for what comes at once.
_LOOK = 1.0  # Seconds after which the log is looked at although nothing was heard.
_SETTLE = 0.01  # Seconds to wait for transactions that still run; each further time twice as long.

_Key = tuple[EventKind, int | None]


class Topic(NamedTuple):
    """What a subscription is about: events of some kinds, of one post or of all."""

    kinds: tuple[EventKind, ...]
    post_id: int | None = None

    def parts(self) -> Iterable[_Key]:
        return ((kind, self.post_id) for kind in self.kinds)

    def includes(self, event: Happened) -> bool:
        return event.kind in self.kinds and self.post_id in (None, event.post_id)


class Delivery:
    """An event on its way to all whom it concerns, with what was made of it for some of them."""

    __slots__ = ("event", "made")

    def __init__(self, event: Happened) -> None:
        self.event = event
        self.made: dict[Hashable, Any] = {}


class _Subscriber:
    """Events that wait for somebody, and whether there were too many of them."""

    def __init__(self) -> None:
        self.waiting: deque[Delivery] = deque()
        self._is_lost = False
        self._wake = asyncio.Event()

    def put(self, delivery: Delivery) -> None:
        self._is_lost = self._is_lost or len(self.waiting) >= QUEUE
        if not self._is_lost:
            self.waiting.append(delivery)
        self._wake.set()

    async def next(self) -> Delivery:
        while not self.waiting:
            if self._is_lost:
                raise SlowConsumerError
            self._wake.clear()
            await self._wake.wait()
        return self.waiting.popleft()


class Feed:
    """Reads the log while anybody follows it, and gives each event to those whom it concerns."""

    def __init__(self, database: Database, bell: Bell) -> None:
        self._database = database
        self.bell = bell
        self._subscribers: dict[_Key, set[_Subscriber]] = defaultdict(set)
        self.followers = 0
        self._changing = asyncio.Lock()
        self._reader: asyncio.Task[None] | None = None
        self._endings: set[asyncio.Task[None]] = set()
        self._reached = Position(0, 0)
        self._news = asyncio.Event()

    async def follow(self, topic: Topic, after: Position | None = None) -> AsyncGenerator[Delivery, None]:
        """The events of a topic: those behind a position, or those to come; in the log's order, each once.

        Raises EventsGoneError where the log does not reach back so far, SlowConsumerError, and
        DatabaseUnavailableError while it begins.
        """
        if after is not None and not await log.is_known(self._database, after):
            raise EventsGoneError("What happened since then is not known any more: read anew what you show.")
        start = after or await log.latest(self._database)
        subscriber = _Subscriber()
        self._enter(topic, subscriber)
        try:
            await self._begin()
            # All that is read from here on comes to the subscriber; what was read before it has to look up.
            reached = self._reached
            subscriber.waiting.clear()
            async for event in self._missed(topic, start, reached):
                yield Delivery(event)
            while True:
                delivery = await subscriber.next()
                if delivery.event.position > start:
                    yield delivery
        finally:
            self._leave(topic, subscriber)
            # Who is cancelled a second time would leave the reader and its connection behind.
            ending = asyncio.create_task(self._end())
            self._endings.add(ending)
            ending.add_done_callback(self._endings.discard)
            await asyncio.shield(ending)

    async def close(self) -> None:
        self.followers = 0
        await self._end()

    def _enter(self, topic: Topic, subscriber: _Subscriber) -> None:
        self.followers += 1
        for key in topic.parts():
            self._subscribers[key].add(subscriber)

    def _leave(self, topic: Topic, subscriber: _Subscriber) -> None:
        self.followers -= 1
        for key in topic.parts():
            self._subscribers[key].discard(subscriber)
            if not self._subscribers[key]:
                del self._subscribers[key]

    async def _begin(self) -> None:
        async with self._changing:
            if self._reader is None:
                self._reached = await log.latest(self._database)
                self.bell.listen(self._news.set)
                self._reader = asyncio.create_task(self._read())

    async def _end(self) -> None:
        """Where nobody follows any more."""
        async with self._changing:
            if self.followers > 0 or self._reader is None:
                return
            reader, self._reader = self._reader, None
            reader.cancel()
            await asyncio.wait({reader})
            await self.bell.ignore(self._news.set)

    async def _missed(self, topic: Topic, start: Position, end: Position) -> AsyncGenerator[Happened, None]:
        """What there is between two positions."""
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
            events, has_more = await self._next()
            for event in events:
                self._give(event)
            pause = _SETTLE if events or not has_more else min(2 * pause, _LOOK)
            if len(events) < _BATCH:
                # Not `wait_for`: up to Python 3.11 that loses a cancellation that comes with the news.
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause if has_more else _LOOK):
                        await self._news.wait()
                self._news.clear()
            else:
                await asyncio.sleep(_SETTLE)  # Let all take what they have.

    async def _next(self) -> tuple[list[Happened], bool]:
        try:
            return await log.after(self._database, self._reached, _BATCH)
        except DatabaseUnavailableError:
            return [], False
        except Exception as error:  # All would wait for ever for a reader that has ended.
            unexpected(error, requestId=None, operation=None, viewer=None)
            return [], False

    def _give(self, event: Happened) -> None:
        self._reached = event.position
        delivery = Delivery(event)
        for key in ((event.kind, event.post_id), (event.kind, None)):
            for subscriber in self._subscribers.get(key, ()):
                subscriber.put(delivery)
