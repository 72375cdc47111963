"""Each viewer has a budget of nodes that comes back over time, where there are budgets."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from strawberry.extensions import SchemaExtension

from gql.app import create_app
from gql.budget import Budget
from gql.context import Caller, Context
from gql.mutations import Mutation
from gql.query import Query
from gql.relay import entities
from gql.schema import Schema
from gql.settings import Settings
from tests import factories
from tests.client import Client
from tests.conftest import NewUrl
from tests.executors import answered_once

pytestmark = pytest.mark.anyio

BUDGET: dict[str, Any] = {"cost_limit": 60, "budget": 60, "budget_seconds": 30}
FORTY = "{posts(first: 40) {nodes {id}}}"
TWENTY = "{posts {nodes {id}}}"


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("gql.budget.time", clock)
    return clock


@pytest.fixture
async def client(new_sqlite_url: NewUrl, clock: Clock) -> AsyncIterator[Client]:
    """What is spent does not depend on the database."""
    async with Client(create_app(Settings(database_url=new_sqlite_url(), **BUDGET))) as client:
        yield client


def cost(response: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = response.json()["extensions"]["cost"]
    return found


async def test_each_answer_says_what_it_cost_and_what_is_left(client: Client) -> None:
    for remaining in (40, 20, 0):
        before = datetime.now(UTC)
        response = await client.send(TWENTY)
        assert response.status_code == 200
        assert response.json()["data"] == {"posts": {"nodes": []}}
        found = cost(response)
        reset_at = datetime.fromisoformat(found.pop("resetAt"))
        assert found == {"requested": 20, "limit": 60, "remaining": remaining}
        full_in = timedelta(seconds=(60 - remaining) / 2)
        assert before + full_in <= reset_at <= datetime.now(UTC) + full_in + timedelta(seconds=1)


async def test_an_answer_with_errors_says_it_too(client: Client) -> None:
    response = await client.send('{node(id: "x") {id}}')
    assert response.json()["errors"]
    assert cost(response)["requested"] == 1


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json"])
async def test_who_has_spent_all_has_to_wait(client: Client, clock: Clock, accept: str) -> None:
    client.http.headers["Accept"] = accept
    await client.data(FORTY)
    for _ in range(2):
        with client.statements() as statements:
            response = await client.send(FORTY)
        assert statements == []
        assert response.status_code == 429
        assert response.headers["Retry-After"] == "10"
        assert response.json()["errors"] == [
            {
                "message": "This costs 40 nodes, and 20 are left for now.",
                "extensions": {"code": "BUDGET_EXHAUSTED"},
            }
        ]
        assert "data" not in response.json()
        # What is refused costs nothing.
        assert cost(response)["remaining"] == 20
    clock.now += 9.9
    assert (await client.send(FORTY)).status_code == 429
    clock.now += 0.1
    assert cost(await client.send(FORTY))["remaining"] == 0
    clock.now += 1000
    assert cost(await client.send(TWENTY))["remaining"] == 40


async def test_what_is_not_executed_costs_nothing(client: Client) -> None:
    for document in (
        "{",
        "{nothing}",
        "{posts(first: 61) {nodes {id}}}",
        FORTY[:-1] + " a: posts {nodes {id}} viewer {id}}",
    ):
        response = await client.send(document)
        assert response.json()["errors"]
        assert "extensions" not in response.json()
    assert cost(await client.send(TWENTY))["remaining"] == 40


async def test_each_viewer_has_a_budget_and_each_address_of_strangers(client: Client) -> None:
    users = [factories.user(), factories.user()]
    await factories.save(client.database, *users)
    ada, ben = [await client.viewing(user) for user in users]
    again = await client.viewing(users[0])
    await ada.data(FORTY)
    assert cost(await again.send(TWENTY))["remaining"] == 0
    assert cost(await ben.send(TWENTY))["remaining"] == 40
    assert cost(await client.send(TWENTY))["remaining"] == 40


async def at(client: Client, address: str, document: str) -> int:
    transport = httpx.ASGITransport(client.app, client=(address, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://gazette") as http:
        response = await http.post("/graphql", json={"query": document})
    remaining: int = cost(response)["remaining"]
    return remaining


async def test_the_addresses_of_one_network_are_one(client: Client) -> None:
    assert await at(client, "2001:db8::1", TWENTY) == 40
    assert await at(client, "2001:db8::2", TWENTY) == 20
    assert await at(client, "2001:db8:0:1::1", TWENTY) == 40
    assert await at(client, "192.0.2.1", TWENTY) == 40
    assert await at(client, "192.0.2.2", TWENTY) == 40


async def test_many_at_once_spend_no_more_than_there_is(client: Client) -> None:
    responses = await asyncio.gather(*(client.send(TWENTY) for _ in range(10)))
    assert sorted(response.status_code for response in responses) == [200] * 3 + [429] * 7


async def test_a_schema_with_extensions_counts_too(client: Client) -> None:
    schema = Schema(Query, Mutation, types=list(entities.values()), extensions=[SchemaExtension])
    context = Context(client.database, caller=Caller(client.app.state.accounts), budget=Budget(60, 30))
    with answered_once():
        result = await schema.execute(TWENTY, context_value=context)
    await context.close()
    assert (result.errors, result.data) == (None, {"posts": {"nodes": []}})
    assert result.extensions
    assert result.extensions["cost"]["remaining"] == 40


async def test_an_operation_costs_at_least_one(client: Client) -> None:
    assert cost(await client.send("{__typename}"))["remaining"] == 59


async def test_budgets_are_kept_for_so_many(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    monkeypatch.setattr("gql.budget._MOST_PAYERS", 10)
    budget = Budget(60, 30)
    await budget.spend("often here", 20)
    for number in range(100):
        await budget.spend(f"somebody {number}", 20)
        assert (await budget.spend("often here", 0)).remaining == 40
    assert len(budget._memory._left) == 10
    assert (await budget.spend("somebody 99", 20)).remaining == 20
    assert (await budget.spend("somebody 1", 20)).remaining == 40


async def test_without_budgets_nothing_is_said(new_sqlite_url: NewUrl) -> None:
    async with Client(create_app(Settings(database_url=new_sqlite_url()))) as client:
        assert (await client.send(TWENTY)).json() == {"data": {"posts": {"nodes": []}}}


def test_a_budget_is_enough_for_one_operation() -> None:
    with pytest.raises(ValidationError, match="at least GAZETTE_COST_LIMIT"):
        Settings(budget=59, cost_limit=60)
    assert Settings(budget=60, cost_limit=60).budget == 60
    assert Settings().budget == 0
