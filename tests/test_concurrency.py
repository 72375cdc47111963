"""Fields that fail, clients that leave, and many requests at once."""

import asyncio
import gc
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx
import pytest
import strawberry
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from db import models
from db.engine import Database, DatabaseSettings
from db.errors import DatabaseUnavailableError, SecondConnectionError
from gql.app import create_app
from gql.context import Info, load
from gql.loaders import using
from gql.schema import Schema
from gql.settings import Settings
from gql.transport import GraphQLEndpoint
from tests import factories
from tests.client import Client
from tests.conftest import NewUrl
from tests.queries import FEED
from tests.server import serving

pytestmark = pytest.mark.anyio


async def test_a_field_that_fails_leaves_what_others_await(client: Client) -> None:
    author = factories.user()
    await factories.save(client.database, factories.post(author, title="Title"))
    by = f'user(by: {{username: "{author.username}"}})'
    # Both users' posts are one load; the first user fails while it is under way.
    body = await client.execute(
        f"{{a: {by} {{posts {{nodes {{title}}}} bad: posts(first: 0) {{totalCount}}}}"
        f" b: {by} {{posts {{nodes {{title}}}}}} c: {by} {{username}}}}"
    )
    assert body["data"] == {
        "a": None,
        "b": {"posts": {"nodes": [{"title": "Title"}]}},
        "c": {"username": author.username},
    }
    assert [(error["path"], error["extensions"]["code"]) for error in body["errors"]] == [
        (["a", "bad"], "BAD_USER_INPUT")
    ]


async def _boom(root: str) -> int:
    await asyncio.sleep(0)
    if root == "a":
        raise RuntimeError("a secret")
    return 1


def _value(root: str, info: Info) -> Any:
    return using(load(info).rows(models.User, "id", [1]), lambda rows: rows[0] and rows[0].id)


@strawberry.type
class Thing:
    boom: int = strawberry.field(resolver=_boom)
    value: int | None = strawberry.field(resolver=_value)


@strawberry.type
class Things:
    a: Thing | None = strawberry.field(resolver=lambda: cast(Thing, "a"))
    b: Thing | None = strawberry.field(resolver=lambda: cast(Thing, "b"))


async def test_a_failure_while_siblings_load_is_masked_and_harms_nobody(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    await factories.save(client.database, factories.user(id=1))
    accounts = client.app.state.accounts
    endpoint = GraphQLEndpoint(Schema(Things), client.database, accounts, operations=1, with_explorer=False)
    client.app.state.endpoint = endpoint
    body = await client.execute("{a {boom value} b {boom value}}")
    assert body["data"] == {"a": None, "b": {"boom": 1, "value": 1}}
    (error,) = body["errors"]
    assert error["message"] == "Internal error"
    assert error["path"] == ["a", "boom"]
    assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    # The log has more than the response, under the same number.
    assert error["extensions"]["requestId"] in caplog.text
    assert "RuntimeError" in caplog.text
    assert "a secret" not in caplog.text


async def test_asking_for_a_second_connection_is_an_error(database: Database) -> None:
    async with database.reading():
        with pytest.raises(SecondConnectionError):
            async with database.reading():
                pass
        with pytest.raises(SecondConnectionError):
            async with database.writing():
                pass
    async with database.writing():
        with pytest.raises(SecondConnectionError):
            async with database.reading():
                pass


async def test_two_hundred_feeds_at_once_share_five_connections(client: Client) -> None:
    author, reader = factories.user(), factories.user()
    posts = [factories.post(author) for _ in range(20)]
    await factories.save(client.database, *(factories.comment(post, reader) for post in posts))
    assert client.database.settings.read_connections == 5
    expected = await client.data(FEED, {"first": 20})
    answers = await asyncio.gather(*(client.execute(FEED, {"first": 20}) for _ in range(200)))
    assert [answer for answer in answers if answer != {"data": expected}] == []
    assert in_use(client.database) == 0
    assert client.database.lane is None or client.database.lane.at_hand <= 5


def in_use(database: Database) -> int:
    """How many connections of the read lane somebody holds, besides the lane itself."""
    pool: Any = database.read_engine.pool
    return int(pool.checkedout()) - (database.lane.at_hand if database.lane else 0)


async def none_in_use(database: Database, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while in_use(database):
        assert time.monotonic() < end, f"{in_use(database)} connections were not given back"
        await asyncio.sleep(0.01)


@asynccontextmanager
async def locked(url: str, table: str) -> AsyncIterator[AsyncConnection]:
    """Nobody can read the table; what is yielded can look at what waits for it."""
    engine = create_async_engine(DatabaseSettings(url=url).parsed_url, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
        yield connection
    await engine.dispose()


async def waiting(connection: AsyncConnection) -> int:
    activity = "FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    # Inside a transaction PostgreSQL would go on telling what it told first.
    await connection.execute(text("SELECT pg_stat_clear_snapshot()"))
    return int(await connection.scalar(text(f"SELECT count(*) {activity}")) or 0)


async def until(connection: AsyncConnection, number: int) -> None:
    """Wait until so many statements wait for the lock."""
    for _ in range(200):
        if await waiting(connection) == number:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{await waiting(connection)} statements wait for the lock, not {number}")


async def connected(address: str) -> asyncio.StreamWriter:
    host, port = address.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    return writer


async def open_request(address: str) -> asyncio.StreamWriter:
    writer = await connected(address)
    body = json.dumps({"query": FEED, "variables": {"first": 20}}).encode()
    writer.write(
        b"POST /graphql HTTP/1.1\r\nHost: gazette\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    )
    await writer.drain()
    return writer


async def test_a_client_that_leaves_leaves_no_statement_behind(new_postgresql_url: NewUrl) -> None:
    url = new_postgresql_url()
    async with Client(create_app(Settings(database_url=url))) as client:
        author = factories.user()
        await factories.save(client.database, *(factories.comment(factories.post(author)) for _ in range(3)))
    with serving(url) as address:
        async with locked(url, "comments") as connection:
            writer = await open_request(address)
            # The posts are read, and now the nested load hangs for as long as we hold the lock.
            await until(connection, 1)
            writer.close()
            await writer.wait_closed()
            await until(connection, 0)


# What graphql-core leaves of a cancelled operation complains when it is collected, in Python 3.13.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_cancelled_operation_gives_its_connections_back(client: Client) -> None:
    posts = [factories.post(factories.user()) for _ in range(3)]
    await factories.save(client.database, *posts)
    for moment in range(30):
        task = asyncio.create_task(client.execute(FEED, {"first": 20}))
        for _ in range(moment):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    gc.collect()  # Here, and not in a test that it has nothing to do with.
    # A connection whose statement was cancelled is closed in a task of its own, which takes what it takes.
    await none_in_use(client.database)
    assert len((await client.data(FEED, {"first": 20}))["posts"]["nodes"]) == 3


async def test_waiting_for_a_connection_is_patient_while_they_come_and_go(new_url: NewUrl) -> None:
    settings = DatabaseSettings(url=new_url(), read_connections=1, connection_wait=0.5)
    database = Database(settings)

    async def read(seconds: float = 0.1) -> None:
        async with database.reading():
            await asyncio.sleep(seconds)

    # Two seconds of waiting in all, but never long without progress.
    await asyncio.gather(*(read() for _ in range(20)))
    holding = asyncio.create_task(read(10))
    await asyncio.sleep(0.05)
    cancelled = asyncio.create_task(read())
    await asyncio.sleep(0.01)
    cancelled.cancel()
    with pytest.raises(DatabaseUnavailableError):
        await read()
    holding.cancel()
    await asyncio.gather(holding, cancelled, return_exceptions=True)
    await read()
    await database.dispose()


async def test_a_server_that_is_stopped_finishes_what_it_began(new_postgresql_url: NewUrl) -> None:
    url = new_postgresql_url()
    server = serving(url)
    address = server.__enter__()
    async with httpx.AsyncClient(timeout=20) as http:
        async with locked(url, "posts") as connection:
            request = asyncio.create_task(http.post(f"{address}/graphql", json={"query": FEED}))
            await until(connection, 1)
            stopping = asyncio.create_task(asyncio.to_thread(server.__exit__, None, None, None))
            await asyncio.sleep(0.5)
            assert not request.done()
        response = await request
        await stopping
    assert response.json() == {"data": {"posts": {"nodes": []}}}


async def test_clients_that_are_slow_to_send_hold_no_place(new_sqlite_url: NewUrl) -> None:
    """Only one operation at a time, and ten clients that never finish their requests."""
    with serving(new_sqlite_url(), GAZETTE_OPERATIONS="1") as address:
        slow = [await connected(address) for _ in range(10)]
        for writer in slow:
            writer.write(
                b"POST /graphql HTTP/1.1\r\nHost: gazette\r\nContent-Type: application/json\r\n"
                b"Content-Length: 50\r\n\r\n{"
            )
            await writer.drain()
        async with httpx.AsyncClient() as http:
            answered = await http.post(f"{address}/graphql", json={"query": "{posts {totalCount}}"})
        assert answered.json() == {"data": {"posts": {"totalCount": 0}}}
        for writer in slow:
            writer.close()
            await writer.wait_closed()


async def test_an_operation_that_takes_too_long_is_stopped_with_its_statements(
    new_postgresql_url: NewUrl,
) -> None:
    url = new_postgresql_url()
    async with Client(create_app(Settings(database_url=url, deadline=0.3))) as client:
        await factories.save(client.database, factories.comment(factories.post(factories.user())))
        async with locked(url, "comments") as connection:
            response = await client.http.post("/graphql", json={"query": FEED, "variables": {"first": 20}})
            assert (response.status_code, response.json()) == (
                504,
                {
                    "errors": [
                        {
                            "message": "The operation took longer than 0.3 seconds.",
                            "extensions": {"code": "DEADLINE_EXCEEDED"},
                        }
                    ]
                },
            )
            await until(connection, 0)
        # It was the lock: the next one has the same time.
        assert len((await client.data(FEED, {"first": 20}))["posts"]["nodes"]) == 1
        await none_in_use(client.database)
