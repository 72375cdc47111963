"""What browsers let pages of other origins do."""

from collections.abc import AsyncIterator

import pytest
from pydantic import ValidationError

from gql.app import create_app
from gql.settings import Settings
from tests.client import Client
from tests.conftest import NewUrl

pytestmark = pytest.mark.anyio

FRONT_END, ANOTHER = "https://front.example", "https://other.example"
PREFLIGHT = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type",
}
QUERY = {"query": "{viewer {id}}"}


@pytest.fixture
async def client(new_sqlite_url: NewUrl) -> AsyncIterator[Client]:
    origins = f"{FRONT_END}, http://localhost:3000"
    async with Client(create_app(Settings(database_url=new_sqlite_url(), origins=origins))) as client:
        yield client


def allowed(headers: object) -> dict[str, str]:
    return {name: value for name, value in dict(headers).items() if name.startswith("access-control")}  # type: ignore[call-overload]


async def test_without_origins_there_are_none(new_sqlite_url: NewUrl) -> None:
    async with Client(create_app(Settings(database_url=new_sqlite_url()))) as client:
        response = await client.http.options("/graphql", headers={"origin": FRONT_END, **PREFLIGHT})
        assert response.status_code == 405
        assert allowed(response.headers) == {}
        response = await client.http.post("/graphql", json=QUERY, headers={"origin": FRONT_END})
        assert allowed(response.headers) == {}
        assert response.headers["vary"] == "Accept, Authorization"


async def test_an_origin_that_is_named(client: Client) -> None:
    response = await client.http.options("/graphql", headers={"origin": FRONT_END, **PREFLIGHT})
    assert response.status_code == 200
    told = allowed(response.headers)
    assert told["access-control-allow-origin"] == FRONT_END
    assert told["access-control-allow-methods"] == "GET, POST"
    assert {"Authorization", "Content-Type", "X-Request-ID"} <= set(
        told["access-control-allow-headers"].split(", ")
    )
    assert "access-control-allow-credentials" not in told
    for body, status in ((QUERY, 200), ({}, 400)):
        response = await client.http.post("/graphql", json=body, headers={"origin": FRONT_END})
        assert response.status_code == status
        assert allowed(response.headers) == {
            "access-control-allow-origin": FRONT_END,
            "access-control-expose-headers": "Retry-After, WWW-Authenticate, X-Request-ID",
        }
        assert response.headers["vary"] == "Accept, Authorization, Origin"
        assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "origin", [ANOTHER, "null", f"{FRONT_END}.evil.example", FRONT_END.upper(), f"{FRONT_END}:8443"]
)
async def test_an_origin_that_is_not(client: Client, origin: str) -> None:
    response = await client.http.options("/graphql", headers={"origin": origin, **PREFLIGHT})
    assert response.status_code == 400
    assert "access-control-allow-origin" not in response.headers
    response = await client.http.post("/graphql", json=QUERY, headers={"origin": origin})
    assert "access-control-allow-origin" not in response.headers
    assert "Origin" in response.headers["vary"]


async def test_any_origin(new_sqlite_url: NewUrl) -> None:
    async with Client(create_app(Settings(database_url=new_sqlite_url(), origins="*"))) as client:
        response = await client.http.post("/graphql", json=QUERY, headers={"origin": ANOTHER})
        assert response.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in response.headers


SIMPLE = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", None]
DISGUISED = [
    "text/plain; application/json",
    "application/json, text/plain",
    "text/json",
    "application/jsonp",
    "",
]


@pytest.mark.parametrize("kind", [*SIMPLE, *DISGUISED])
async def test_what_a_form_could_send_is_not_read(client: Client, kind: str | None) -> None:
    headers = {} if kind is None else {"content-type": kind}
    for body in (b'{"query": "mutation {logOut {userErrors {code}}}"}', b"query=%7Bviewer%7Bid%7D%7D"):
        response = await client.http.post("/graphql", content=body, headers=headers)
        assert response.status_code == 415


async def test_get_changes_nothing(client: Client) -> None:
    mutation = {"query": "mutation {logOut {userErrors {code}}}"}
    response = await client.http.get("/graphql", params=mutation)
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    two = {"query": "query A {viewer {id}} mutation B {logOut {userErrors {code}}}"}
    assert (await client.http.get("/graphql", params={**two, "operationName": "B"})).status_code == 405
    assert (await client.http.get("/graphql", params={**two, "operationName": "A"})).status_code == 200


@pytest.mark.parametrize(
    "origins", ["front.example", "https://front.example/", "https://*.example", "https://a b"]
)
def test_an_origin_that_is_none(origins: str) -> None:
    with pytest.raises(ValidationError, match="has to be \\*, or origins"):
        Settings(origins=origins)
