"""What clients are told of errors, and what the log is."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import strawberry
from sqlalchemy.exc import IntegrityError

from gql import errors, transport
from gql.app import create_app
from gql.bounds import Bounds
from gql.budget import Budget
from gql.context import Context, Info
from gql.errors import (
    BudgetExhaustedError,
    ExpectedError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
    UntrustedDocumentError,
)
from gql.negotiation import GRAPHQL, JSON
from gql.persisted import Persisted
from gql.requests import Request
from gql.schema import Schema
from gql.settings import Settings
from gql.transport import GraphQLEndpoint
from tests import factories
from tests.client import Client

pytestmark = pytest.mark.anyio

SECRET = "correct-horse-battery"  # noqa: S105 # Of nobody.
README = (Path(__file__).parent.parent / "README.md").read_text()
ROW = re.compile(r"^\| `([A-Z_]+)` \| .* \| (\d+) \| (\d+) \|$", re.MULTILINE)


def _failing(error: Callable[[], Exception]) -> Callable[[], str]:
    def fail() -> str:
        raise error()

    return fail


async def _refused_by_the_database(info: Info) -> str:
    async with info.context.database.writing() as session:
        for _ in range(2):
            session.add(factories.tag(name=SECRET, slug=SECRET))
            await session.flush()
    return ""


def _endless(info: Info) -> str:
    info.context.answered(10**9)
    return SECRET


async def _never() -> str:
    await asyncio.sleep(60)
    return ""


@strawberry.type
class Broken:
    broken: str | None = strawberry.field(resolver=_failing(lambda: RuntimeError(SECRET)))
    twin: str | None = strawberry.field(resolver=_failing(lambda: ValueError(f"password {SECRET!r}")))
    missing: str | None = strawberry.field(resolver=_failing(lambda: NotFoundError("It is gone.")))
    private: str | None = strawberry.field(resolver=_failing(lambda: UnauthenticatedError("Log in.")))
    away: str | None = strawberry.field(resolver=_failing(lambda: UnavailableError("Later.")))
    spent: str | None = strawberry.field(
        resolver=_failing(lambda: BudgetExhaustedError("Later.", retry_after=5, more={}))
    )
    refused: str | None = strawberry.field(resolver=_refused_by_the_database)
    slow: str | None = strawberry.field(resolver=_never)
    endless: str | None = strawberry.field(resolver=_endless)

    @strawberry.field
    def number(self, first: int = 0) -> int | None:
        if first < 0:
            raise errors.BadUserInputError("`first` has to be positive.")
        return first


@strawberry.type
class Changes:
    number: int | None = strawberry.field(resolver=lambda: 1)


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[Client]:
    async with Client(create_app(settings)) as client:
        endpoint = GraphQLEndpoint(
            Schema(Broken, Changes),
            client.database,
            client.app.state.accounts,
            operations=5,
            with_explorer=False,
            bounds=Bounds(body=500, query_string=100, deadline=0.3),
            budget=Budget(10_000, 60),
        )
        client.app.state.endpoint = endpoint
        yield client


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [json.loads(record.getMessage()) for record in caplog.records if record.name == "gazette"]


Provoke = Callable[[Client, dict[str, str]], Awaitable[httpx.Response]]


def by_post(query: str, **more: Any) -> Provoke:
    async def send(client: Client, headers: dict[str, str]) -> httpx.Response:
        return await client.http.post("/graphql", json={"query": query, **more}, headers=headers)

    return send


def by(method: str, address: str = "/graphql", content: bytes = b"", **more: str) -> Provoke:
    async def send(client: Client, headers: dict[str, str]) -> httpx.Response:
        told = {**headers, **{name.replace("_", "-"): value for name, value in more.items()}}
        return await client.http.request(method, address, content=content, headers=told)

    return send


def when(target: Any, name: str, error: Exception, provoke: Provoke) -> Provoke:
    async def send(client: Client, headers: dict[str, str]) -> httpx.Response:
        async def fail(*_: Any) -> None:
            raise error

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(target, name, fail)
            return await provoke(client, headers)

    return send


AUTOMATIC = b'{"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "%s"}}}' % (b"a" * 64)
PROVOKED: list[Provoke] = [
    by_post("{"),
    by_post("{nothing}"),
    by_post("query ($n: Int!) {number(first: $n)}"),
    by_post("query A {number} query B {number}"),
    by_post("{number(first: -1)}"),
    by_post("query ($n: Int) {number(first: $n)}", variables={"n": None}),
    by("POST", content=b"5", content_type=JSON),
    by("GET", "/graphql?query="),
    by("PUT"),
    by("GET", "/graphql?query=mutation%7Bnumber%7D"),
    by("GET", "/graphql?query=%7Bnumber%7D", accept="image/png"),
    by("POST", content=b"{}", content_type="text/plain"),
    by_post("{a {a {a {a {a {a {a {a {a {a {a {a {a}}}}}}}}}}}}}"),
    by_post("{number}".ljust(500)),
    by("GET", "/graphql?query=%7Bnumber%7D" + "+" * 100),
    by_post("{endless}"),
    by_post("{spent}"),
    by("POST", content=b'{"documentId": "nothing"}', content_type=JSON),
    by("POST", content=AUTOMATIC, content_type=JSON),
    when(Persisted, "found", UntrustedDocumentError(""), by("POST", content=AUTOMATIC, content_type=JSON)),
    by("POST", content=b'{"query": "{number}"}', content_type=JSON, authorization="Bearer x"),
    by_post("{private}"),
    by_post("{missing}"),
    by_post("{away}"),
    by_post("{slow}"),
    by_post("{broken}"),
    when(transport, "authenticate", RuntimeError(SECRET), by_post("{number}")),
    when(Schema, "execute", RuntimeError(SECRET), by_post("{number}")),
    when(Context, "spend", RuntimeError(SECRET), by_post("{number}")),
]


async def test_the_readmes_table_has_every_code_with_its_statuses(client: Client) -> None:
    seen = set()
    for provoke in PROVOKED:
        statuses, codes = [], set()
        for media_type in (JSON, GRAPHQL):
            response = await provoke(client, {"accept": media_type})
            statuses.append(str(response.status_code))
            (error,) = response.json()["errors"]
            codes.add(error["extensions"]["code"])
            assert response.headers["cache-control"] == "no-store"
            assert SECRET not in response.text
        (code,) = codes
        seen.add((code, *statuses))
    assert seen == set(ROW.findall(README))
    # What only a subscription can meet has no status.
    live = set(re.findall(r"^\| `([A-Z_]+)` \| .* \| – \| – \|$", README, re.MULTILINE))
    ours = {kind.code for kind in ExpectedError.__subclasses__()}
    assert {row[0] for row in seen} | live == ours | {
        errors.INTERNAL,
        errors.PARSE_FAILED,
        errors.VALIDATION_FAILED,
    }


async def test_an_answer_that_is_too_long_hides_no_other_error(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    body = await client.execute("{endless broken}")
    told = [(error["path"], error["extensions"]["code"]) for error in body["errors"]]
    assert told == [(["endless"], "LIMIT_EXCEEDED"), (["broken"], "INTERNAL_SERVER_ERROR")]
    assert body["data"] is None
    assert [line["path"] for line in lines(caplog)] == [["broken"]]


async def test_what_nobody_expected_is_logged_once_and_masked(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    user = factories.user()
    await factories.save(client.database, user)
    viewing = await client.viewing(user)
    caplog.set_level(logging.DEBUG)
    response = await viewing.http.post(
        "/graphql", json={"query": "query Front {broken twin}"}, headers={"x-request-id": "ours-1"}
    )
    assert response.headers["x-request-id"] == "ours-1"
    told = {
        "message": "Internal error",
        "extensions": {"code": "INTERNAL_SERVER_ERROR", "requestId": "ours-1"},
    }
    assert [{name: error[name] for name in told} for error in response.json()["errors"]] == [told, told]
    first, second = lines(caplog)
    assert (first["requestId"], first["operation"], first["viewer"]) == ("ours-1", "Front", user.id)
    assert (first["path"], second["path"]) == (["broken"], ["twin"])
    assert [error["type"] for error in first["errors"]] == ["builtins.RuntimeError"]
    # Where it was raised, as a module, a line and a function.
    assert re.fullmatch(r"tests\.test_errors:\d+ fail", first["errors"][0]["at"][-1])
    assert SECRET not in response.text + caplog.text


async def test_one_failure_of_many_fields_is_logged_once(
    caplog: pytest.LogCaptureFixture, client: Client
) -> None:
    shared = RuntimeError(SECRET)

    @strawberry.type
    class Twice:
        a: str | None = strawberry.field(resolver=_failing(lambda: shared))
        b: str | None = strawberry.field(resolver=_failing(lambda: shared))

    endpoint = GraphQLEndpoint(
        Schema(Twice), client.database, client.app.state.accounts, operations=1, with_explorer=False
    )
    client.app.state.endpoint = endpoint
    body = await client.execute("{a b}")
    assert len(body["errors"]) == 2
    (line,) = lines(caplog)
    assert body["errors"][0]["extensions"]["requestId"] == line["requestId"]


async def test_an_error_of_the_database_says_nothing_of_its_values(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    response = await client.send("{refused}")
    (line,) = lines(caplog)
    assert line["errors"][0]["type"] == "sqlalchemy.exc.IntegrityError"
    assert line["errors"][-1]["code"] in ("23505", "SQLITE_CONSTRAINT_UNIQUE")
    for leaked in (SECRET, "INSERT", "Traceback"):
        assert leaked not in response.text + caplog.text
    # That of who asks, and of what comes before an operation.
    error = IntegrityError("SELECT", {"email": SECRET}, RuntimeError(f"Key (email)=({SECRET})"))
    response = await when(transport, "authenticate", error, by_post("{number}"))(client, {})
    assert response.status_code == 500
    assert lines(caplog)[1]["requestId"] == response.json()["errors"][0]["extensions"]["requestId"]
    assert SECRET not in response.text + caplog.text


@pytest.mark.parametrize("given", ["a", "A-z_0.9", "x" * 64])
async def test_a_request_keeps_its_id(client: Client, given: str) -> None:
    for query in ("{number}", "{"):
        response = await client.http.post("/graphql", json={"query": query}, headers={"x-request-id": given})
        assert response.headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a\tb", "é", '"', "<a>", "a;b", "a\n"])
def test_an_id_that_could_be_anything_is_replaced(given: str) -> None:
    headers = [(b"x-request-id", given.encode("latin-1"))]
    ids = {Request({"method": "GET", "headers": headers}, cast(Any, None)).id for _ in range(100)}
    assert len(ids) == 100
    assert all(re.fullmatch("[0-9a-f]{24}", made) for made in ids)
