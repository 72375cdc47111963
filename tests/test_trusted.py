"""Trusted documents are executed by their ids, and where only they are trusted nothing else is."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import orjson
import pytest
from graphql import get_introspection_query

from db import documents
from db.errors import DatabaseUnavailableError
from db.write import transaction
from gql.app import create_app
from gql.settings import Settings
from gql.trusted import hash_of
from tests import factories
from tests.client import Client
from tests.conftest import NewUrl
from tests.executors import answered_once
from tests.trusted import automatic, trust

pytestmark = pytest.mark.anyio

GRAPHQL = "application/graphql-response+json"
USER = "query User($name: String!) {user(by: {username: $name}) {username}}"
NESTED = "query ($n: Int) {posts(first: $n) {nodes {comments(first: $n) {nodes {id}}}}}"
TYPENAME = "query Typename {__typename} query Viewer {viewer {id}}"
MD5 = "868ccd6847bbd2da907a7e9e5f5748a8"
ADA = {"user": {"username": "ada"}}


class Clock:
    """Moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("gql.trusted.time", clock)
    return clock


async def post(client: Client, **body: Any) -> httpx.Response:
    return await client.http.post("/graphql", json=body)


async def get(client: Client, **given: Any) -> httpx.Response:
    plain = {
        name: value if isinstance(value, str) else orjson.dumps(value).decode()
        for name, value in given.items()
    }
    return await client.http.get("/graphql", params=plain)


def codes(response: httpx.Response) -> list[str]:
    return [error["extensions"]["code"] for error in response.json().get("errors", [])]


@pytest.mark.parametrize("send", [post, get])
async def test_a_document_by_any_of_its_ids(client: Client, send: Callable[..., Any]) -> None:
    await factories.save(client.database, factories.user(username="ada"))
    hash_ = await trust(client.database, USER, MD5, "x-team:user.1")
    meant: list[dict[str, Any]] = [
        {"documentId": f"sha256:{hash_}"},
        {"documentId": hash_},
        {"documentId": MD5},
        {"documentId": "x-team:user.1"},
        {"documentId": hash_, "query": ""},
        {"id": MD5},
        {"doc_id": MD5},
        automatic(hash_),
        automatic(MD5),
    ]
    for reference in meant:
        response = await send(client, **reference, variables={"name": "ada"})
        assert response.status_code == 200
        assert response.json() == {"data": ADA}


async def test_one_of_several_operations(client: Client) -> None:
    hash_ = await trust(client.database, TYPENAME)
    assert (await post(client, documentId=hash_, operationName="Viewer")).json()["data"] == {"viewer": None}
    assert codes(await post(client, documentId=hash_)) == ["BAD_USER_INPUT"]
    assert (await post(client, documentId=hash_, operationName="Nobody")).status_code == 400


async def test_a_viewer_is_a_viewer(client: Client) -> None:
    user = factories.user()
    await factories.save(client.database, user)
    hash_ = await trust(client.database, "{viewer {username}}")
    response = await post(await client.viewing(user), documentId=hash_)
    assert response.json()["data"] == {"viewer": {"username": user.username}}


async def test_a_mutation_by_get_is_refused_as_any(client: Client) -> None:
    hash_ = await trust(client.database, "mutation {logOut(input: {}) {userErrors {code}}}")
    response = await get(client, documentId=hash_)
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert (await post(client, documentId=hash_)).status_code == 200


@pytest.mark.parametrize("send", [post, get])
@pytest.mark.parametrize(
    "given",
    [
        {"documentId": "a" * 64, "query": "{viewer {id}}"},
        {"documentId": "a" * 64, **automatic("a" * 64)},
        {"documentId": ""},
        {"documentId": "sha256:abc"},
        {"documentId": f"sha256:{'A' * 64}"},
        {"documentId": "md5:abc"},
        {"documentId": "a b"},
        {"documentId": "é"},
        {"documentId": "a" * 129},
        {"extensions": {"persistedQuery": {"sha256Hash": "a" * 64}}},
        {"extensions": {"persistedQuery": {"version": 2, "sha256Hash": "a" * 64}}},
        {"extensions": {"persistedQuery": {"version": 1}}},
        {"extensions": {"persistedQuery": "a" * 64}},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": 5}}},
        {"extensions": {}},
    ],
    ids=str,
)
async def test_what_is_no_id_of_a_document(
    client: Client, send: Callable[..., Any], given: dict[str, Any]
) -> None:
    with client.statements() as statements:
        response = await send(client, **given)
    assert response.status_code == 400
    assert codes(response) == ["BAD_USER_INPUT"]
    assert statements == []


async def test_an_id_is_a_string(client: Client) -> None:
    given: list[Any] = [5, {}, ["a"], True]
    for identifier in given:
        assert codes(await post(client, documentId=identifier)) == ["BAD_USER_INPUT"]


async def test_an_id_of_relay_beside_a_query_is_none_of_a_document(client: Client) -> None:
    response = await post(client, query="{viewer {id}}", id="1", doc_id="2")
    assert response.json() == {"data": {"viewer": None}}


@pytest.mark.parametrize("reference", [{"documentId": MD5}, {"id": MD5}, automatic("a" * 64)], ids=str)
async def test_a_document_that_is_not_there(client: Client, reference: dict[str, Any]) -> None:
    for accept, status in (("application/json", 200), (GRAPHQL, 400)):
        response = await client.http.post("/graphql", json=reference, headers={"accept": accept})
        assert response.status_code == status
        assert codes(response) == ["PERSISTED_QUERY_NOT_FOUND"]
        assert len(response.json()["errors"]) == 1
        assert "data" not in response.json()


async def test_variables_still_count(client: Client) -> None:
    hash_ = await trust(client.database, NESTED)
    assert codes(await post(client, documentId=hash_, variables={"n": 50})) == []
    assert codes(await post(client, documentId=hash_, variables={"n": 100})) == ["LIMIT_EXCEEDED"]


async def test_a_document_that_does_not_fit_the_schema_any_more(client: Client) -> None:
    hash_ = await trust(client.database, "{gone}")
    assert codes(await post(client, documentId=hash_)) == ["GRAPHQL_VALIDATION_FAILED"]


async def test_a_document_that_comes_again_is_not_looked_up_again(client: Client) -> None:
    hash_ = await trust(client.database, "{__typename}", MD5)
    with client.statements() as statements, answered_once():
        for identifier in (MD5, hash_, MD5, hash_):
            assert codes(await post(client, documentId=identifier)) == []
    assert len(statements) == 2


async def test_ids_that_nobody_knows_cost_one_statement_a_second(client: Client, clock: Clock) -> None:
    with client.statements() as statements:
        for moment in range(6):
            unknown = [post(client, documentId=f"no-{moment}-{number}") for number in range(40)]
            for response in await asyncio.gather(*unknown):
                assert codes(response) == ["PERSISTED_QUERY_NOT_FOUND"]
            clock.now += 0.6
    assert len(statements) == 3


async def test_an_addition_is_seen_within_a_second(client: Client, clock: Clock) -> None:
    assert codes(await post(client, documentId=MD5)) == ["PERSISTED_QUERY_NOT_FOUND"]
    await trust(client.database, "{__typename}", MD5)
    clock.now += 1.1
    assert codes(await post(client, documentId=MD5)) == []


async def test_a_removal_is_seen_within_half_a_minute(client: Client, clock: Clock) -> None:
    hash_ = await trust(client.database, "{__typename}", MD5)
    assert codes(await post(client, documentId=hash_)) == []
    assert await transaction(client.database, lambda session: documents.remove(session, MD5))
    clock.now += 31
    for identifier in (hash_, MD5):
        assert codes(await post(client, documentId=identifier)) == ["PERSISTED_QUERY_NOT_FOUND"]


async def test_an_id_that_is_given_to_another_document(client: Client, clock: Clock) -> None:
    await trust(client.database, "{__typename}", MD5)
    assert (await post(client, documentId=MD5)).json()["data"] == {"__typename": "Query"}
    assert await transaction(client.database, lambda session: documents.remove(session, MD5))
    await trust(client.database, "{viewer {id}}", MD5)
    clock.now += 31
    assert (await post(client, documentId=MD5)).json()["data"] == {"viewer": None}


async def test_an_absent_database_is_no_absent_document(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> None:
        raise DatabaseUnavailableError

    with monkeypatch.context() as patched:
        patched.setattr("gql.trusted.documents.hashes", away)
        responses = await asyncio.gather(*(post(client, documentId=MD5) for _ in range(3)))
    for response in responses:
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        assert codes(response) == ["SERVICE_UNAVAILABLE"]
    assert codes(await post(client, documentId=MD5)) == ["PERSISTED_QUERY_NOT_FOUND"]


@pytest.fixture
async def strict(settings: Settings) -> AsyncIterator[Client]:
    """Where only trusted documents are executed."""
    async with Client(create_app(settings.model_copy(update={"trusted_only": True}))) as client:
        yield client


async def test_only_trusted_documents_are_executed(strict: Client) -> None:
    hash_ = await trust(strict.database, USER, MD5)
    for identifier in (hash_, MD5):
        assert codes(await post(strict, documentId=identifier, variables={"name": "ada"})) == []
    # In full too, as a client does that was there before.
    assert codes(await post(strict, query=USER, variables={"name": "ada"})) == []
    assert codes(await post(strict, query=USER, variables={"name": "ada"}, **automatic(hash_))) == []
    for query in (f"{USER} ", "{viewer {id}}", "{", get_introspection_query()):
        for accept, status in (("application/json", 200), (GRAPHQL, 400)):
            response = await strict.http.post("/graphql", json={"query": query}, headers={"accept": accept})
            assert response.status_code == status
            assert codes(response) == ["DOCUMENT_NOT_TRUSTED"]
        assert codes(await get(strict, query=query)) == ["DOCUMENT_NOT_TRUSTED"]


async def test_where_only_they_are_none_is_registered(strict: Client) -> None:
    query = "{viewer {id}}"
    assert codes(await post(strict, **automatic(hash_of(query)))) == ["PERSISTED_QUERY_NOT_FOUND"]
    refused = await post(strict, query=query, **automatic(hash_of(query)))
    assert codes(refused) == ["PERSISTED_QUERY_NOT_SUPPORTED"]
    assert refused.json()["errors"][0]["message"] == "PersistedQueryNotSupported"
    assert codes(await post(strict, **automatic(hash_of(query)))) == ["PERSISTED_QUERY_NOT_FOUND"]


async def test_an_address_with_an_id_is_no_explorer(new_sqlite_url: NewUrl) -> None:
    async with Client(create_app(Settings(database_url=new_sqlite_url()))) as client:
        hash_ = await trust(client.database, "{__typename}")
        browser = {"accept": "text/html,*/*;q=0.8"}
        response = await client.http.get("/graphql", params={"documentId": hash_}, headers=browser)
        assert response.json() == {"data": {"__typename": "Query"}}
        assert "html" in (await client.http.get("/graphql", headers=browser)).headers["content-type"]
