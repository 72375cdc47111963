"""GraphQL over WebSocket, message by message, as the protocol of graphql-ws has it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from gql.app import create_app
from gql.settings import Settings
from tests.conftest import NewUrl
from tests.sockets import PATIENCE, Listening, Streams, listening

pytestmark = pytest.mark.anyio

SUBSCRIBE = {"type": "subscribe", "id": "1", "payload": {"query": "{__typename}"}}
FRONT_END = "https://front.example"


@pytest.fixture(scope="module")
def settings(new_sqlite_url: NewUrl) -> Settings:
    """What the protocol is about does not depend on the database."""
    return Settings(database_url=new_sqlite_url(), deadline=120, origins=FRONT_END)


@pytest.fixture(scope="module")
async def served(settings: Settings) -> AsyncIterator[Listening]:
    async with listening(create_app(settings), settings) as served:
        yield served


@pytest.fixture
def streams(served: Listening, monkeypatch: pytest.MonkeyPatch) -> Streams:
    return Streams().answer(served.app, monkeypatch)


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
        '{"type": "ping", "payload": ' + "[" * 100_000,
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


async def test_a_stream_is_sent_as_it_comes(served: Listening, streams: Streams) -> None:
    async with served.begun() as socket:
        await socket.subscribe('a b\u00fc"', "subscription {x}", variables={"v": 1}, operationName="X")
        stream = await streams.next()
        assert stream.operation.query == "subscription {x}"
        assert (stream.operation.variables, stream.operation.name) == ({"v": 1}, "X")
        for number in range(3):
            stream.give({"x": number}, event_id=str(number))
            payload = {"data": {"x": number}}
            assert await socket.receive() == {"id": 'a b\u00fc"', "type": "next", "payload": payload}
        stream.end()
        assert await socket.receive() == {"id": 'a b\u00fc"', "type": "complete"}


async def test_operations_run_at_once(served: Listening, streams: Streams) -> None:
    async with served.begun() as socket:
        begun = []
        for key in "abc":
            await socket.subscribe(key, f"subscription {{{key}}}")
            begun.append(await streams.next())
        for stream in reversed(begun):
            stream.give(stream.operation.query)
        assert [(await socket.receive())["id"] for _ in begun] == ["c", "b", "a"]
        assert await socket.is_alive()


async def test_an_id_is_used_by_one_at_a_time(served: Listening, streams: Streams) -> None:
    async with served.begun() as socket:
        await socket.subscribe("1", "subscription {x}")
        stream = await streams.next()
        await socket.subscribe("1", "subscription {y}")
        assert await socket.closed() == (4409, "Subscriber for 1 already exists")
        await asyncio.wait_for(stream.is_closed.wait(), PATIENCE)


async def test_the_reason_of_a_close_is_short_whatever_the_id(served: Listening, streams: Streams) -> None:
    async with served.begun() as socket:
        key = "\u00fc\U0001f4f0" * 128
        await socket.subscribe(key, "subscription {x}")
        await socket.subscribe(key, "subscription {y}")
        code, reason = await socket.closed()
        assert (code, reason.startswith("Subscriber for "), len(reason) <= 123) == (4409, True, True)


async def test_what_is_completed_says_nothing_more(served: Listening, streams: Streams) -> None:
    async with served.begun() as socket:
        await socket.subscribe("1", "subscription {x}")
        first = await streams.next()
        first.give({"x": 1})
        assert (await socket.receive())["payload"] == {"data": {"x": 1}}
        await socket.send(type="complete", id="1")
        await asyncio.wait_for(first.is_closed.wait(), PATIENCE)
        first.give({"x": 2})
        # The id is free at once.
        await socket.subscribe("1", "subscription {x}")
        second = await streams.next()
        assert await socket.is_alive()
        second.give({"x": 3})
        assert (await socket.receive())["payload"] == {"data": {"x": 3}}


async def test_complete_and_subscribe_again_in_one_breath(served: Listening, streams: Streams) -> None:
    async with served.begun() as socket:
        await socket.subscribe("1", "subscription {x}")
        stream = await streams.next()
        for number in range(20):
            stream.give({"x": number})
            await socket.send(type="complete", id="1")
            await socket.subscribe("1", "subscription {x}")
            stream = await streams.next()
        stream.give("last")
        while (await socket.receive())["payload"] != {"data": "last"}:
            pass
        # It is still known by its id, whatever has ended before.
        await socket.send(type="complete", id="1")
        await asyncio.wait_for(stream.is_closed.wait(), PATIENCE)


@pytest.mark.parametrize("key", ["unknown", "1"])
async def test_to_complete_what_is_not_there_is_no_error(served: Listening, key: str) -> None:
    async with served.begun() as socket:
        await socket.send(**SUBSCRIBE)
        assert [(await socket.receive())["type"] for _ in range(2)] == ["next", "complete"]
        await socket.send(type="complete", id=key)
        assert await socket.is_alive()


async def test_a_refusal_after_events_ends_the_operation(served: Listening, streams: Streams) -> None:
    async with served.begun() as socket:
        await socket.subscribe("1", "subscription {x}")
        stream = await streams.next()
        stream.give({"x": 1})
        stream.refuse("no more")
        assert (await socket.receive())["type"] == "next"
        assert await socket.receive() == {"id": "1", "type": "error", "payload": [{"message": "no more"}]}
        await asyncio.wait_for(stream.is_closed.wait(), PATIENCE)
        assert await socket.is_alive()


async def test_what_nobody_expected_is_masked(
    served: Listening, streams: Streams, caplog: pytest.LogCaptureFixture
) -> None:
    async with served.begun() as socket:
        await socket.subscribe("1", "subscription {x}")
        (await streams.next()).fail(RuntimeError("a secret"))
        failed = await socket.receive()
        assert (failed["type"], failed["id"]) == ("error", "1")
        (error,) = failed["payload"]
        assert error["message"] == "Internal error"
        assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
        assert error["extensions"]["requestId"] in caplog.text
        assert "secret" not in caplog.text
        assert await socket.is_alive()


@pytest.mark.parametrize("how", ["close", "abort"])
async def test_operations_end_with_their_socket(served: Listening, streams: Streams, how: str) -> None:
    async with served.begun() as socket:
        begun = []
        for key in "abc":
            await socket.subscribe(key, "subscription {x}")
            begun.append(await streams.next())
        if how == "close":
            await socket.connection.close()
        else:
            socket.connection.transport.abort()
        for stream in begun:
            await asyncio.wait_for(stream.is_closed.wait(), PATIENCE)


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
