"""The log of events: read in the order of transactions, by as many processes as there are."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg  # type: ignore[import-untyped]
import pytest
from sqlalchemy import text

from db import log
from db.bell import Bell
from db.engine import Database, DatabaseSettings
from db.events import EventKind
from db.log import Happened
from db.transactions import Session
from db.write import transaction
from gql import feed as feeds
from gql.clock import Clock
from gql.feed import Feed, Topic
from tests import factories
from tests.conftest import NewUrl
from tests.following import PATIENCE, QUIET, until
from tests.postgresql import execute_on_server

pytestmark = pytest.mark.anyio

KIND = EventKind.COMMENT_ADDED
ALL = Topic((KIND,))


class Process:
    """What one process has for its subscribers."""

    def __init__(self, url: str) -> None:
        self.database = Database(DatabaseSettings(url=url))
        self.bell = Bell(self.database)
        self.feed = Feed(self.database, self.bell)

    async def append(self, *keys: int) -> None:
        async def work(session: Session) -> None:
            for key in keys:
                await log.append(session, KIND, 1, key)

        await transaction(self.database, work, self.bell.ring)

    async def follows(self) -> "asyncio.Queue[Happened]":
        """What is told from here on."""
        told: asyncio.Queue[Happened] = asyncio.Queue()

        async def follow() -> None:
            async for delivery in self.feed.follow(ALL):
                told.put_nowait(delivery.event)

        self.following = asyncio.create_task(follow())
        await until(lambda: self.feed.followers > 0)
        return told

    async def close(self) -> None:
        if hasattr(self, "following"):
            self.following.cancel()
            await asyncio.wait({self.following})
        await self.feed.close()
        await self.bell.close()
        await self.database.dispose()


@pytest.fixture
async def processes(new_url: NewUrl) -> AsyncIterator[tuple[Process, Process]]:
    """Two on the same database."""
    url = new_url()
    made = Process(url), Process(url)
    yield made
    for process in made:
        await process.close()


async def keys(told: "asyncio.Queue[Happened]", count: int) -> list[int]:
    async with asyncio.timeout(PATIENCE):
        return [(await told.get()).key for _ in range(count)]


async def test_what_one_process_writes_all_tell(processes: tuple[Process, Process]) -> None:
    here, there = processes
    told = [await here.follows(), await there.follows()]
    await here.append(1, 2)
    await there.append(3)
    for queue in told:
        assert sorted(await keys(queue, 3)) == [1, 2, 3]


@pytest.fixture
async def on_postgresql(new_postgresql_url: NewUrl) -> AsyncIterator[Process]:
    process = Process(new_postgresql_url())
    yield process
    await process.close()


async def test_who_commits_late_is_told_first_and_nobody_is_passed_by(on_postgresql: Process) -> None:
    process = on_postgresql
    told = await process.follows()
    is_late, go_on = asyncio.Event(), asyncio.Event()

    async def late() -> None:
        async with process.database.writing() as session:
            await log.append(session, KIND, 1, 1)
            is_late.set()
            await go_on.wait()

    running = asyncio.create_task(late())
    await is_late.wait()
    await process.append(2)
    start = (await log.latest(process.database))._replace(transaction_id=0)
    # The later one is committed and can be read, and is not told before the earlier one is.
    async with process.database.reading() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM events")) == 1
    await asyncio.sleep(QUIET)
    assert told.empty()
    assert await log.after(process.database, start, 10) == ([], True)
    go_on.set()
    await running
    process.bell.ring()
    assert await keys(told, 2) == [1, 2]
    events, has_more = await log.after(process.database, start, 10)
    assert [event.key for event in events] == [1, 2]
    assert not has_more


async def test_events_of_many_writers_come_to_all_in_one_order(processes: tuple[Process, Process]) -> None:
    told = [await process.follows() for process in processes]
    writers = [processes[number % 2].append(*range(10 * number, 10 * number + 3)) for number in range(20)]
    await asyncio.gather(*writers)
    first, second = [await keys(queue, 60) for queue in told]
    assert first == second
    assert len(set(first)) == 60


async def test_a_lost_connection_to_listen_by_loses_no_event(on_postgresql: Process) -> None:
    process = on_postgresql
    told = await process.follows()
    url = process.database.settings.url
    end = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    for number in range(3):
        execute_on_server(url, end)
        await process.append(number)
        assert await keys(told, 1) == [number]


async def test_a_connection_may_be_lost_before_it_listens(
    on_postgresql: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, lost, add_listener = on_postgresql, asyncio.Event(), asyncpg.Connection.add_listener

    async def lose(connection: Any, *arguments: Any) -> None:
        if not lost.is_set():
            lost.set()
            await connection.close()
        await add_listener(connection, *arguments)

    monkeypatch.setattr(asyncpg.Connection, "add_listener", lose)
    await process.follows()
    await asyncio.wait_for(lost.wait(), PATIENCE)
    assert process.bell._listening is not None
    listening, _ = process.bell._listening
    await asyncio.sleep(QUIET)
    assert listening is not None
    assert not listening.done()


async def test_a_notification_wakes_the_others_at_once(
    new_postgresql_url: NewUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "_LOOK", 3600.0)
    url = new_postgresql_url()
    here, there = Process(url), Process(url)
    try:
        told = await there.follows()
        await here.append(1)
        assert await keys(told, 1) == [1]
    finally:
        await here.close()
        await there.close()


async def test_without_followers_nothing_is_held_and_nothing_read(on_postgresql: Process) -> None:
    process = on_postgresql
    await process.follows()
    assert process.feed.followers == 1
    process.following.cancel()
    await asyncio.wait({process.following})
    assert process.feed.followers == 0
    assert process.feed._reader is None
    assert process.bell._listening is None


async def test_who_is_cancelled_again_and_again_leaves_nothing_behind(on_postgresql: Process) -> None:
    process = on_postgresql
    for times in range(1, 6):
        await process.follows()
        for _ in range(times):
            process.following.cancel()
            await asyncio.sleep(0)
        await asyncio.wait({process.following})
        await until(lambda: process.feed._reader is None and process.bell._listening is None)


async def test_the_last_one_leaves_in_the_moment_of_news(processes: tuple[Process, Process]) -> None:
    process = processes[0]
    for ticks in range(10):
        told = await process.follows()
        await process.append(ticks)
        assert await keys(told, 1) == [ticks]
        # The reader has looked, and waits again.
        await asyncio.sleep(0.05)
        process.following.cancel()
        for _ in range(ticks):
            await asyncio.sleep(0)
        process.bell.ring()
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait({process.following})
        assert process.feed._reader is None


async def test_two_clocks_announce_each_post_once(processes: tuple[Process, Process]) -> None:
    database = processes[0].database
    author = factories.user()
    posts = [factories.post(author) for _ in range(30)]
    await factories.save(database, *posts)
    now = datetime.now(UTC)
    async with database.writing() as session:
        for post in posts:
            await log.schedule(session, post.id, now - timedelta(seconds=1))
    told = asyncio.Queue[int]()

    async def follow() -> None:
        async for delivery in processes[0].feed.follow(Topic((EventKind.POST_PUBLISHED,))):
            told.put_nowait(delivery.event.key)

    following = asyncio.create_task(follow())
    await until(lambda: processes[0].feed.followers > 0)
    clocks = [
        asyncio.create_task(Clock(process.database, process.bell, timedelta(hours=1)).run())
        for process in processes
    ]
    async with asyncio.timeout(PATIENCE):
        announced = [await told.get() for _ in posts]
    await asyncio.sleep(QUIET)
    for task in (*clocks, following):
        task.cancel()
    await asyncio.wait({*clocks, following})
    assert told.empty()
    assert sorted(announced) == sorted(post.id for post in posts)


async def test_a_transaction_that_is_rolled_back_leaves_no_gap_to_wait_for(on_postgresql: Process) -> None:
    process = on_postgresql
    told = await process.follows()

    async def fail(session: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await transaction(process.database, fail)
    await process.append(1)
    assert await keys(told, 1) == [1]
