"""What `gazette tidy` removes, and what it leaves alone."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from db.accounts import IdempotencyKey, MailedToken, Purpose, RefreshToken
from db.models import Session, User
from gql import tidy as module
from gql.idempotency import KEPT
from gql.settings import Settings
from gql.tidy import tidy
from gql.tokens import SESSION_LIFETIME, hash_token, now
from tests import factories
from tests.accounts import join, tokens_of
from tests.client import Client
from tests.server import gazette

pytestmark = pytest.mark.anyio

NOTHING = {"refresh tokens": 0, "sessions": 0, "mailed tokens": 0, "idempotency keys": 0}
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
async def user(client: Client) -> User:
    return await join(client, username="ada")


def session(user: User, expires_in: timedelta) -> Session:
    return Session(owner_id=user.id, user_agent="test", expires_at=now() + expires_in)


def token(of: Session, name: str, used_before: timedelta | None = None) -> RefreshToken:
    used_at = None if used_before is None else now() - used_before
    return RefreshToken(token_hash=hash_token(name), session_id=of.id, used_at=used_at)


async def left(client: Client, column: Any) -> set[Any]:
    async with client.database.writing() as session:
        return set(await session.scalars(select(column)))


async def test_it_removes_what_has_expired_and_nothing_else(
    client: Client, settings: Settings, user: User
) -> None:
    dead, alive = session(user, -SECOND), session(user, DAY)
    await factories.save(client.database, dead, alive)
    long_ago, lately = SESSION_LIFETIME + SECOND, SESSION_LIFETIME - DAY
    rows = [
        *(token(dead, f"dead {before}", before) for before in (None, SECOND, long_ago)),
        *(token(alive, f"alive {before}", before) for before in (None, lately, long_ago)),
        *(
            MailedToken(
                token_hash=hash_token(f"{expires}"),
                user_id=user.id,
                purpose=Purpose.RESET_PASSWORD,
                email="ada@example.org",
                expires_at=now() + expires,
            )
            for expires in (-SECOND, DAY)
        ),
        *(
            IdempotencyKey(
                user_id=user.id, key=key, mutation="m", input_hash="h", outcome={}, created_at=now() - age
            )
            for key, age in (("old", KEPT + SECOND), ("new", KEPT - DAY / 2))
        ),
    ]
    await factories.save(client.database, *rows)
    removed = await tidy(settings.database)
    assert removed == {"refresh tokens": 4, "sessions": 1, "mailed tokens": 1, "idempotency keys": 1}
    assert await left(client, Session.id) == {alive.id}
    assert await left(client, RefreshToken.token_hash) == {
        hash_token(f"alive {before}") for before in (None, lately)
    }
    assert await left(client, MailedToken.token_hash) == {hash_token(f"{DAY}")}
    assert await left(client, IdempotencyKey.key) == {"new"}
    assert await tidy(settings.database) == NOTHING


async def test_sessions_of_clients_that_come_back_go_on(
    client: Client, settings: Settings, user: User
) -> None:
    tokens = await tokens_of(client, "ada")
    refresh = {"refreshToken": tokens["refreshToken"]}
    renewed = await client.mutate("refreshTokens", "tokens {refreshToken}", **refresh)
    assert await tidy(settings.database) == NOTHING
    # The used one is still known for what it is: somebody has a copy.
    async with client.database.writing() as session:
        used = RefreshToken.used_at.is_not(None)
        await session.execute(update(RefreshToken).where(used).values(used_at=now() - DAY))
    assert await tidy(settings.database) == NOTHING
    payload = await client.mutate("refreshTokens", "", **refresh)
    assert payload["userErrors"] == [("INVALID_TOKEN", "refreshToken")]
    thief = await client.mutate("refreshTokens", "", refreshToken=renewed["tokens"]["refreshToken"])
    assert thief["userErrors"] == [("INVALID_TOKEN", "refreshToken")]


async def test_many_rows_go_in_small_transactions(
    client: Client, settings: Settings, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FOUND", 30)
    monkeypatch.setattr(module, "_BATCH", 7)
    batches: list[int] = []
    remove_batch = module._remove_batch

    async def counted(*arguments: Any) -> int:
        batches.append(await remove_batch(*arguments))
        return batches[-1]

    monkeypatch.setattr(module, "_remove_batch", counted)
    await factories.save(client.database, *(session(user, -SECOND) for _ in range(65)), session(user, DAY))
    assert (await tidy(settings.database))["sessions"] == 65
    assert batches == [7, 7, 7, 7, 2, 7, 7, 7, 7, 2, 5]
    assert len(await left(client, Session.id)) == 1


@pytest.fixture
async def renewing(client: Client, user: User) -> AsyncIterator[tuple[Session, "asyncio.Event"]]:
    """A session that has expired, and is being renewed by a transaction that waits for the event."""
    expired = session(user, -SECOND)
    await factories.save(client.database, expired)
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def renew() -> None:
        async with client.database.writing() as writing:
            which = Session.id == expired.id
            await writing.execute(update(Session).where(which).values(expires_at=now() + DAY))
            begun.set()
            await may_end.wait()

    task = asyncio.create_task(renew())
    await begun.wait()
    yield expired, may_end
    may_end.set()
    await task


async def test_it_leaves_a_session_that_is_renewed_meanwhile(
    client: Client, settings: Settings, renewing: tuple[Session, asyncio.Event]
) -> None:
    """PostgreSQL passes the locked row by; SQLite, which locks everything, waits and looks again."""
    renewed, may_end = renewing
    task = asyncio.create_task(tidy(settings.database))
    if client.database.is_sqlite:
        await asyncio.sleep(0.2)
        may_end.set()
    assert await asyncio.wait_for(task, 60) == NOTHING
    assert await left(client, Session.id) == {renewed.id}


async def test_it_runs_beside_everything_else(client: Client, settings: Settings) -> None:
    """Log-outs everywhere, log-ins and renewals of the same sessions, all at once: none fails."""
    users = [await join(client, username=f"user{number}") for number in range(4)]
    visitors = [await client.viewing(user) for user in users]
    for user in users:
        await factories.save(client.database, *(session(user, -SECOND) for _ in range(40)))
    sessions = await left(client, Session.id)
    async with client.database.writing() as writing:
        writing.add_all(
            RefreshToken(token_hash=hash_token(f"{key} {number}"), session_id=key, used_at=now() - 40 * DAY)
            for key in sessions
            for number in range(5)
        )
    ended = [visitor.mutate("logOut", "endedSessions", everywhere=True) for visitor in visitors]
    done = await asyncio.gather(tidy(settings.database), tidy(settings.database), *ended)
    assert all(payload["userErrors"] == [] for payload in done[2:])
    assert await left(client, Session.id) == set()
    assert await left(client, RefreshToken.token_hash) == set()


async def test_the_command_says_what_it_did(client: Client, settings: Settings, user: User) -> None:
    await factories.save(client.database, session(user, -SECOND), session(user, -DAY))
    finished = await asyncio.to_thread(gazette, "tidy", DATABASE_URL=settings.database_url)
    assert finished.returncode == 0, finished.stderr
    said = "Removed 0 refresh tokens, 2 sessions, 0 mailed tokens and 0 idempotency keys.\n"
    assert finished.stdout == said


async def test_the_database_has_to_be_migrated(settings: Settings, client: Client) -> None:
    async with client.database.writing() as session:
        await session.execute(delete(User))
    base = await asyncio.to_thread(gazette, "migrate", "base", DATABASE_URL=settings.database_url)
    assert base.returncode == 0
    finished = await asyncio.to_thread(gazette, "tidy", DATABASE_URL=settings.database_url)
    assert finished.returncode == 1
    assert "gazette migrate" in finished.stderr
