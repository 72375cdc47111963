"""What an operation of a WebSocket or a stream sends to the database ends with it."""

import asyncio

import httpx
import pytest

from gql.app import create_app
from gql.settings import Settings
from tests.conftest import NewUrl
from tests.events import stream
from tests.sockets import Listening, listening
from tests.test_concurrency import locked, until

pytestmark = pytest.mark.anyio

QUERY = "{posts {nodes {title}}}"


@pytest.fixture
def settings(new_postgresql_url: NewUrl) -> Settings:
    """On SQLite nothing waits for a lock to read."""
    return Settings(database_url=new_postgresql_url(), deadline=120, statement_seconds=60)


@pytest.mark.parametrize("how", ["complete", "close", "abort"])
async def test_statements_end_with_their_operation(served: Listening, settings: Settings, how: str) -> None:
    async with locked(settings.database_url, "posts") as lock, served.begun() as socket:
        await socket.subscribe("1", QUERY)
        await until(lock, 1)
        if how == "complete":
            await socket.send(type="complete", id="1")
        elif how == "close":
            await socket.connection.close()
        else:
            socket.connection.transport.abort()
        await until(lock, 0)


async def test_statements_end_with_their_stream(http: httpx.AsyncClient, settings: Settings) -> None:
    async with locked(settings.database_url, "posts") as lock:
        async with stream(http, QUERY, "GET"):
            await until(lock, 1)
        await until(lock, 0)


async def test_operations_have_a_deadline(settings: Settings) -> None:
    settings = settings.model_copy(update={"deadline": 0.5})
    async with (
        locked(settings.database_url, "posts") as lock,
        listening(create_app(settings), settings) as served,
        served.begun() as socket,
    ):
        await socket.subscribe("1", QUERY)
        refused = await socket.receive()
        assert (refused["type"], refused["id"]) == ("error", "1")
        assert [error["extensions"]["code"] for error in refused["payload"]] == ["DEADLINE_EXCEEDED"]
        await until(lock, 0)


async def test_operations_wait_for_a_place(served: Listening, settings: Settings) -> None:
    settings = settings.model_copy(update={"operations": 1, "deadline": 120})
    async with (
        locked(settings.database_url, "posts") as lock,
        listening(create_app(settings), settings) as served,
        served.begun() as socket,
    ):
        await socket.subscribe("1", QUERY)
        await until(lock, 1)
        # To begin, and to ping, takes none.
        async with served.begun() as other:
            await other.subscribe("1", "{__typename}")
            assert await socket.is_alive()
            waiting = asyncio.create_task(other.receive())
            assert not (await asyncio.wait({waiting}, timeout=0.2))[0]
            await socket.send(type="complete", id="1")
            assert (await waiting)["payload"] == {"data": {"__typename": "Query"}}
