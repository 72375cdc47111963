"""GraphQL over Server-Sent Events, in distinct connections mode."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest

from gql.app import create_app
from gql.errors import SessionEndedError, SlowConsumerError, UnavailableError
from gql.negotiation import prefers_events
from gql.settings import Settings
from tests.accounts import VIEWER, ask, tokens_of, with_ada
from tests.client import Client
from tests.conftest import NewUrl
from tests.events import COMPLETE, EVENTS, stream
from tests.sockets import PATIENCE, Listening, Streams, listening

pytestmark = pytest.mark.anyio

URQL = (
    "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, "
    "multipart/mixed"
)
LARGE = "x" * 1_000_000


@pytest.fixture
def settings(new_sqlite_url: NewUrl) -> Settings:
    """What a stream is does not depend on the database."""
    return Settings(
        database_url=new_sqlite_url(),
        deadline=120,
        address_sockets=3,
        session_seconds=3600,
        ping_seconds=0.2,
        request_timeout=1,
        shutdown=3600,
    )


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_query_is_one_event(http: httpx.AsyncClient, method: str) -> None:
    async with stream(http, "{__typename}", method) as answer:
        headers = answer.response.headers
        assert answer.response.status_code == 200
        assert headers["content-type"] == "text/event-stream; charset=utf-8"
        assert headers["cache-control"] == "no-cache, no-store"
        assert headers["x-accel-buffering"] == "no"
        assert headers["x-request-id"]
        assert await answer.result() == {"data": {"__typename": "Query"}}
        assert await answer.event() == COMPLETE
        assert await answer.event() is None


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_events_are_sent_as_they_come(http: httpx.AsyncClient, streams: Streams, method: str) -> None:
    async with stream(http, method=method, last_event_id="what I have") as answer:
        source = await streams.next()
        assert (source.operation.query, source.after) == ("subscription {x}", "what I have")
        for number, event_id in enumerate(["a", None, "c"]):
            source.give({"x": f"line\n{number}\r"}, event_id)
            event = await answer.event()
            assert event is not None
            assert orjson.loads(event.pop("data")) == {"data": {"x": f"line\n{number}\r"}}
            assert event == {"event": "next"} | ({} if event_id is None else {"id": event_id})
        source.end()
        assert await answer.event() == COMPLETE
        assert await answer.event() is None


async def test_there_are_signs_of_life(http: httpx.AsyncClient, streams: Streams) -> None:
    async with stream(http) as answer:
        # The first is sent at once, and not when there is an event.
        assert [await answer.block() for _ in range(4)] == [b":"] * 4
        (await streams.next()).give({"x": 1})
        assert await answer.result() == {"data": {"x": 1}}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{nothing}", "GRAPHQL_VALIDATION_FAILED"),
        ("query ($id: ID!) {node(id: $id) {id}}", "BAD_USER_INPUT"),
        ("{" + "a: __typename " * 100 + "}", "LIMIT_EXCEEDED"),
    ],
)
async def test_what_is_refused_is_an_event(http: httpx.AsyncClient, query: str, code: str) -> None:
    async with stream(http, query) as answer:
        assert answer.response.status_code == 200
        refused = await answer.result()
        assert [error["extensions"]["code"] for error in refused.pop("errors")] == [code]
        assert refused == {}
        assert await answer.event() == COMPLETE


async def test_what_nobody_expected_is_masked(
    http: httpx.AsyncClient, streams: Streams, caplog: pytest.LogCaptureFixture
) -> None:
    async with stream(http) as answer:
        (await streams.next()).fail(RuntimeError("a secret"))
        (error,) = (await answer.result())["errors"]
        assert (error["message"], error["extensions"]["code"]) == ("Internal error", "INTERNAL_SERVER_ERROR")
        assert await answer.event() == COMPLETE
    assert error["extensions"]["requestId"] in caplog.text
    caplog.clear()


@pytest.mark.parametrize(
    "error",
    [SlowConsumerError(), UnavailableError("Away"), SessionEndedError()],
    ids=["slow", "away", "ended"],
)
async def test_who_is_to_come_back_is_not_told_that_it_is_complete(
    http: httpx.AsyncClient, streams: Streams, error: Exception
) -> None:
    async with stream(http) as answer:
        source = await streams.next()
        source.give({"x": 1})
        source.fail(error)
        assert await answer.result() == {"data": {"x": 1}}
        assert await answer.event() is None


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"method": "POST", "content": b"{"}, 400),
        ({"method": "POST", "json": []}, 400),
        ({"method": "POST", "content": b"{}", "headers": {"Content-Type": "text/plain"}}, 415),
        ({"method": "POST", "json": {"query": "x" * 2_000_000}}, 413),
        ({"method": "GET"}, 400),
        ({"method": "GET", "params": {"query": "mutation {logOut(input: {}) {endedSessions}}"}}, 405),
        ({"method": "DELETE"}, 405),
        ({"method": "PUT"}, 405),
    ],
)
async def test_what_is_no_request_has_a_status(
    http: httpx.AsyncClient, request_: dict[str, Any], status: int
) -> None:
    headers = {**EVENTS, "Content-Type": "application/json", **request_.get("headers", {})}
    response = await http.request(url="/graphql", **{**request_, "headers": headers})
    assert response.status_code == status
    assert response.headers["content-type"].startswith("application/json")
    assert response.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("accept", "preferred"),
    [
        ("text/event-stream", True),
        ("TEXT/EVENT-STREAM", True),
        ("text/event-stream, */*", True),
        ("text/event-stream, application/json;q=0.9", True),
        ("text/event-stream;q=0.9, application/json;q=0.9", True),
        ("text/event-stream;q=0.5, application/json", False),
        ("text/event-stream;q=0", False),
        ("application/json;q=0.5, text/event-stream", False),
        ("*/*", False),
        ("text/*", False),
        ("", False),
        (None, False),
        (URQL, False),
    ],
)
def test_only_who_wants_events_first_gets_them(accept: str | None, preferred: bool) -> None:
    assert prefers_events(accept) is preferred


async def test_who_merely_lists_events_gets_json(http: httpx.AsyncClient) -> None:
    response = await http.post("/graphql", json={"query": "{__typename}"}, headers={"Accept": URQL})
    assert response.headers["content-type"] == "application/graphql-response+json; charset=utf-8"
    assert response.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize("accept", ["application/json", URQL])
async def test_no_subscription_without_events(http: httpx.AsyncClient, accept: str) -> None:
    given = {"query": "subscription {__typename}"}
    response = await http.post("/graphql", json=given, headers={"Accept": accept})
    assert response.status_code == 406
    assert "text/event-stream" in response.json()["errors"][0]["message"]


async def test_a_stream_ends_with_its_client(http: httpx.AsyncClient, streams: Streams) -> None:
    async with stream(http) as answer:
        source = await streams.next()
        await answer.block()
    await asyncio.wait_for(source.is_closed.wait(), PATIENCE)


async def test_streams_count_as_sockets(served: Listening, http: httpx.AsyncClient, streams: Streams) -> None:
    async with served.begun(), stream(http) as first, stream(http):
        source = await streams.next()
        refused = await http.post("/graphql", json={"query": "{__typename}"}, headers=EVENTS)
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) > 0
        assert refused.json()["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"
        async with served.socket() as socket:
            assert (await socket.closed())[0] == 1013
        # Whoever wants no stream is no listener.
        assert (await http.post("/graphql", json={"query": "{__typename}"})).status_code == 200
        source.end()
        assert [await first.event(), await first.event()] == [COMPLETE, None]
        async with stream(http) as again:
            assert again.response.status_code == 200


async def test_who_does_not_read_is_sent_away(served: Listening, streams: Streams) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    query = b"/graphql?query=subscription%20%7Bx%7D"
    writer.write(b"GET %b HTTP/1.1\r\nHost: gazette\r\nAccept: text/event-stream\r\n\r\n" % query)
    source = await streams.next()
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.pause_reading()  # type: ignore[attr-defined] # It is a socket's.
    for _ in range(100):
        source.give(LARGE)
    await asyncio.wait_for(source.is_closed.wait(), PATIENCE)
    assert source.given.qsize() > 50
    writer.close()


async def test_streams_end_when_the_server_stops(
    served: Listening, http: httpx.AsyncClient, streams: Streams
) -> None:
    async with stream(http) as answer:
        source = await streams.next()
        source.give({"x": 1})
        assert await answer.result() == {"data": {"x": 1}}
        served.stop()
        assert await answer.event() is None
        await asyncio.wait_for(source.is_closed.wait(), PATIENCE)


@pytest.fixture
async def client(served: Listening) -> AsyncIterator[Client]:
    async with with_ada(served.app) as client:
        yield client


async def test_a_header_says_who_asks(http: httpx.AsyncClient, client: Client) -> None:
    token = (await tokens_of(client, "ada"))["accessToken"]
    async with stream(http, VIEWER, authorization=f"Bearer {token}") as answer:
        assert await answer.result() == {"data": {"viewer": {"username": "ada"}}}


async def test_an_invalid_token_is_refused(http: httpx.AsyncClient) -> None:
    async with stream(http, VIEWER, authorization="Bearer x") as answer:
        (error,) = (await answer.result())["errors"]
        assert error["extensions"]["code"] == "UNAUTHENTICATED"
        assert await answer.event() == COMPLETE


async def test_a_stream_ends_with_its_session(
    http: httpx.AsyncClient, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = (await tokens_of(client, "ada"))["accessToken"]
    streams = Streams().answer(client.app, monkeypatch)
    async with stream(http, authorization=f"Bearer {token}") as answer, stream(http) as of_a_stranger:
        sources = [await streams.next(), await streams.next()]
        assert sources[0].viewer is not None
        await ask(client, token, "mutation {logOut(input: {}) {endedSessions}}")
        assert await answer.event() is None
        sources[1].give({"x": 1})
        assert await of_a_stranger.result() == {"data": {"x": 1}}


async def test_pages_of_named_origins_can_read_streams(new_sqlite_url: NewUrl) -> None:
    settings = Settings(database_url=new_sqlite_url(), origins="https://front.example")
    async with (
        listening(create_app(settings), settings) as served,
        httpx.AsyncClient(base_url=served.address, trust_env=False) as http,
        stream(http, "{__typename}", origin="https://front.example") as answer,
    ):
        assert answer.response.headers["access-control-allow-origin"] == "https://front.example"
        assert await answer.result() == {"data": {"__typename": "Query"}}
