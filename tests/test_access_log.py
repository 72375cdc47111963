"""A line for each request: who asked for what and how it went, and nothing of what was said."""

import asyncio
import json
import logging
import subprocess
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from gql.app import create_app
from gql.bounds import Bounds
from gql.settings import Settings
from tests import factories
from tests.client import Client
from tests.conftest import NewUrl
from tests.server import Server

SECRET = "correct-horse-battery"  # noqa: S105 # Of nobody.
KEYS = [
    "time", "event", "requestId", "method", "path", "status", "bytes", "milliseconds", "operation", "viewer",
    "address",
]  # fmt: skip


@pytest.fixture
def settings(new_url: NewUrl) -> Settings:
    return Settings(database_url=new_url(), access_log=True, origins="https://front.example", deadline=120)


@pytest.fixture
async def client(settings: Settings, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Client]:
    caplog.set_level(logging.INFO, "gazette.access")
    async with Client(create_app(settings)) as client:
        yield client


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [json.loads(record.getMessage()) for record in caplog.records if record.name == "gazette.access"]


def line(caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    (found,) = lines(caplog)
    caplog.clear()
    return found


@pytest.mark.anyio
async def test_a_line_says_who_asked_for_what_and_how_it_went(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    user = factories.user()
    await factories.save(client.database, user)
    visitor = await client.viewing(user)
    headers = {"X-Request-ID": "ours-1"}
    body = {"query": "query Me {viewer {username}}"}
    response = await visitor.http.post("/graphql?token=x", json=body, headers=headers)
    found = line(caplog)
    assert list(found) == KEYS
    assert found.pop("time").endswith("+00:00")
    assert 0 < found.pop("milliseconds") < 60_000
    assert found == {
        "event": "request",
        "requestId": "ours-1",
        "method": "POST",
        "path": "/graphql",
        "status": 200,
        "bytes": len(response.content),
        "operation": "Me",
        "viewer": user.id,
        "address": "127.0.0.1",
    }


@pytest.mark.anyio
async def test_whatever_is_said_is_not_in_it(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    document = (
        f"query ($x: String) {{viewer {{{SECRET.replace('-', '_')}: id}} user(by: {{username: $x}}) {{id}}}}"
    )
    query = {"query": document, "variables": json.dumps({"x": SECRET}), "operationName": SECRET}
    for sent in (
        query,
        {"query": document, "variables": query["variables"]},
        {"query": SECRET},
        {SECRET: ""},
    ):
        await client.http.get("/graphql", params=sent, headers={"Authorization": f"Bearer {SECRET}"})
        await client.http.post("/graphql", json=sent, headers={"Authorization": SECRET, "Origin": SECRET})
    await client.http.get("/reset-password", params={"token": SECRET})
    assert len(lines(caplog)) == 9
    assert SECRET not in caplog.text
    assert "correct_horse" not in caplog.text


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("document", "name", "logged"),
    [
        ("query A {viewer {id}} query B {viewer {id}}", "B", "B"),
        ("query A {viewer {id}} query B {viewer {id}}", "C", None),
        ("{viewer {id}}", None, None),
        ("query A {nothing}", "A", None),
        (f"query {'N' * 150} {{viewer {{id}}}}", None, "N" * 100),
    ],
)
async def test_names_are_those_of_operations(
    client: Client, caplog: pytest.LogCaptureFixture, document: str, name: str | None, logged: str | None
) -> None:
    await client.send(document, operationName=name)
    assert line(caplog)["operation"] == logged


@pytest.mark.anyio
async def test_what_is_refused_has_its_line_too(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    paths = ("/graphql", "/nothing", f"/{'n' * 5000}")
    statuses = [(await client.http.put(path)).status_code for path in paths]
    preflight = {"Origin": "https://front.example", "Access-Control-Request-Method": "POST"}
    statuses.append((await client.http.options("/graphql", headers=preflight)).status_code)
    statuses.append((await client.send("{viewer {id}}", 5)).status_code)  # type: ignore[arg-type]
    assert [found["status"] for found in lines(caplog)] == statuses == [405, 404, 404, 200, 400]
    assert max(len(found["path"]) for found in lines(caplog)) == 200


@pytest.mark.anyio
async def test_bytes_are_those_of_all_pieces(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    response = await client.http.get("/explorer/graphiql-4.1.2.min.js")
    assert line(caplog)["bytes"] == len(response.content) > 1_000_000


@pytest.mark.anyio
async def test_what_takes_too_long_has_its_name(
    client: Client, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.data("query Slow {posts {totalCount}}")
    caplog.clear()
    execute = client.app.state.endpoint.schema.execute

    async def slowly(*arguments: Any, **more: Any) -> Any:
        await asyncio.sleep(60)
        return await execute(*arguments, **more)

    endpoint = client.app.state.endpoint
    monkeypatch.setattr(endpoint, "bounds", Bounds(deadline=0.2))
    monkeypatch.setattr(endpoint.schema, "execute", slowly)
    assert (await client.send("query Slow {posts {totalCount}}")).status_code == 504
    found = line(caplog)
    assert (found["status"], found["operation"]) == (504, "Slow")
    assert found["milliseconds"] >= 200


@pytest.mark.anyio
async def test_what_machines_ask_for_all_the_time_has_none(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        assert (await client.http.get(path)).status_code == 200
    assert lines(caplog) == []


@pytest.mark.anyio
async def test_by_default_there_is_no_log(new_sqlite_url: NewUrl, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gazette.access")
    async with Client(create_app(Settings(database_url=new_sqlite_url()))) as client:
        await client.data("{viewer {id}}")
    assert lines(caplog) == []


def test_a_server_writes_it_to_its_output(new_sqlite_url: NewUrl) -> None:
    """Behind a proxy that it believes, with the client's address."""
    server = Server(new_sqlite_url(), GAZETTE_ACCESS_LOG="true")
    server.start(output=subprocess.PIPE)
    try:
        headers = {"X-Forwarded-For": "203.0.113.7"}
        httpx.post(f"{server.address}/graphql", json={"query": "{viewer {id}}"}, headers=headers)
    finally:
        server.stop()
    printed = [json.loads(text) for text in server.output().splitlines() if text.startswith("{")]
    assert [(found["path"], found["address"]) for found in printed] == [("/graphql", "203.0.113.7")]
