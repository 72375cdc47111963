"""What becomes of WebSockets, and of what they have begun, when the server stops."""

import asyncio

import pytest

from gql.app import create_app
from gql.settings import Settings
from tests.conftest import NewUrl
from tests.sockets import PATIENCE, Listening, Streams, listening

pytestmark = pytest.mark.anyio


@pytest.fixture
def settings(new_sqlite_url: NewUrl) -> Settings:
    return Settings(database_url=new_sqlite_url(), deadline=120, shutdown=3600)


async def test_clients_are_told_to_come_back(served: Listening, streams: Streams) -> None:
    async with served.begun() as socket, served.socket() as waiting:
        await socket.subscribe("1", "subscription {x}")
        stream = await streams.next()
        served.stop()
        for one in (socket, waiting):
            assert await one.closed() == (1012, "The server stops; come back.")
        await asyncio.wait_for(stream.is_closed.wait(), PATIENCE)


async def test_mutations_are_finished_before(served: Listening, streams: Streams) -> None:
    async with served.begun() as socket:
        begun = {}
        for key, query in (("1", "mutation {x}"), ("2", "query {x}"), ("3", "subscription {x}")):
            await socket.subscribe(key, query)
            begun[key] = await streams.next()
        served.stop()
        for key in "23":
            await asyncio.wait_for(begun[key].is_closed.wait(), PATIENCE)
        begun["1"].give({"x": "done"})
        begun["1"].end()
        assert (await socket.receive())["payload"] == {"data": {"x": "done"}}
        assert await socket.receive() == {"id": "1", "type": "complete"}
        assert (await socket.closed())[0] == 1012


async def test_no_mutation_is_waited_for_without_end(
    new_sqlite_url: NewUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(database_url=new_sqlite_url(), shutdown=1)
    async with listening(create_app(settings), settings) as served:
        streams = Streams().answer(served.app, monkeypatch)
        async with served.begun() as socket:
            await socket.subscribe("1", "mutation {x}")
            stream = await streams.next()
            served.stop()
            assert (await socket.closed())[0] == 1012
            await asyncio.wait_for(stream.is_closed.wait(), PATIENCE)
