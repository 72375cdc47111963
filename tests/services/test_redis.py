"""Several processes count together in Redis, and say so when it is away."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import redis

from db.models import User
from gql.app import create_app
from gql.settings import Settings
from tests.accounts import PASSWORD, VIEWER, WRONG, Outbox, ask, count, join, log_in, tokens_of
from tests.client import Client
from tests.services.conftest import RedisServer

pytestmark = pytest.mark.anyio

WRONG_CREDENTIALS = [("WRONG_CREDENTIALS", "")]
TOO_MANY = [("TOO_MANY_ATTEMPTS", "")]
SIGN_UP = {"username": "eve", "email": "eve@example.org", "password": PASSWORD}
UNAVAILABLE = {
    "logging in": f'logIn(input: {{username: "ada", password: "{PASSWORD}"}}) {{userErrors {{code}}}}',
    "a reset": 'requestPasswordReset(input: {email: "ada@example.org"}) {userErrors {code}}',
    "signing up": (
        f'createUser(input: {{username: "eve", email: "eve@example.org", password: "{PASSWORD}"}})'
        " {userErrors {code}}"
    ),
}


@pytest.fixture
def settings(settings: Settings, redis_server: RedisServer) -> Settings:
    return settings.model_copy(update={"redis_url": redis_server.url})


@pytest.fixture
async def other(settings: Settings) -> AsyncIterator[Client]:
    """A second process on the same database, but for being one."""
    async with Client(create_app(settings)) as client:
        yield client


async def test_two_processes_count_the_failures_of_an_account_together(client: Client, other: Client) -> None:
    await join(client, username="ada")
    for number in range(4):
        asked = (client, other)[number % 2]
        assert (await log_in(asked, "ada", WRONG))["userErrors"] == WRONG_CREDENTIALS
    # A success at one of them counts at both.
    assert (await log_in(other, "ada"))["userErrors"] == []
    attempts = [log_in((client, other)[number % 2], "ada", WRONG) for number in range(20)]
    errors = [payload["userErrors"] for payload in await asyncio.gather(*attempts)]
    assert (errors.count(WRONG_CREDENTIALS), errors.count(TOO_MANY)) == (5, 15)
    for asked in (client, other):
        assert (await log_in(asked, "ada"))["userErrors"] == TOO_MANY


async def test_two_processes_count_the_mails_to_an_address_together(client: Client, other: Client) -> None:
    await join(client, email="ada@example.org")
    outboxes = [Outbox(client), Outbox(other)]
    for number in range(10):
        await (client, other)[number % 2].mutate("requestPasswordReset", email="ada@example.org")
    assert sum([len(await outbox.mails()) for outbox in outboxes]) == 5


@pytest.mark.parametrize("how", ["stopped", "hanging"])
async def test_without_redis_nobody_logs_in_and_all_else_goes_on(
    client: Client, redis_server: RedisServer, how: str
) -> None:
    await join(client, username="ada", email="ada@example.org")
    access = (await tokens_of(client, "ada"))["accessToken"]
    if how == "stopped":
        redis_server.stop()
    else:
        redis_server.hang()
    for what, field in UNAVAILABLE.items():
        before = time.monotonic()
        response = await client.send(f"mutation {{{field}}}")
        assert (response.status_code, response.headers["Retry-After"]) == (503, "1"), what
        (error,) = response.json()["errors"]
        assert error["extensions"]["code"] == "SERVICE_UNAVAILABLE"
        assert error["message"].endswith("right now; try again.")
        assert time.monotonic() - before < 5
    assert await count(client, User) == 1
    assert (await ask(client, access)).json() == {"data": {"viewer": {"username": "ada"}}}
    redis_server.stop()
    redis_server.start()
    assert (await log_in(client, "ada"))["userErrors"] == []
    assert (await client.mutate("createUser", **SIGN_UP))["userErrors"] == []


async def test_redis_has_nothing_to_read_and_keeps_nothing(client: Client, redis_server: RedisServer) -> None:
    Outbox(client)
    await join(client, username="ada-lovelace", email="ada@example.org")
    for name in ("ada-lovelace", "ada@example.org", "somebody"):
        await log_in(client, name, WRONG)
    await client.mutate("requestPasswordReset", email="ada@example.org")
    assert (
        await ask(client, (await tokens_of(client, "ada-lovelace"))["accessToken"], VIEWER)
    ).status_code == 200
    with redis.Redis.from_url(redis_server.url, decode_responses=True) as connection:
        keys = connection.keys("*")
        assert len(keys) == 4  # Two accounts that failed, an address that failed, an address that gets mail.
        stored = " ".join(f"{key} {connection.lrange(key, 0, -1)}" for key in keys)
        assert [word for word in ("lovelace", "example", "somebody", "127.0.0.1") if word in stored] == []
        assert all(0 < connection.ttl(key) <= 3600 for key in keys)
