"""Apollo's automatic persisted queries: a client registers a document, and sends its hash from then on."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest

from gql import registered
from gql.app import create_app
from gql.settings import Settings
from gql.trusted import hash_of
from tests.client import Client
from tests.conftest import NewUrl
from tests.trusted import automatic

pytestmark = pytest.mark.anyio

QUERY = "query ($n: Int) {posts(first: $n) {totalCount}}"
NOT_FOUND = {"message": "PersistedQueryNotFound", "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"}}
NOT_SUPPORTED = {
    "message": "PersistedQueryNotSupported",
    "extensions": {"code": "PERSISTED_QUERY_NOT_SUPPORTED"},
}


async def send(client: Client, query: str, /, **more: Any) -> httpx.Response:
    """Only the hash of a query."""
    return await client.http.post("/graphql", json={**automatic(hash_of(query)), **more})


async def register(client: Client, query: str, **more: Any) -> httpx.Response:
    return await send(client, query, query=query, **more)


async def is_registered(client: Client, query: str) -> bool:
    return bool((await send(client, query)).json().get("errors") != [NOT_FOUND])


async def test_a_document_is_registered_and_then_its_hash_is_enough(client: Client) -> None:
    refused = await send(client, QUERY)
    assert (refused.status_code, refused.json()) == (200, {"errors": [NOT_FOUND]})
    expected = {"data": {"posts": {"totalCount": 0}}}
    assert (await register(client, QUERY)).json() == expected
    for number in (1, 2):
        assert (await send(client, QUERY, variables={"n": number})).json() == expected
    bad = await send(client, QUERY, variables={"n": "x"})
    assert bad.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_by_get(client: Client) -> None:
    asked = {"extensions": orjson.dumps(automatic(hash_of(QUERY))["extensions"]).decode()}
    expected = {"data": {"posts": {"totalCount": 0}}}
    assert (await client.http.get("/graphql", params=asked)).json() == {"errors": [NOT_FOUND]}
    assert (await client.http.get("/graphql", params={**asked, "query": QUERY})).json() == expected
    response = await client.http.get("/graphql", params=asked)
    assert response.json() == expected
    # Whoever registers something has not become one whose answers are for everybody.
    assert response.headers["cache-control"] == "no-store"
    assert "etag" not in response.headers


async def test_a_mutation_is_not_executed_by_get(client: Client) -> None:
    mutation = "mutation {logOut(input: {}) {userErrors {code}}}"
    asked = {"extensions": orjson.dumps(automatic(hash_of(mutation))["extensions"]).decode()}
    assert (await client.http.get("/graphql", params={**asked, "query": mutation})).status_code == 405
    assert not await is_registered(client, mutation)
    await register(client, mutation)
    assert (await client.http.get("/graphql", params=asked)).status_code == 405


async def test_a_form_of_another_page_can_send_no_hash(client: Client) -> None:
    body = orjson.dumps(automatic(hash_of(QUERY)))
    response = await client.http.post("/graphql", content=body, headers={"content-type": "text/plain"})
    assert response.status_code == 415


async def test_a_wrong_hash_registers_nothing(client: Client) -> None:
    other = "{viewer {id}}"
    refused = await send(client, QUERY, query=other)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    for query in (QUERY, other):
        assert not await is_registered(client, query)


REFUSED = {
    "no document": ("{", "GRAPHQL_PARSE_FAILED"),
    "an unknown field": ("{nothing}", "GRAPHQL_VALIDATION_FAILED"),
    "too many aliases": ("{" + "".join(f"a{n}: __typename " for n in range(16)) + "}", "LIMIT_EXCEEDED"),
    "too long": ("{viewer {id}}".ljust(100_001), "LIMIT_EXCEEDED"),
    "too dear": ("{posts(first: 100) {nodes {comments(first: 100) {nodes {id}}}}}", "LIMIT_EXCEEDED"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_not_executed_is_not_registered(client: Client, name: str) -> None:
    query, code = REFUSED[name]
    response = await register(client, query)
    assert [error["extensions"]["code"] for error in response.json()["errors"]] == [code]
    assert not await is_registered(client, query)


@pytest.fixture
async def without(new_sqlite_url: NewUrl) -> AsyncIterator[Client]:
    """Where clients cannot register anything."""
    settings = Settings(database_url=new_sqlite_url(), persisted_queries=False)
    async with Client(create_app(settings)) as client:
        yield client


async def test_where_none_can_be_registered(without: Client) -> None:
    for _ in range(2):
        assert (await send(without, QUERY)).json() == {"errors": [NOT_SUPPORTED]}
        assert (await register(without, QUERY)).json() == {"data": {"posts": {"totalCount": 0}}}
    assert (await send(without, QUERY, query="{viewer {id}}")).status_code == 400


async def test_no_more_than_so_many_are_kept(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    queries = [f"{{posts {{totalCount}}}} #{number}".ljust(100) for number in range(8)]
    monkeypatch.setattr(registered, "_ROOM", 450)
    store = registered.Registered()
    for query in queries[:4]:
        await store.keep(hash_of(query), query)
    # The first is used, so the second goes for the fifth.
    assert await store.text(hash_of(queries[0])) == queries[0]
    await store.keep(hash_of(queries[4]), queries[4])
    kept = [await store.text(hash_of(query)) is not None for query in queries[:5]]
    assert kept == [True, False, True, True, True]
