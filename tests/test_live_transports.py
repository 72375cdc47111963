"""Subscriptions and documents by their ids, over WebSocket and Server-Sent Events."""

from collections.abc import AsyncIterator

import httpx
import orjson
import pytest

from db.models import Post
from gql.app import create_app
from gql.relay import to_global_id
from gql.settings import Settings
from gql.trusted import hash_of
from tests import factories
from tests.accounts import by_ada
from tests.client import Client
from tests.events import EVENTS, stream
from tests.following import COMMENTS, until
from tests.sockets import PATIENCE, Listening, listening
from tests.trusted import automatic, trust

pytestmark = pytest.mark.anyio


@pytest.fixture
async def ada(served: Listening) -> AsyncIterator[Client]:
    """Who writes, over HTTP."""
    async with by_ada(served.app) as client:
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


async def test_a_subscription_by_events(
    served: Listening, http: httpx.AsyncClient, ada: Client, post: str
) -> None:
    async with stream(http, COMMENTS, variables={"post": post}) as answer:
        await followed(served, 1)
        for body in ("first", "second"):
            await say(ada, post, body)
        first, second = await answer.event(), await answer.event()
        assert first is not None
        told = orjson.loads(first["data"])["data"]["commentAdded"]
        assert (told["comment"]["body"], told["eventId"]) == ("first", first["id"])
    await followed(served, 0)
    # As a browser does that lost its connection after the first.
    async with stream(http, COMMENTS, variables={"post": post}, last_event_id=first["id"]) as answer:
        assert await answer.event() == second


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
        httpx.AsyncClient(base_url=served.address, timeout=PATIENCE, trust_env=False, headers=EVENTS) as http,
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
        assert "DOCUMENT_NOT_TRUSTED" in (await http.post("/graphql", json={"query": COMMENTS})).text
        await socket.subscribe("1", TYPENAME)
        assert (await socket.receive())["payload"] == {"data": {"__typename": "Query"}}
        answer = await http.get("/graphql", params={"documentId": hash_})
        assert '{"data":{"__typename":"Query"}}' in answer.text
        # A document's id does not hide that it is a mutation.
        assert (await http.get("/graphql", params={"documentId": log_out})).status_code == 405
