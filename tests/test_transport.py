"""GraphQL over HTTP, as its specification has it, and what surrounds it."""

import hashlib
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gql import explorer
from gql.app import create_app
from gql.explorer import CONTENT_SECURITY_POLICY
from gql.settings import Settings
from tests.client import Client
from tests.conftest import NewUrl

pytestmark = pytest.mark.anyio

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
VIEWER = {"query": "{viewer {id}}"}


@pytest.fixture
async def client(new_sqlite_url: NewUrl) -> AsyncIterator[Client]:
    """What HTTP is about does not depend on the database."""
    async with Client(create_app(Settings(database_url=new_sqlite_url()))) as client:
        yield client


async def post(client: Client, body: Any, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.http.post("/graphql", json=body, headers=named)


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (f"{JSON}; charset=utf-8", JSON),
        (GRAPHQL, GRAPHQL),
        (f"{GRAPHQL}, {JSON};q=0.9", GRAPHQL),
        (f"{JSON}, {GRAPHQL}", JSON),
        (f"{JSON};q=0.5, {GRAPHQL};q=0.8", GRAPHQL),
        (f"text/html, {GRAPHQL.upper()}", GRAPHQL),
        (f"multipart/mixed, {GRAPHQL}, {JSON}", GRAPHQL),
        (f"{GRAPHQL};q=0, */*", JSON),
    ],
)
async def test_the_client_chooses_the_media_type(client: Client, accept: str, answered: str) -> None:
    response = await post(client, VIEWER, accept=accept)
    assert response.status_code == 200
    assert response.headers["content-type"] == f"{answered}; charset=utf-8"
    assert response.json() == {"data": {"viewer": None}}


@pytest.mark.parametrize("accept", ["text/plain", "image/*", f"{JSON};q=0", f"{GRAPHQL};q=x"])
async def test_other_media_types_cannot_be_had(client: Client, accept: str) -> None:
    response = await post(client, VIEWER, accept=accept)
    assert response.status_code == 406
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


BROKEN = {
    "no document": ("{", "GRAPHQL_PARSE_FAILED"),
    "an unknown field": ("{nothing}", "GRAPHQL_VALIDATION_FAILED"),
    "a bad variable": ("query ($id: ID!) {node(id: $id) {id}}", "BAD_USER_INPUT"),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_what_is_not_executed_has_no_data(client: Client, name: str) -> None:
    query, code = BROKEN[name]
    for accept, status in ((JSON, 200), (GRAPHQL, 400)):
        response = await post(client, {"query": query}, accept=accept)
        assert response.status_code == status
        assert "data" not in response.json()
        assert response.json()["errors"][0]["extensions"]["code"] == code


async def test_an_error_while_executing_comes_with_what_data_there_is(client: Client) -> None:
    for accept in (JSON, GRAPHQL):
        response = await post(client, {"query": '{viewer {id} node(id: "x") {id}}'}, accept=accept)
        assert response.status_code == 200
        assert response.json()["data"] == {"viewer": None, "node": None}
        assert response.json()["errors"][0]["path"] == ["node"]
        response = await post(client, {"query": "{posts(first: 0) {totalCount}}"}, accept=accept)
        assert response.status_code == 200
        assert response.json()["data"] is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'"x"',
        b"null",
        b"5",
        b"[]",
        b'[{"query": "{viewer {id}}"}]',
        b"{}",
        b'{"query": null}',
        b'{"query": ""}',
        b'{"query": 5}',
        b'{"query": {}}',
        b'{"query": "{viewer {id}}", "variables": []}',
        b'{"query": "{viewer {id}}", "variables": "{}"}',
        b'{"query": "{viewer {id}}", "operationName": 5}',
        b'{"query": "{viewer {id}}", "extensions": []}',
        b'{"query": "\xff"}',
        b"[" * 1_900,
        b'{"query": "{viewer {id}}", "variables": {"a": ' + b"[" * 1_900,
    ],
    ids=lambda body: body[:48].decode("latin-1"),
)
async def test_a_body_that_is_no_request(client: Client, body: bytes) -> None:
    response = await client.http.post("/graphql", content=body, headers={"content-type": JSON})
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": f"{JSON}; charset=latin-1"},
        {"content-type": JSON, "content-encoding": "gzip"},
    ],
    ids=str,
)
async def test_a_body_of_another_kind(client: Client, headers: dict[str, str]) -> None:
    response = await client.http.post("/graphql", content=b'{"query": "{viewer {id}}"}', headers=headers)
    assert response.status_code == 415


async def test_a_body_that_is_too_long_is_not_read_to_its_end(new_sqlite_url: NewUrl) -> None:
    async with Client(create_app(Settings(database_url=new_sqlite_url(), body_limit=100))) as client:
        read = 0

        async def pieces(count: int, size: int) -> AsyncIterator[bytes]:
            nonlocal read
            for _ in range(count):
                read += size
                yield b" " * size

        headers = {b"content-type": JSON.encode()}
        for length in ("101", "9" * 50, "-5", "x", "٥"):
            told = {**headers, b"content-length": length.encode()}
            refused = await client.http.post("/graphql", content=pieces(1, 101), headers=told)
            assert (refused.status_code, read) == (413, 0)
            assert refused.json()["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"
        assert refused.json()["errors"][0]["message"] == "The request's body is longer than 100 bytes."
        refused = await client.http.post("/graphql", content=pieces(1000, 30), headers=headers)
        assert (refused.status_code, read) == (413, 120)
        refused = await client.http.post("/graphql", content=pieces(1, 101), headers=headers)
        assert refused.status_code == 413
        whole = await client.http.post(
            "/graphql", content=b'{"query": "{viewer {id}}"}'.ljust(100), headers=headers
        )
        assert whole.json() == {"data": {"viewer": None}}


async def test_a_query_string_that_is_too_long(new_sqlite_url: NewUrl) -> None:
    async with Client(create_app(Settings(database_url=new_sqlite_url(), query_string_limit=100))) as client:
        for padding, status in ((77, 200), (78, 414)):
            address = "/graphql?query=%7Bviewer%7Bid%7D%7D".ljust(len("/graphql?") + 23 + padding, "+")
            response = await client.http.get(address)
            assert response.status_code == status
        assert response.json()["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"


async def test_queries_by_get(client: Client) -> None:
    response = await client.http.get(
        "/graphql",
        params={"query": "query A($n: Int) {posts(first: $n) {totalCount}}", "variables": '{"n": 1}'},
    )
    assert response.json() == {"data": {"posts": {"totalCount": 0}}}
    for params in ({}, {"query": ""}, {"query": "{viewer {id}}", "variables": "{"}):
        assert (await client.http.get("/graphql", params=params)).status_code == 400


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
async def test_other_methods(client: Client, method: str) -> None:
    response = await client.http.request(method, "/graphql")
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST"


async def test_subscriptions_have_no_place_here(client: Client) -> None:
    response = await post(client, {"query": "subscription {posts {id}}"})
    assert response.json()["errors"][0]["extensions"]["code"] in (
        "BAD_USER_INPUT",
        "GRAPHQL_VALIDATION_FAILED",
    )
    response = await client.http.get("/graphql", params={"query": "mutation {createPost {id}}"})
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"


HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


async def test_browsers_get_the_explorer(client: Client) -> None:
    response = await client.http.get("/graphql", headers=HTML)
    assert response.headers["content-type"].startswith("text/html")
    assert response.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    for asset in ("explorer.js", "explorer.css", "graphiql-4.1.2.min.js", "icon.svg"):
        assert f"/explorer/{asset}" in response.text
        assert (await client.http.get(f"/explorer/{asset}")).status_code == 200
    assert (await client.http.get("/", follow_redirects=False)).headers["location"] == "/graphql"
    # A query in the address is answered, whoever asks.
    answered = await client.http.get("/graphql", params=VIEWER, headers={"accept": f"text/html,{JSON};q=0.9"})
    assert answered.json() == {"data": {"viewer": None}}


INTROSPECTION = {"query": "{__schema {queryType {name}}}"}


async def test_explorer_and_introspection_can_be_switched_off(new_sqlite_url: NewUrl) -> None:
    settings = Settings(database_url=new_sqlite_url(), explorer=False, introspection=False)
    async with Client(create_app(settings)) as client:
        assert (await client.http.get("/graphql", headers=HTML)).status_code == 400
        assert (await client.http.get("/explorer/explorer.js")).status_code == 404
        assert (await client.http.get("/")).status_code == 404
        assert await client.codes(INTROSPECTION["query"]) == {"GRAPHQL_VALIDATION_FAILED"}
        assert await client.data("{viewer {__typename}}") == {"viewer": None}


async def test_introspection_is_on_by_default(client: Client) -> None:
    data = await client.data(INTROSPECTION["query"])
    assert data == {"__schema": {"queryType": {"name": "Query"}}}


def test_the_explorers_files_are_those_that_are_listed() -> None:
    static = Path(explorer.__file__).parent / "static"
    row = r"^\| `(\S+)` \|.*`([0-9a-f]{64})` \|$"
    listed = re.findall(row, (static / "LICENSES.md").read_text(), re.MULTILINE)
    assert len(listed) == 4
    assert listed == [(name, hashlib.sha256((static / name).read_bytes()).hexdigest()) for name, _ in listed]
