"""Subscriptions and documents by their ids, over WebSocket and Server-Sent Events."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest

from db.models import Post
from gql.app import create_app
from gql.relay import to_global_id
from gql.settings import Settings
from gql.trusted import hash_of
from tests import factories
from tests.accounts import join, tokens_of
from tests.client import Client
from tests.following import COMMENTS, until
from tests.sockets import PATIENCE, Listening, listening
from tests.trusted import automatic, trust

pytestmark = pytest.mark.anyio

EVENTS = {"Accept": "text/event-stream"}


@pytest.fixture
async def served(settings: Settings) -> AsyncIterator[Listening]:
    async with listening(create_app(settings), settings) as served:
        yield served


@pytest.fixture
async def ada(served: Listening) -> AsyncIterator[Client]:
    """Who writes, over HTTP."""
    client = Client(served.app)
    async with client.http:
        await join(client, username="ada")
        token = (await tokens_of(client, "ada"))["accessToken"]
        client.http.headers["Authorization"] = f"Bearer {token}"
        yield client


@pytest.fixture
async def post(ada: Client) -> str:
    saved: Post = factories.post(factories.user())
    await factories.save(ada.database, saved)
    return to_global_id("Post", saved.id)


async def say(ada: Client, post: str, body: str) -> None:
    payload = await ada.mutate("createComment", postId=post, body=body)
    assert payload["userErrors"] == []


async def followed(served: Listening, number: int) -> None:
    await until(lambda: served.app.state.feed.followers == number)


async def test_a_subscription_by_websocket(served: Listening, ada: Client, post: str) -> None:
    async with served.begun() as socket:
        await socket.subscribe("1", COMMENTS, variables={"post": post})
        await followed(served, 1)
        for body in ("first", "second"):
            await say(ada, post, body)
        told = [(await socket.receive())["payload"]["data"]["commentAdded"] for _ in range(2)]
        assert [event["comment"]["body"] for event in told] == ["first", "second"]
        await socket.send(type="complete", id="1")
        await followed(served, 0)
        # With `after` comes what was missed.
        await socket.subscribe("1", COMMENTS, variables={"post": post, "after": told[0]["eventId"]})
        again = await socket.receive()
        assert again["payload"]["data"]["commentAdded"] == told[1]


async def blocks(response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    """Events, of which the data are JSON."""
    event: dict[str, Any] = {}
    async for line in response.aiter_lines():
        name, _, value = line.partition(": ")
        if name and name != ":":
            event[name] = value
        elif event:
            yield {**event, "data": orjson.loads(event["data"])}
            event = {}


async def test_a_subscription_by_events(served: Listening, ada: Client, post: str) -> None:
    given: dict[str, Any] = {"query": COMMENTS, "variables": {"post": post}}
    address = f"http://127.0.0.1:{served.port}/graphql"
    async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False, headers=EVENTS) as http:
        async with http.stream("POST", address, json=given) as response:
            await followed(served, 1)
            for body in ("first", "second"):
                await say(ada, post, body)
            told = blocks(response)
            first, second = await anext(told), await anext(told)
            assert first["data"]["data"]["commentAdded"]["comment"]["body"] == "first"
            assert first["id"] == first["data"]["data"]["commentAdded"]["eventId"]
        await followed(served, 0)
        # As a browser does that lost its connection after the first.
        async with http.stream(
            "POST", address, json=given, headers={"Last-Event-ID": first["id"]}
        ) as response:
            assert await anext(blocks(response)) == second


async def test_what_cannot_be_followed(served: Listening, ada: Client, post: str) -> None:
    unknown, nonsense = {"post": to_global_id("Post", 999_999)}, {"post": post, "after": "nonsense"}
    async with served.begun() as socket:
        for variables, code in ((unknown, "NOT_FOUND"), (nonsense, "BAD_USER_INPUT")):
            result = await socket.execute(COMMENTS, variables=variables)
            assert [error["extensions"]["code"] for error in result["errors"]] == [code]
        assert await socket.is_alive()


TYPENAME = "query Typename {__typename}"
LOG_OUT = "mutation {logOut(input: {}) {endedSessions}}"


async def test_documents_by_their_ids(served: Listening, ada: Client) -> None:
    hash_ = await trust(ada.database, TYPENAME)
    async with served.begun() as socket:
        for payload in ({"documentId": hash_}, automatic(hash_), {"query": TYPENAME, **automatic(hash_)}):
            await socket.send(type="subscribe", id="1", payload=payload)
            assert (await socket.receive())["payload"] == {"data": {"__typename": "Query"}}
            assert (await socket.receive())["type"] == "complete"


async def test_documents_are_registered_by_sockets_too(served: Listening, ada: Client) -> None:
    text = "query Registered {__typename}"
    reference = automatic(hash_of(text))
    async with served.begun() as socket:
        await socket.send(type="subscribe", id="1", payload=reference)
        assert (await socket.receive())["payload"][0]["message"] == "PersistedQueryNotFound"
        for payload in ({"query": text, **reference}, reference):
            await socket.send(type="subscribe", id="1", payload=payload)
            assert (await socket.receive())["payload"] == {"data": {"__typename": "Query"}}
            assert (await socket.receive())["type"] == "complete"


async def test_only_trusted_documents_by_any_way(settings: Settings) -> None:
    settings = settings.model_copy(update={"trusted_only": True})
    async with (
        listening(create_app(settings), settings) as served,
        served.begun() as socket,
        httpx.AsyncClient(timeout=PATIENCE, trust_env=False, headers=EVENTS) as http,
    ):
        hash_ = await trust(served.app.state.database, TYPENAME)
        log_out = await trust(served.app.state.database, LOG_OUT)
        for query in ("query Other {__typename}", COMMENTS):
            await socket.subscribe("1", query)
            refused = await socket.receive()
            assert (refused["type"], refused["payload"][0]["extensions"]["code"]) == (
                "error",
                "DOCUMENT_NOT_TRUSTED",
            )
        address = f"http://127.0.0.1:{served.port}/graphql"
        assert "DOCUMENT_NOT_TRUSTED" in (await http.post(address, json={"query": COMMENTS})).text
        await socket.subscribe("1", TYPENAME)
        assert (await socket.receive())["payload"] == {"data": {"__typename": "Query"}}
        answer = await http.get(address, params={"documentId": hash_})
        assert '{"data":{"__typename":"Query"}}' in answer.text
        # A document's id does not hide that it is a mutation.
        assert (await http.get(address, params={"documentId": log_out})).status_code == 405
