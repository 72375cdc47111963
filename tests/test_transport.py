"""GraphQL over HTTP, as its specification has it, and what surrounds it."""

import hashlib
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from sqlalchemy import text

from db.migrate import migrate
from gql import explorer
from gql.app import create_app
from gql.execution import counts
from gql.explorer import CONTENT_SECURITY_POLICY
from gql.settings import Settings
from tests import factories
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
        b"[" * 100_000,
        b'{"query": "{viewer {id}}", "variables": {"a": ' + b"[" * 100_000,
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


async def test_healthy_and_ready(client: Client, settings: Settings) -> None:
    async with Client(create_app(settings)) as either:
        assert (await either.http.get("/healthz")).status_code == 200
        assert (await either.http.get("/readyz")).status_code == 200


@pytest.mark.parametrize("executor", ["compiled", "stock"])
async def test_metrics_say_what_executed_how_many_operations_and_nothing_else(
    new_sqlite_url: NewUrl, executor: Literal["compiled", "stock"]
) -> None:
    other = "stock" if executor == "compiled" else "compiled"
    async with Client(create_app(Settings(database_url=new_sqlite_url(), executor=executor))) as client:
        before = dict(counts)
        for _ in range(3):
            await client.data("{posts {totalCount}}")
        await client.mutate("requestPasswordReset", email="ada@example.org")
        response = await client.http.get("/metrics")
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    expected = {executor: before.get(executor, 0) + 4, other: before.get(other, 0)}
    assert response.text == (
        "# HELP gazette_operations_total Operations, by what executed them.\n"
        "# TYPE gazette_operations_total counter\n"
        f'gazette_operations_total{{executor="compiled"}} {expected["compiled"]}\n'
        f'gazette_operations_total{{executor="stock"}} {expected["stock"]}\n'
    )


async def test_not_ready_before_it_is_migrated(settings: Settings) -> None:
    await migrate(settings.database, "base")
    async with Client(create_app(settings)) as client:
        assert (await client.http.get("/healthz")).status_code == 200
        response = await client.http.get("/readyz")
        assert (response.status_code, response.text) == (503, "the database is not migrated")


async def test_without_a_database_it_says_so() -> None:
    url = "postgresql://nobody:secret@127.0.0.1:1/nothing"
    async with Client(create_app(Settings(database_url=url))) as client:
        assert (await client.http.get("/healthz")).status_code == 200
        assert (await client.http.get("/readyz")).status_code == 503
        response = await post(client, {"query": "{posts {totalCount}}"})
        assert response.status_code == 503
        assert response.headers["retry-after"] == "1"
        assert response.json()["errors"][0]["extensions"]["code"] == "SERVICE_UNAVAILABLE"
        assert "secret" not in response.text


async def test_a_pool_that_is_taken_is_a_503(new_url: NewUrl) -> None:
    settings = Settings(database_url=new_url(), read_connections=1, connection_wait=0.05)
    async with Client(create_app(settings)) as client:
        async with client.database.read_engine.connect():
            response = await post(client, {"query": "{posts {totalCount}}"})
        assert response.status_code == 503
        assert await client.data("{posts {totalCount}}") == {"posts": {"totalCount": 0}}


async def test_connections_that_were_cut_are_replaced(new_postgresql_url: NewUrl) -> None:
    async with Client(create_app(Settings(database_url=new_postgresql_url()))) as client:
        await client.data("{a: posts {totalCount} b: users {totalCount} c: tags {totalCount}}")
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        async with client.database.writing() as session:
            await session.execute(
                text(f"{others} WHERE datname = current_database() AND pid <> pg_backend_pid()")
            )
        assert await client.data("{posts {totalCount}}") == {"posts": {"totalCount": 0}}


async def test_reading_cannot_write(client: Client, settings: Settings) -> None:
    async with Client(create_app(settings)) as either:
        await factories.save(either.database, factories.tag())
        async with either.database.reading() as connection:
            with pytest.raises(Exception, match=r"read-?only"):
                await connection.execute(text("DELETE FROM tags"))


def test_the_explorers_files_are_those_that_are_listed() -> None:
    static = Path(explorer.__file__).parent / "static"
    row = r"^\| `(\S+)` \|.*`([0-9a-f]{64})` \|$"
    listed = re.findall(row, (static / "LICENSES.md").read_text(), re.MULTILINE)
    assert len(listed) == 4
    assert listed == [(name, hashlib.sha256((static / name).read_bytes()).hexdigest()) for name, _ in listed]
