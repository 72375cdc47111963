"""What an operator and an orchestrator see: health, readiness, metrics, and a database that is away."""

import asyncio
from typing import Any, Literal

import pytest
from sqlalchemy import text
from starlette.requests import ClientDisconnect

from db.migrate import migrate
from gql.app import create_app
from gql.execution import counts
from gql.settings import Settings
from gql.transport import _watched
from tests import factories
from tests.client import Client
from tests.conftest import NewUrl

pytestmark = pytest.mark.anyio


async def test_healthy_and_ready(settings: Settings) -> None:
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
        response = await client.http.post("/graphql", json={"query": "{posts {totalCount}}"})
        assert response.status_code == 503
        assert response.headers["retry-after"] == "1"
        assert response.json()["errors"][0]["extensions"]["code"] == "SERVICE_UNAVAILABLE"
        assert "secret" not in response.text


async def test_a_pool_that_is_taken_is_a_503(new_url: NewUrl) -> None:
    settings = Settings(database_url=new_url(), read_connections=1, connection_wait=0.05)
    async with Client(create_app(settings)) as client:
        async with client.database.read_engine.connect():
            response = await client.http.post("/graphql", json={"query": "{posts {totalCount}}"})
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


async def test_reading_cannot_write(settings: Settings) -> None:
    async with Client(create_app(settings)) as either:
        await factories.save(either.database, factories.tag())
        async with either.database.reading() as connection:
            with pytest.raises(Exception, match=r"read-?only"):
                await connection.execute(text("DELETE FROM tags"))


@pytest.mark.parametrize("others", [0, 1])
async def test_who_is_cancelled_by_others_as_its_client_leaves_ends_by_that(others: int) -> None:
    """All in the moment in which it would have ended anyway."""
    request: Any = None  # It is looked at later than that.
    task = asyncio.current_task()
    assert task

    async def leave() -> None:
        async with _watched(request, 60) as watching:
            watching.reason = ClientDisconnect()
            for _ in range(1 + others):
                task.cancel()

    with pytest.raises(asyncio.CancelledError if others else ClientDisconnect):
        await leave()
    while task.cancelling():
        task.uncancel()
