"""Sessions: renewed by refresh tokens, ended by whoever may, seen by their owner only."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select, update

from db.accounts import RefreshToken
from db.base import Base
from db.enums import Role
from db.models import Session, User
from gql.app import create_app
from gql.settings import Settings
from gql.tokens import hash_token
from tests import factories
from tests.accounts import (
    PASSWORD,
    TOKENS,
    WRONG,
    Outbox,
    ask,
    count,
    is_let_in,
    join,
    log_in,
    password_hash,
    tokens_of,
)
from tests.client import Client

pytestmark = pytest.mark.anyio

NEW = "another horse battery"
INVALID = {"tokens": None, "viewer": None, "userErrors": [("INVALID_TOKEN", "refreshToken")]}


async def renew(client: Client, refresh_token: str) -> dict[str, Any]:
    return await client.mutate("refreshTokens", TOKENS, refreshToken=refresh_token)


async def refreshed(client: Client, refresh_token: str) -> dict[str, Any]:
    payload = await renew(client, refresh_token)
    assert payload["userErrors"] == []
    tokens: dict[str, Any] = payload["tokens"]
    return tokens


async def set_used(client: Client, refresh_token: str, ago: timedelta) -> None:
    async with client.database.writing() as session:
        await session.execute(
            update(RefreshToken)
            .where(RefreshToken.token_hash == hash_token(refresh_token))
            .values(used_at=datetime.now(UTC) - ago)
        )


async def as_holder(client: Client, access_token: str) -> Client:
    """The same application for whoever has this token; it is closed with the other."""
    holder = Client(client.app, Authorization=f"Bearer {access_token}")
    await client._stack.enter_async_context(holder.http)
    return holder


async def test_a_refresh_token_gives_new_ones_for_thirty_days(client: Client) -> None:
    await join(client, username="ada")
    first = await tokens_of(client, "ada")
    second = await refreshed(client, first["refreshToken"])
    third = await refreshed(client, second["refreshToken"])
    assert len({tokens["refreshToken"] for tokens in (first, second, third)}) == 3
    assert await count(client, Session) == 1
    for tokens in (first, second, third):
        assert await is_let_in(client, tokens["accessToken"])
        until = {
            name: datetime.fromisoformat(tokens[f"{name}TokenExpiresAt"]) for name in ("access", "refresh")
        }
        left = {name: time - datetime.now(UTC) for name, time in until.items()}
        assert timedelta(minutes=14) < left["access"] <= timedelta(minutes=15)
        assert timedelta(days=30, minutes=-1) < left["refresh"] <= timedelta(days=30)


async def test_two_tabs_that_renew_at_once_get_the_same_token(client: Client) -> None:
    await join(client, username="ada")
    first = (await tokens_of(client, "ada"))["refreshToken"]
    second = {
        tokens["refreshToken"]
        for tokens in await asyncio.gather(*(refreshed(client, first) for _ in "12345"))
    }
    assert len(second) == 1
    # An answer that was lost can be asked for again, also when the other tab went on already.
    (token,) = second
    third = (await refreshed(client, token))["refreshToken"]
    assert (await refreshed(client, first))["refreshToken"] == token
    await set_used(client, first, timedelta(seconds=25))
    assert (await refreshed(client, first))["refreshToken"] == token
    assert (await refreshed(client, token))["refreshToken"] == third


async def test_a_lost_answer_outlives_a_new_secret_key(settings: Settings) -> None:
    async with Client(create_app(settings)) as client:
        await join(client, username="ada")
        first = (await tokens_of(client, "ada"))["refreshToken"]
        second = (await refreshed(client, first))["refreshToken"]
    keys = f"a-new-secret-that-was-put-first-in-the-list,{settings.secret_keys.get_secret_value()}"
    rotated = settings.model_copy(update={"secret_keys": SecretStr(keys)})
    async with Client(create_app(rotated)) as client:
        assert (await refreshed(client, first))["refreshToken"] == second
        assert (await refreshed(client, second))["refreshToken"] not in (first, second)
    dropped = settings.model_copy(update={"secret_keys": SecretStr(keys.partition(",")[0])})
    async with Client(create_app(dropped)) as client:
        # The chain goes on: a refresh token is known by itself and not by a key.
        assert await renew(client, first) == INVALID
        assert (await refreshed(client, second))["accessToken"]


async def test_a_refresh_token_that_comes_back_later_ends_all_that_came_of_it(client: Client) -> None:
    await join(client, username="ada")
    other = await tokens_of(client, "ada")
    first = await tokens_of(client, "ada")
    second = await refreshed(client, first["refreshToken"])
    third = await refreshed(client, second["refreshToken"])
    await set_used(client, first["refreshToken"], timedelta(seconds=31))
    assert await renew(client, first["refreshToken"]) == INVALID
    for tokens in (first, second, third):
        assert await renew(client, tokens["refreshToken"]) == INVALID
        assert not await is_let_in(client, tokens["accessToken"])
    assert await is_let_in(client, other["accessToken"])
    assert (await refreshed(client, other["refreshToken"]))["accessToken"]


async def test_a_refresh_token_ends_with_its_session_and_its_user(client: Client) -> None:
    for name, model, values in (
        ("ada", Session, {"expires_at": factories.YESTERDAY}),
        ("bob", User, {"is_active": False}),
    ):
        await join(client, username=name)
        token = (await tokens_of(client, name))["refreshToken"]
        async with client.database.writing() as session:
            await session.execute(update(model).values(**values))
        assert await renew(client, token) == INVALID
        assert await count(client, RefreshToken) == 0


async def test_no_token_is_good_for_anything_else(client: Client) -> None:
    outbox = Outbox(client)
    await join(client, username="ada", email="ada@example.org")
    tokens = await tokens_of(client, "ada")
    access, refresh = tokens["accessToken"], tokens["refreshToken"]
    await client.mutate("requestPasswordReset", email="ada@example.org")
    mailed = await outbox.token()
    for token in (access, mailed, "", "x" * 100_000, hash_token(refresh), f" {refresh}", refresh.lower()):
        assert await renew(client, token) == INVALID
    for token in (refresh, mailed):
        assert not await is_let_in(client, token)
    for token in (access, refresh, mailed):
        assert (await client.mutate("verifyEmail", token=token))["userErrors"] == [("INVALID_TOKEN", "token")]
    for token in (access, refresh):
        errors = (await client.mutate("resetPassword", token=token, newPassword=NEW))["userErrors"]
        assert errors == [("INVALID_TOKEN", "token")]
    assert (await client.mutate("resetPassword", token=mailed, newPassword=NEW))["userErrors"] == []


async def test_the_database_has_no_token_and_no_password_to_steal(client: Client) -> None:
    outbox = Outbox(client)
    given = {"username": "ada", "email": "ada@example.org", "password": PASSWORD}
    assert (await client.mutate("createUser", **given))["userErrors"] == []
    first = await tokens_of(client, "ada")
    second = await refreshed(client, first["refreshToken"])
    await client.mutate("requestPasswordReset", email="ada@example.org")
    mailed = [token for mail in await outbox.mails() for token in await outbox.tokens_in(mail)]
    assert len(mailed) == 2
    stored = ""
    async with client.database.writing() as session:
        for table in Base.metadata.tables.values():
            stored += repr((await session.execute(select(table))).all())
    assert "ada@example.org" in stored
    for tokens in (first, second):
        assert tokens["accessToken"] not in stored
        assert hash_token(tokens["refreshToken"]) in stored
        assert tokens["refreshToken"] not in stored
    assert [token for token in (*mailed, PASSWORD) if token in stored] == []


async def test_logging_out_here_and_everywhere(client: Client) -> None:
    await join(client, username="ada")
    await join(client, username="bob")
    here, there, elsewhere = [await tokens_of(client, "ada") for _ in range(3)]
    bobs = await tokens_of(client, "bob")
    log_out = ("logOut", "endedSessions")
    assert (await (await as_holder(client, here["accessToken"])).mutate(*log_out))["endedSessions"] == 1
    assert await renew(client, here["refreshToken"]) == INVALID
    assert await is_let_in(client, there["accessToken"])
    holder = await as_holder(client, there["accessToken"])
    assert (await holder.mutate(*log_out, everywhere=True))["endedSessions"] == 2
    assert not await is_let_in(client, elsewhere["accessToken"])
    assert await is_let_in(client, bobs["accessToken"])


async def test_a_new_password_ends_all_sessions_and_begins_one(client: Client) -> None:
    await join(client, username="ada")
    here, there = [await tokens_of(client, "ada") for _ in range(2)]
    holder = await as_holder(client, here["accessToken"])
    passwords = {"currentPassword": WRONG, "newPassword": NEW}
    wrong = await holder.mutate("changePassword", TOKENS, **passwords)
    assert (wrong["tokens"], wrong["userErrors"]) == (None, [("WRONG_CREDENTIALS", "currentPassword")])
    common = await holder.mutate("changePassword", currentPassword=PASSWORD, newPassword="qwertyuiop")
    assert common["userErrors"] == [("INVALID", "newPassword")]
    assert await is_let_in(client, there["accessToken"])
    changed = await holder.mutate("changePassword", TOKENS, **passwords | {"currentPassword": PASSWORD})
    assert (changed["viewer"], changed["userErrors"]) == ({"username": "ada"}, [])
    assert await is_let_in(client, changed["tokens"]["accessToken"])
    assert (await refreshed(client, changed["tokens"]["refreshToken"]))["accessToken"]
    for tokens in (here, there):
        assert not await is_let_in(client, tokens["accessToken"])
        assert await renew(client, tokens["refreshToken"]) == INVALID
    assert (await log_in(client, "ada"))["userErrors"] == [("WRONG_CREDENTIALS", "")]
    assert (await log_in(client, "ada", NEW))["userErrors"] == []


async def test_sessions_are_seen_and_ended_by_their_owner_only(client: Client) -> None:
    await join(client, username="ada")
    mine, other = [await tokens_of(client, "ada") for _ in range(2)]
    ada = await as_holder(client, mine["accessToken"])
    sessions = "sessions {totalCount nodes {id isCurrent userAgent} edges {node {id}}}"
    found = (await ada.data(f"{{viewer {{{sessions}}}}}"))["viewer"]["sessions"]
    assert [node["isCurrent"] for node in found["nodes"]] == [False, True]
    ids = [node["id"] for node in found["nodes"]]
    others = [await client.viewing(await join(client, role=role)) for role in Role]
    paths = f"""query ($ids: [ID!]!, $id: ID!) {{
      nodes(ids: $ids) {{id}} node(id: $id) {{id}}
      user(by: {{username: "ada"}}) {{{sessions}}} users {{nodes {{username {sessions}}}}}
    }}"""
    for stranger in (client, *others):
        seen = await stranger.data(paths, {"ids": ids, "id": ids[0]})
        assert (seen["nodes"], seen["node"]) == ([None, None], None)
        ada_seen = [user["sessions"] for user in seen["users"]["nodes"] if user["username"] == "ada"]
        assert [*ada_seen, seen["user"]["sessions"]] == [{"totalCount": 0, "nodes": [], "edges": []}] * 2
    for stranger in others:
        assert (await stranger.mutate("revokeSession", id=ids[0]))["userErrors"] == [("NOT_FOUND", "id")]
    ended = await ada.mutate("revokeSession", "deletedSessionId", id=ids[0])
    assert ended == {"deletedSessionId": ids[0], "userErrors": []}
    assert not await is_let_in(client, other["accessToken"])
    assert await is_let_in(client, mine["accessToken"])


@pytest.mark.parametrize("change", ["changePassword", "deactivateUser"])
async def test_a_log_in_that_was_overtaken_begins_no_session(client: Client, change: str) -> None:
    """Its password was right when it was verified, and is not any more when the session would begin."""
    ada = await join(client, username="ada")
    mine = await as_holder(client, (await tokens_of(client, "ada"))["accessToken"])
    admin = await client.viewing(await join(client, role=Role.ADMIN))
    (viewer,) = (await mine.data("{viewer {id}}")).values()
    passwords = client.app.state.accounts.passwords
    verify, verified, goes_on = passwords.verify, asyncio.Event(), asyncio.Event()

    async def paused(*given: Any) -> Any:
        outcome = await verify(*given)
        passwords.verify = verify
        verified.set()
        await goes_on.wait()
        return outcome

    passwords.verify = paused
    overtaken = asyncio.create_task(log_in(client, "ada"))
    await verified.wait()
    if change == "changePassword":
        changed = await mine.mutate(change, currentPassword=PASSWORD, newPassword=NEW)
    else:
        changed = await admin.mutate(change, id=viewer["id"])
    assert changed["userErrors"] == []
    goes_on.set()
    assert (await overtaken)["userErrors"] == [("WRONG_CREDENTIALS", "")]
    assert await count(client, Session, Session.owner_id == ada.id) == (change == "changePassword")


async def test_a_hash_with_weaker_parameters_is_made_anew_at_log_in(client: Client) -> None:
    ada = await join(client, username="ada", password_hash=password_hash(time_cost=1))
    for _ in range(2):
        assert (await log_in(client, "ada"))["userErrors"] == []
        async with client.database.writing() as session:
            stored = await session.scalar(select(User.password_hash).where(User.id == ada.id))
        assert stored is not None
        assert "m=19456,t=2,p=1" in stored


async def test_a_session_says_where_it_is(client: Client) -> None:
    await join(client, username="ada")
    client.http.headers["User-Agent"] = "A browser " * 100
    token = (await tokens_of(client, "ada"))["accessToken"]
    body = (await ask(client, token, "{viewer {sessions {nodes {userAgent}}}}")).json()
    (session,) = body["data"]["viewer"]["sessions"]["nodes"]
    assert session["userAgent"] == ("A browser " * 20)
