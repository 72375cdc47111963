"""GraphQL over WebSocket, message by message, as the protocol of graphql-ws has it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from gql.app import create_app
from gql.settings import Settings
from tests.conftest import NewUrl
from tests.sockets import Listening, Streams, listening

pytestmark = pytest.mark.anyio

SUBSCRIBE = {"type": "subscribe", "id": "1", "payload": {"query": "{__typename}"}}
FRONT_END = "https://front.example"


@pytest.fixture(scope="module")
def settings(sqlite_databases: NewUrl) -> Settings:
    """What the protocol is about does not depend on the database."""
    return Settings(database_url=sqlite_databases(), deadline=120, origins=FRONT_END)


@pytest.fixture(scope="module")
async def served(settings: Settings) -> AsyncIterator[Listening]:
    async with listening(create_app(settings), settings) as served:
        yield served


async def test_a_query_is_answered_once(served: Listening) -> None:
    async with served.begun() as socket:
        assert socket.connection.subprotocol == "graphql-transport-ws"
        assert await socket.execute("{__typename}") == {"data": {"__typename": "Query"}}
        named = "query A {a: __typename} query B {b: __typename}"
        assert await socket.execute(named, operationName="B") == {"data": {"b": "Query"}}
        variables = {"id": "UG9zdDox"}
        query = "query ($id: ID!) {node(id: $id) {id}}"
        assert await socket.execute(query, variables=variables) == {"data": {"node": None}}


async def test_an_error_of_a_field_is_part_of_the_result(served: Listening) -> None:
    async with served.begun() as socket:
        result = await socket.execute('{node(id: "nonsense") {id}}')
        assert result["data"] == {"node": None}
        assert [error["extensions"]["code"] for error in result["errors"]] == ["BAD_USER_INPUT"]


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": ""}, "BAD_USER_INPUT"),
        ({"query": "{nothing}"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "{__typename}", "operationName": "Other"}, "BAD_USER_INPUT"),
        ({"query": "query ($id: ID!) {node(id: $id) {id}}"}, "BAD_USER_INPUT"),
        ({"query": "query ($a: String) {__typename}", "variables": {"a": "\x00"}}, "BAD_USER_INPUT"),
        ({"query": "{" + "a: __typename " * 100 + "}"}, "LIMIT_EXCEEDED"),
        ({"query": "subscription {nothing}"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"documentId": "unknown"}, "PERSISTED_QUERY_NOT_FOUND"),
    ],
)
async def test_what_is_refused_leaves_the_socket_open(
    served: Listening, payload: dict[str, Any], code: str
) -> None:
    async with served.begun() as socket:
        await socket.send(type="subscribe", id="1", payload=payload)
        refused = await socket.receive()
        assert (refused["type"], refused["id"]) == ("error", "1")
        assert [error["extensions"]["code"] for error in refused["payload"]] == [code]
        assert all(error["message"] for error in refused["payload"])
        # The id is free again, and no `complete` came after the error.
        await socket.send(**SUBSCRIBE)
        assert (await socket.receive())["type"] == "next"


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "",
        '"text"',
        "[]",
        "null",
        "5",
        "true",
        "{}",
        '{"type": null}',
        '{"type": ["ping"]}',
        '{"type": "start"}',
        '{"type": "connection_ack"}',
        '{"type": "next", "id": "1", "payload": {}}',
        '{"type": "ping", "payload": 5}',
        '{"type": "pong", "payload": []}',
        '{"type": "subscribe", "payload": {"query": "{__typename}"}}',
        '{"type": "subscribe", "id": "", "payload": {"query": "{__typename}"}}',
        '{"type": "subscribe", "id": 1, "payload": {"query": "{__typename}"}}',
        '{"type": "subscribe", "id": null, "payload": {"query": "{__typename}"}}',
        '{"type": "subscribe", "id": "%s", "payload": {"query": "{__typename}"}}' % ("x" * 1000),
        '{"type": "subscribe", "id": "1"}',
        '{"type": "subscribe", "id": "1", "payload": null}',
        '{"type": "subscribe", "id": "1", "payload": "{__typename}"}',
        '{"type": "subscribe", "id": "1", "payload": []}',
        '{"type": "subscribe", "id": "1", "payload": {}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": null}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": 5}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": {}}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{a}", "variables": []}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{a}", "variables": "{}"}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{a}", "extensions": 1}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{a}", "operationName": 1}}',
        '{"type": "complete"}',
        '{"type": "complete", "id": 1}',
        '{"type": "ping", "payload": ' + "[" * 1_900,
        '{"type": "ping", "payload": {"a": "\\ud800"}}',
        '{"type": "ping", "payload": {"a": ' + "[" * 500 + "]" * 500 + "}}",
        b"",
        b'{"type": "ping"}',
    ],
    ids=lambda text: repr(text[:70]),
)
async def test_malformed_messages(served: Listening, text: str | bytes) -> None:
    async with served.begun() as socket:
        await socket.connection.send(text)
        code, reason = await socket.closed()
        assert code == 4400
        assert reason


@pytest.mark.parametrize("payload", ['"text"', "[]", "5", "true"])
async def test_a_malformed_init(served: Listening, payload: str) -> None:
    async with served.socket() as socket:
        await socket.connection.send(f'{{"type": "connection_init", "payload": {payload}}}')
        assert (await socket.closed())[0] == 4400


@pytest.mark.parametrize("payload", ["{}", "null", '{"any": ["thing"]}'])
async def test_an_init_can_bring_anything_along(served: Listening, payload: str) -> None:
    async with served.socket() as socket:
        await socket.connection.send(f'{{"type": "connection_init", "payload": {payload}}}')
        assert await socket.receive() == {"type": "connection_ack"}


@pytest.mark.parametrize("protocol", [None, "graphql-ws", "GRAPHQL-TRANSPORT-WS", "mqtt"])
async def test_other_protocols_are_not_spoken(served: Listening, protocol: str | None) -> None:
    async with served.socket(protocol) as socket:
        assert socket.connection.subprotocol is None
        assert (await socket.closed())[0] == 4406


async def test_who_does_not_begin_is_sent_away(settings: Settings) -> None:
    settings = settings.model_copy(update={"init_seconds": 0.2})
    async with (
        listening(create_app(settings), settings) as served,
        served.begun() as begun,
        served.socket() as socket,
    ):
        # To say something else is not to begin.
        assert await socket.is_alive()
        assert await socket.closed() == (4408, "Connection initialisation timeout")
        assert await begun.is_alive()


async def test_one_begins_once(served: Listening) -> None:
    async with served.begun() as socket:
        await socket.send(type="connection_init")
        assert await socket.closed() == (4429, "Too many initialisation requests")


async def test_nothing_is_executed_before_the_beginning(served: Listening, streams: Streams) -> None:
    async with served.socket() as socket:
        await socket.send(**SUBSCRIBE)
        assert (await socket.closed())[0] == 4401


async def test_pings_are_answered_at_any_time(served: Listening) -> None:
    async with served.socket() as socket:
        await socket.send(type="ping")
        assert await socket.receive() == {"type": "pong"}
        await socket.begin()
        for payload in ({}, {"a": [1, {"b": None}]}):
            await socket.send(type="ping", payload=payload)
            assert await socket.receive() == {"type": "pong", "payload": payload}
        # Nobody asked for it.
        await socket.send(type="pong", payload={"a": 1})
        await socket.send(type="pong")
        assert await socket.is_alive()


@pytest.mark.parametrize("origin", [None, FRONT_END, FRONT_END.upper(), "same", "https"])
async def test_origins_that_are_let_in(served: Listening, origin: str | None) -> None:
    same = {"same": f"http://127.0.0.1:{served.port}", "https": f"https://127.0.0.1:{served.port}"}
    async with served.begun(origin=same.get(origin or "", origin)) as socket:
        assert await socket.is_alive()


@pytest.mark.parametrize("origin", ["https://other.example", "null", "", "https://", "http://127.0.0.1", "x"])
async def test_other_origins_are_refused(served: Listening, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with served.socket(origin=None, additional_headers={"Origin": origin}):
            pass
    assert refused.value.response.status_code == 403


async def test_without_origins_only_the_same(new_sqlite_url: NewUrl) -> None:
    # Without a middleware for origins requests go the short way.
    settings = Settings(database_url=new_sqlite_url())
    async with listening(create_app(settings), settings) as served:
        async with served.begun(origin=f"http://127.0.0.1:{served.port}") as socket:
            assert await socket.execute("{__typename}") == {"data": {"__typename": "Query"}}
        with pytest.raises(InvalidStatus):
            async with served.socket(origin=FRONT_END):
                pass


async def test_any_origin(new_sqlite_url: NewUrl) -> None:
    settings = Settings(database_url=new_sqlite_url(), origins="*")
    async with listening(create_app(settings), settings) as served, served.begun(origin=FRONT_END) as socket:
        assert await socket.is_alive()


async def test_there_are_no_sockets_elsewhere(served: Listening) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"ws://127.0.0.1:{served.port}/other", proxy=None):
            pass
    assert refused.value.response.status_code == 403
