"""A mutation that another transaction is in the way of is tried again, and given up after three times."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

import db.engine
from db import models
from db.engine import Database, DatabaseSettings
from db.enums import Role
from gql.app import create_app
from gql.relay import to_global_id
from gql.settings import Settings
from tests import factories
from tests.client import Client
from tests.conftest import NewUrl
from tests.postgresql import execute_on_server

pytestmark = pytest.mark.anyio

TRIES = 4
UPDATE = "mutation ($input: UpdatePostInput!) {updatePost(input: $input) {post {title version}}}"


@pytest.fixture
def settings(new_url: NewUrl, backend: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Both databases wait only a moment for a lock."""
    url = new_url()
    if backend == "sqlite":
        pragmas = [pragma for pragma in db.engine._PRAGMAS if not pragma.startswith("busy_timeout")]
        monkeypatch.setattr(db.engine, "_PRAGMAS", (*pragmas, "busy_timeout=50"))
    else:
        set_on_postgresql(url, "lock_timeout = '50ms'")
    return Settings(database_url=url)


def set_on_postgresql(url: str, setting: str) -> None:
    """For all connections that are made from now on."""
    name = DatabaseSettings(url=url).parsed_url.database
    execute_on_server(url, f"ALTER DATABASE {name} SET {setting}")


@asynccontextmanager
async def another(url: str) -> AsyncIterator[AsyncConnection]:
    """A transaction of somebody else's, who has never heard of Gazette; rolled back unless committed."""
    settings = DatabaseSettings(url=url)
    engine = create_async_engine(settings.parsed_url, poolclass=NullPool)
    if settings.is_sqlite:
        db.engine.prepare_sqlite(engine, read_only=False)
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
        yield connection
    await engine.dispose()


@contextmanager
def failures(database: Database) -> Iterator[asyncio.Queue[str]]:
    """What the write lane's statements fail with meanwhile: PostgreSQL's code, or SQLite's message."""
    failed: asyncio.Queue[str] = asyncio.Queue()

    def record(context: Any) -> None:
        error = context.original_exception
        # They arrive while the event loop runs, but on SQLAlchemy's own stack.
        failed.put_nowait(getattr(error, "sqlstate", None) or str(error))

    event.listen(database.write_engine.sync_engine, "handle_error", record)
    yield failed
    event.remove(database.write_engine.sync_engine, "handle_error", record)


@pytest.fixture
async def author(client: Client) -> Client:
    """Of the only post."""
    post = factories.post(factories.user(), id=1)
    await factories.save(client.database, post)
    return await client.viewing(post.author)


async def update(author: Client, **given: Any) -> httpx.Response:
    return await author.send(UPDATE, {"input": {"id": to_global_id("Post", 1), **given}})


LOCKING = text("UPDATE posts SET title = 'by another', version = version + 1 WHERE id = 1")


async def test_a_lock_that_stays_is_an_error_that_says_so(
    client: Client, settings: Settings, author: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with failures(client.database) as failed:
        async with another(settings.database_url) as other:
            await other.execute(LOCKING)
            response = await update(author, title="after")
        assert failed.qsize() == TRIES
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    (error,) = response.json()["errors"]
    assert error["message"] == "The database cannot write right now; try again."
    assert error["extensions"] == {"code": "SERVICE_UNAVAILABLE"}
    assert caplog.records == []
    # Nothing was done, nothing is held, and now it can be.
    response = await update(author, title="after", expectedVersion=1)
    assert response.json()["data"]["updatePost"]["post"] == {"title": "after", "version": 2}


async def test_a_lock_that_goes_is_waited_for(client: Client, settings: Settings, author: Client) -> None:
    with failures(client.database) as failed:
        async with another(settings.database_url) as other:
            await other.execute(LOCKING)
            updating = asyncio.create_task(update(author, body="after"))
            await failed.get()
            await other.commit()
            response = await updating
    # It was done from the start: with what the other one has written.
    assert response.json()["data"]["updatePost"]["post"] == {"title": "by another", "version": 3}


async def test_a_serialisation_failure_is_tried_again_three_times(
    new_postgresql_url: NewUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gazette reads what is committed, but an administrator may have chosen a stricter isolation."""
    # Long enough for the other one to be there first again.
    monkeypatch.setattr("db.write.random.uniform", lambda *_: 0.5)
    url = new_postgresql_url()
    set_on_postgresql(url, "default_transaction_isolation = 'repeatable read'")
    async with Client(create_app(Settings(database_url=url))) as client:
        post = factories.post(factories.user(), id=1)
        await factories.save(client.database, post)
        author = await client.viewing(post.author)
        for times in (TRIES - 1, TRIES):
            with failures(client.database) as failed:
                async with another(url) as other:
                    await other.execute(LOCKING)
                    updating = asyncio.create_task(update(author, body=f"after {times}"))
                    for number in range(times):
                        await blocked(url)
                        await other.commit()
                        # Not before it has failed: it would wait for the next lock first.
                        assert await asyncio.wait_for(failed.get(), 60) == "40001"
                        if number < times - 1:
                            await other.execute(LOCKING)
                    response = await updating
            assert response.status_code == (200 if times < TRIES else 503)
        async with client.database.reading() as connection:
            found = await connection.execute(select(models.Post.body, models.Post.version))
        assert tuple(found.one()) == (f"after {TRIES - 1}", 1 + TRIES - 1 + 1 + TRIES)


async def blocked(url: str) -> None:
    """Wait until somebody waits for a lock."""
    activity = "FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with another(url) as looking:
        for _ in range(400):
            if await looking.scalar(text(f"SELECT count(*) {activity}")):
                return
            await looking.execute(text("SELECT pg_stat_clear_snapshot()"))
            await asyncio.sleep(0.01)
    raise AssertionError("nobody waits for a lock")


async def test_the_victim_of_a_deadlock_is_tried_again(new_postgresql_url: NewUrl) -> None:
    """An admin gives a role, which locks the admin and then the user; somebody else locks them in turn."""
    url = new_postgresql_url()
    # It is looked for once in a wait: by then the other one has to wait too, on the busiest machine.
    set_on_postgresql(url, "deadlock_timeout = '1s'")
    async with Client(create_app(Settings(database_url=url))) as client:
        admin, user = factories.user(role=Role.ADMIN), factories.user()
        await factories.save(client.database, admin, user)
        viewing = await client.viewing(admin)
        with failures(client.database) as failed:
            async with another(url) as other:
                # So that it is not the one that looks for the deadlock, and ends.
                await other.execute(text("SET LOCAL deadlock_timeout = '1min'"))
                await other.execute(text(f"SELECT 1 FROM users WHERE id = {user.id} FOR UPDATE"))  # noqa: S608
                given = asyncio.create_task(
                    viewing.mutate(
                        "setUserRole", "user {role}", id=to_global_id("User", user.id), role="EDITOR"
                    )
                )
                await blocked(url)
                await other.execute(text(f"SELECT 1 FROM users WHERE id = {admin.id} FOR UPDATE"))  # noqa: S608
                assert await failed.get() == "40P01"
                await other.commit()
                assert await given == {"user": {"role": "EDITOR"}, "userErrors": []}


async def test_more_writers_than_connections_wait_for_their_turn(new_url: NewUrl) -> None:
    """One second in all, which is much longer than one may wait while nothing moves."""
    database = Database(DatabaseSettings(url=new_url(), write_connections=1, connection_wait=0.2))

    async def write() -> None:
        async with database.writing() as session:
            session.add(factories.tag())
            await asyncio.sleep(0.05)

    await asyncio.gather(*(write() for _ in range(20)))
    async with database.reading() as connection:
        assert await connection.scalar(select(func.count()).select_from(models.Tag)) == 20
    await database.dispose()
