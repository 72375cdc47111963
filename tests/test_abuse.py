"""Whatever is sent is refused with its status and code, never with 500, and nothing is read for it."""

import time
from collections.abc import Iterator

import httpx
import pytest

from abuse.requests import CASES, MB, WELL, Case
from gql.negotiation import GRAPHQL, JSON
from tests.client import Client
from tests.conftest import NewUrl
from tests.server import serving

pytestmark = pytest.mark.anyio


async def sent(http: httpx.AsyncClient, case: Case, accept: str) -> httpx.Response:
    return await http.send(case.request(str(http.base_url).rstrip("/"), accept))


def assert_refused(case: Case, accept: str, response: httpx.Response) -> None:
    assert response.status_code == case.status(accept), response.text
    body = response.json()
    assert {error["extensions"]["code"] for error in body["errors"]} == {case.code}, body
    # A field that has refused its argument is null, and where it cannot be, all is.
    assert list((body.get("data") or {}).values()) == [None] * (case.executed and bool(body["data"]))
    assert ("data" in body) is case.executed
    # Nothing that was sent comes back at length.
    assert len(response.content) < 10_000


@pytest.mark.parametrize("name", CASES)
async def test_it_is_refused_and_costs_no_statement(client: Client, name: str) -> None:
    for accept in (JSON, GRAPHQL):
        with client.statements() as statements:
            assert_refused(CASES[name], accept, await sent(client.http, CASES[name], accept))
        assert statements == []


@pytest.fixture(scope="module")
def served(sqlite_databases: NewUrl) -> Iterator[str]:
    with serving(sqlite_databases()) as url:
        yield url


async def test_a_server_refuses_it_too_and_goes_on(served: str) -> None:
    begun = time.process_time()
    async with httpx.AsyncClient(base_url=served) as http:
        for case in CASES.values():
            if case.body and len(case.body) > 2 * MB:
                continue  # Who sends so much without a look at the answer is cut off.
            assert_refused(case, GRAPHQL, await sent(http, case, GRAPHQL))
        alive = await http.post("/graphql", content=WELL, headers={"content-type": JSON})
        assert alive.json() == {"data": {"viewer": None}}
    assert time.process_time() - begun < 10
