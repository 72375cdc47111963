"""Logging in: what is wrong is not told, it cannot be tried often, and nobody else has to wait for it."""

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher

from db.waiting import Queue
from gql.app import create_app
from gql.attempts import network
from gql.errors import UnavailableError
from gql.passwords import Passwords
from gql.places import Place
from gql.settings import Settings
from tests import factories
from tests.accounts import PASSWORD, TOKENS, WRONG, join, log_in
from tests.client import Client

pytestmark = pytest.mark.anyio

LOG_IN = """
    mutation ($username: String!, $password: String!) {
      logIn(input: {username: $username, password: $password}) {
        tokens {accessToken} viewer {id} userErrors {code message path}
      }
    }
"""
WRONG_CREDENTIALS = [("WRONG_CREDENTIALS", "")]
TOO_MANY = [("TOO_MANY_ATTEMPTS", "")]


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hashes with which passwords are compared from now on."""
    hashes: list[str] = []
    original = PasswordHasher.verify

    def recorded(self: PasswordHasher, password_hash: str, *given: Any) -> Any:
        hashes.append(str(password_hash))
        return original(self, password_hash, *given)

    monkeypatch.setattr(PasswordHasher, "verify", recorded)
    return hashes


def from_address(client: Client, address: str) -> Client:
    """The same application, asked from elsewhere."""
    other = Client(client.app)
    other.http = httpx.AsyncClient(
        transport=httpx.ASGITransport(client.app, client=(address, 1)), base_url="http://gazette"
    )
    return other


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 # What happens meanwhile tells nobody.
            await asyncio.sleep(0.001)


async def test_whatever_is_wrong_the_answer_is_the_same(client: Client, verified: list[str]) -> None:
    await join(client, username="ada", email="ada@example.org")
    await join(client, username="bob", is_active=False)
    await join(client, username="cleo", password_hash=None)
    await join(client, username="dora", email="dora@example.org", email_verified_at=None)
    answers = set()
    for username, password in (
        ("nobody", PASSWORD),
        ("nobody@example.org", PASSWORD),
        ("", PASSWORD),
        ("ada", WRONG),
        ("ada@example.org", WRONG),
        ("ada", ""),
        ("ada", "x" * 900_000),
        ("a" * 900_000, PASSWORD),
        ("bob", PASSWORD),
        ("bob", WRONG),
        ("cleo", PASSWORD),
        ("cleo", "nobody has this password"),
        ("dora@example.org", PASSWORD),
    ):
        before = len(verified)
        response = await client.send(LOG_IN, {"username": username, "password": password})
        del response.headers["x-request-id"]
        headers = tuple(response.headers.items())
        answers.add((len(verified) - before, response.status_code, response.content, headers))
    ((verifications, _, content, _),) = answers
    assert verifications == 1
    assert b"WRONG_CREDENTIALS" in content


async def test_an_account_has_five_tries_also_when_fifty_come_at_once(
    client: Client, verified: list[str]
) -> None:
    await join(client, username="ada")
    names = ["ada", "ADA", "ａｄａ", "aDa", "Ada"] * 10
    errors = [
        payload["userErrors"] for payload in await asyncio.gather(*(log_in(client, n, WRONG) for n in names))
    ]
    assert (errors.count(WRONG_CREDENTIALS), errors.count(TOO_MANY)) == (5, 45)
    assert len(verified) == 5
    # The right password comes too late; others are not concerned.
    assert (await log_in(client, "ada"))["userErrors"] == TOO_MANY
    await join(client, username="bob")
    assert (await log_in(client, "bob"))["userErrors"] == []
    # The right password of somebody who was deactivated is counted as a wrong one.
    await join(client, username="cleo", is_active=False)
    tried = [(await log_in(client, "cleo"))["userErrors"] for _ in range(6)]
    assert tried == [*[WRONG_CREDENTIALS] * 5, TOO_MANY]


async def test_a_success_clears_the_failures(client: Client) -> None:
    await join(client, username="ada")
    for _ in range(3):
        for _ in range(4):
            assert (await log_in(client, "ada", WRONG))["userErrors"] == WRONG_CREDENTIALS
        assert (await log_in(client, "ada"))["userErrors"] == []


async def test_a_thief_of_a_token_cannot_try_passwords_either(client: Client) -> None:
    ada = await join(client, username="ada")
    as_ada = await client.viewing(ada)
    given = {"currentPassword": WRONG, "newPassword": "another horse battery"}
    for _ in range(5):
        changed = await as_ada.mutate("changePassword", **given)
        assert changed["userErrors"] == [("WRONG_CREDENTIALS", "currentPassword")]
    changed = await as_ada.mutate("changePassword", **given | {"currentPassword": PASSWORD})
    assert changed["userErrors"] == [("TOO_MANY_ATTEMPTS", "currentPassword")]
    assert (await log_in(client, "ada"))["userErrors"] == TOO_MANY


async def test_an_address_has_its_tries_too(settings: Settings) -> None:
    limited = settings.model_copy(update={"address_failures": 3})
    async with Client(create_app(limited)) as client:
        await join(client, username="ada")
        for here, same, other in (
            ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
            ("2001:db8::1", "2001:db8::ffff:0:1", "2001:db8:0:1::1"),
            ("::ffff:192.0.2.3", "192.0.2.3", "::ffff:192.0.2.4"),
            ("fe80::1%eth0", "fe80::2%eth1", "fe81::1"),
        ):
            attacker, neighbour, stranger = (from_address(client, a) for a in (here, same, other))
            # Each name once: it is not the account that has been tried too often.
            for number in range(3):
                failed = await log_in(attacker, f"{here}-{number}", WRONG)
                assert failed["userErrors"] == WRONG_CREDENTIALS
            assert (await log_in(neighbour, "ada"))["userErrors"] == TOO_MANY, here
            assert (await log_in(stranger, "ada"))["userErrors"] == [], here


def test_an_address_that_is_none_is_itself() -> None:
    """Such as that of a Unix socket."""
    assert len({network(""), network("a socket"), network("192.0.2.1"), network("::1")}) == 4


async def test_a_request_can_try_one_password(client: Client, verified: list[str]) -> None:
    as_ada = await client.viewing(await join(client, username="ada"))
    log_in_ada = f'logIn(input: {{username: "ada", password: "{WRONG}"}}) {{userErrors {{code}}}}'
    change = (
        f'changePassword(input: {{currentPassword: "{WRONG}", newPassword: "another horse battery"}})'
        " {userErrors {code}}"
    )
    for first, second in ((log_in_ada, log_in_ada), (log_in_ada, change), (change, log_in_ada)):
        before = len(verified)
        body = await as_ada.execute(f"mutation {{a: {first} b: {second}}}")
        assert [error["extensions"]["code"] for error in body["errors"]] == ["BAD_USER_INPUT"]
        assert len(verified) - before == 1


def held(passwords: Passwords) -> threading.Event:
    """The only thread hashes nothing until this is set."""
    goes_on = threading.Event()
    passwords._threads.submit(goes_on.wait, 10)
    return goes_on


async def test_what_waits_for_a_hash_keeps_nobody_from_reading(settings: Settings) -> None:
    """With places for two operations only, twenty log-ins wait, and a query is answered meanwhile."""
    async with Client(create_app(settings.model_copy(update={"operations": 2}))) as client:
        await factories.save(client.database, factories.post(await join(client, username="ada")))
        passwords = client.app.state.accounts.passwords
        goes_on = held(passwords)
        log_ins = [asyncio.create_task(log_in(client, f"ada{number}", WRONG)) for number in range(20)]
        await until(lambda: passwords._waiting == 20)
        feed = await client.data("{posts {nodes {title author {username}}}}")
        assert feed["posts"]["nodes"][0]["author"] == {"username": "ada"}
        goes_on.set()
        assert [payload["userErrors"] for payload in await asyncio.gather(*log_ins)] == [
            WRONG_CREDENTIALS
        ] * 20


@pytest.mark.parametrize("waits_for", ["a hash", "a place"])
async def test_who_is_cancelled_without_a_place_gives_none_back(anyio_backend: str, waits_for: str) -> None:
    places, passwords = Queue(1), Passwords(1)
    goes_on = held(passwords)

    async def operation() -> None:
        async with Place(places):
            await passwords.verify(PASSWORD, None)

    async with asyncio.timeout(10):
        waiting = asyncio.create_task(operation())
        await until(lambda: passwords._waiting == 1)
        async with Place(places):
            if waits_for == "a place":
                goes_on.set()
                await until(lambda: passwords._waiting == 0)
            waiting.cancel()
            await asyncio.wait({waiting})
            assert waiting.cancelled()
            assert places._free == 0
        goes_on.set()
        assert places._free == 1
        await operation()
        assert places._free == 1


async def test_clients_that_leave_do_not_make_room_for_more_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    running, most = 0, 0
    original = PasswordHasher.verify

    def counted(self: PasswordHasher, *given: Any) -> Any:
        nonlocal running, most
        running += 1
        most = max(most, running)
        try:
            return original(self, *given)
        finally:
            running -= 1

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    passwords = Passwords(2)
    for _ in range(10):
        task = asyncio.create_task(passwords.verify(PASSWORD, None))
        await asyncio.sleep(0.005)
        task.cancel()
    assert not (await passwords.verify(PASSWORD, None))[0]
    assert most == 2


async def test_who_finds_too_many_waiting_is_told_so_at_once(client: Client) -> None:
    passwords = client.app.state.accounts.passwords
    goes_on = held(passwords)
    waiting = [asyncio.create_task(passwords.verify(PASSWORD, None)) for _ in range(100)]
    await asyncio.sleep(0)
    response = await client.send(LOG_IN, {"username": "ada", "password": WRONG})
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert response.json()["errors"][0]["extensions"]["code"] == UnavailableError.code
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    goes_on.set()
    assert (await log_in(client, "ada", WRONG))["userErrors"] == WRONG_CREDENTIALS


async def test_logs_say_nothing_of_what_was_tried(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await join(client, username="ada")
    payload = await log_in(client, "ada", PASSWORD)
    await log_in(client, "ada", WRONG)
    await client.mutate("refreshTokens", TOKENS, refreshToken=payload["tokens"]["refreshToken"])
    said = "\n".join(
        record.getMessage() for record in caplog.records if not record.name.startswith("sqlalchemy")
    )
    for secret in (PASSWORD, WRONG, *payload["tokens"].values()):
        assert secret not in said
