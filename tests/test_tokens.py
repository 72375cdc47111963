"""An access token is one that we made, for a session that lasts. With anything else nobody is a stranger."""

import base64
import hashlib
import hmac
import json
import os
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import update

from db.enums import Role
from db.models import Session, Tag, User
from gql.app import create_app
from gql.relay import to_global_id
from gql.settings import Settings
from gql.tokens import Claims, hash_token
from tests import factories
from tests.accounts import PASSWORD, VIEWER, ask, count, is_let_in, join, tokens_of
from tests.client import Client

pytestmark = pytest.mark.anyio

SECRET = os.environ["GAZETTE_SECRET_KEYS"]
GRAPHQL = "application/graphql-response+json"
REFUSED = {
    "errors": [
        {
            "message": "The access token is not valid; log in again.",
            "extensions": {"code": "UNAUTHENTICATED"},
        }
    ]
}


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def forged(
    claims: dict[str, Any],
    *,
    secret: str = SECRET,
    digest: Callable[..., Any] = hashlib.sha256,
    without_signature: bool = False,
    **header: Any,
) -> str:
    """A token as ours but for what is given; what is None is left out."""
    header = {"alg": "HS256", "typ": "at+jwt", "kid": hash_token(SECRET)[:16]} | header
    parts = [{name: value for name, value in part.items() if value is not None} for part in (header, claims)]
    signed = ".".join(encoded(json.dumps(part).encode()) for part in parts)
    signature = hmac.new(secret.encode(), signed.encode(), digest).digest()
    return f"{signed}.{'' if without_signature else encoded(signature)}"


async def claims_of_ada(client: Client) -> dict[str, Any]:
    """What her access token says."""
    ada = await join(client, username="ada")
    session = Session(owner_id=ada.id, user_agent="test", expires_at=factories.TOMORROW)
    await factories.save(client.database, session)
    now = int(time.time())
    return {
        "iss": "gazette",
        "aud": "gazette",
        "iat": now,
        "exp": now + 60,
        "sub": str(ada.id),
        "sid": str(session.id),
    }


async def answer(client: Client, token: str, accept: str = "application/json") -> httpx.Response:
    return await ask(client, token, VIEWER, Accept=accept)


async def test_a_token_like_ours_lets_in(client: Client) -> None:
    """So that what follows is refused for what it is about."""
    claims = await claims_of_ada(client)
    assert (await answer(client, forged(claims))).json() == {"data": {"viewer": {"username": "ada"}}}
    # Clocks differ by some seconds.
    assert await is_let_in(client, forged(claims | {"exp": claims["iat"] - 5}))
    assert await is_let_in(client, forged(claims | {"iat": claims["iat"] + 5}))


NOW = int(time.time())
BAD_CLAIMS: dict[str, dict[str, Any]] = {
    "expired": {"iat": NOW - 900, "exp": NOW - 11},
    "not valid yet": {"nbf": NOW + 3600},
    "made in the future": {"iat": NOW + 3600, "exp": NOW + 7200},
    "of another issuer": {"iss": "somebody"},
    "for another audience": {"aud": "somebody"},
    "of nobody": {"sub": "0"},
    "of another user": {"sub": "999999"},
    "of another session": {"sid": "999999"},
    "of what is no number": {"sub": "ada"},
    "of a number and not a text": {"sub": 1},
    "of a session that is no number": {"sid": "1 OR 1=1"},
    "until never": {"exp": "never"},
    **{f"without {name}": {name: None} for name in ("iss", "aud", "exp", "iat", "sub", "sid")},
}
BAD_HEADERS: dict[str, dict[str, Any]] = {
    "signed by another key": {"secret": "another-secret-that-is-as-long-as-the-first"},
    "signed by another key that it names": {"secret": "another", "kid": hash_token("another")[:16]},
    "signed by nobody": {"alg": "none", "without_signature": True},
    "signed by nobody, in capitals": {"alg": "NONE", "without_signature": True},
    "signed by nobody, with a signature": {"alg": "none"},
    "without its signature": {"without_signature": True},
    "of a public key, signed by the secret": {"alg": "RS256"},
    "of a longer hash": {"alg": "HS512", "digest": hashlib.sha512},
    "of no algorithm": {"alg": None},
    "of a list of algorithms": {"alg": ["HS256"]},
    "of another type": {"typ": "JWT"},
    "of no type": {"typ": None},
    "of an unknown key": {"kid": "unknown"},
    "of no key": {"kid": None},
    "of a list of keys": {"kid": ["unknown"]},
    "critical": {"crit": ["exp"], "alg": "none"},
    "detached": {"b64": False, "crit": ["b64"]},
}


async def assert_refused(client: Client, token: str) -> None:
    """With one text, under either media type."""
    plain, strict = await answer(client, token), await answer(client, token, GRAPHQL)
    assert (plain.status_code, plain.json()) == (200, REFUSED)
    assert (strict.status_code, strict.json()) == (401, REFUSED)
    assert strict.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("changed", BAD_CLAIMS.values(), ids=BAD_CLAIMS)
async def test_claims_that_are_refused(client: Client, changed: dict[str, Any]) -> None:
    await assert_refused(client, forged(await claims_of_ada(client) | changed))


@pytest.mark.parametrize("changed", BAD_HEADERS.values(), ids=BAD_HEADERS)
async def test_headers_and_signatures_that_are_refused(client: Client, changed: dict[str, Any]) -> None:
    await assert_refused(client, forged(await claims_of_ada(client), **changed))


async def test_garbage_is_refused(client: Client) -> None:
    good = forged(await claims_of_ada(client))
    deep = f"{encoded(b'[' * 20_000)}.{encoded(b'{}')}.{encoded(b'x')}"
    for token in ("", ".", "..", "a.b.c", good[:-1], f"{good}A", good.replace(".", ""), deep, "x" * 60_000):
        await assert_refused(client, token)
    headers = {b"Authorization": "Bearer é.é.é".encode("latin-1")}
    response = await client.http.post("/graphql", json={"query": VIEWER}, headers=headers)
    assert response.json() == REFUSED


@pytest.mark.parametrize("scheme", ["Basic {}", "{}", "Bearer", "", "Token {}", "Bearer{}", "Bearer {0} {0}"])
async def test_another_scheme_is_refused(client: Client, scheme: str) -> None:
    good = forged(await claims_of_ada(client))
    headers = {"Authorization": scheme.format(good)}
    response = await client.http.post("/graphql", json={"query": VIEWER}, headers=headers)
    assert response.json() == REFUSED


async def test_what_was_revoked_is_refused_from_the_next_request_on(client: Client) -> None:
    admin = await client.viewing(await join(client, role=Role.ADMIN))
    ends: dict[str, Callable[[User, Client], Any]] = {
        "logged out": lambda user, own: own.mutate("logOut"),
        "deactivated": lambda user, own: admin.mutate("deactivateUser", id=to_global_id("User", user.id)),
        "deleted": lambda user, own: admin.mutate("deleteUser", id=to_global_id("User", user.id)),
    }
    for name, end in ends.items():
        user = await join(client)
        token = (await tokens_of(client, user.username))["accessToken"]
        assert await is_let_in(client, token)
        own = Client(client.app, Authorization=f"Bearer {token}")
        async with own.http:
            assert (await end(user, own))["userErrors"] == [], name
        await assert_refused(client, token)


async def test_a_session_of_somebody_inactive_is_worth_nothing(client: Client) -> None:
    """However it outlived the deactivation."""
    ada = await join(client)
    as_ada = await client.viewing(ada)
    async with client.database.writing() as session:
        await session.execute(update(User).values(is_active=False))
    assert await as_ada.execute(VIEWER) == REFUSED


async def test_a_token_can_live_for_another_time(client: Client) -> None:
    ada = await join(client)
    session = Session(owner_id=ada.id, user_agent="test", expires_at=factories.TOMORROW)
    await factories.save(client.database, session)
    tokens, claims = client.app.state.accounts.tokens, Claims(ada.id, session.id)
    assert await is_let_in(client, tokens.access(claims, timedelta(minutes=1)))
    assert not await is_let_in(client, tokens.access(claims, timedelta(minutes=-1)))


async def test_a_token_that_was_let_in_before_is_refused_when_its_time_is_over(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = await claims_of_ada(client)
    token = forged(claims)
    assert await is_let_in(client, token)
    monkeypatch.setattr(time, "time", lambda: claims["exp"] + 9)  # Clocks differ by some seconds.
    assert await is_let_in(client, token)
    monkeypatch.setattr(time, "time", lambda: claims["exp"] + 11)
    await assert_refused(client, token)


async def test_a_session_that_has_run_out_is_refused(client: Client) -> None:
    ada = await join(client)
    as_ada = await client.viewing(ada)
    async with client.database.writing() as session:
        await session.execute(update(Session).values(expires_at=factories.YESTERDAY))
    assert await as_ada.execute(VIEWER) == REFUSED


async def test_a_new_role_counts_from_the_next_request_on(client: Client) -> None:
    admin = await client.viewing(await join(client, role=Role.ADMIN))
    user = await join(client)
    post = factories.post(await join(client), **factories.HIDDEN["draft"])
    await factories.save(client.database, post)
    as_user = await client.viewing(user)
    query = f'{{node(id: "{to_global_id("Post", post.id)}") {{id}}}}'
    for role, sees in ((Role.EDITOR, True), (Role.USER, False)):
        given = {"id": to_global_id("User", user.id), "role": role.name}
        assert (await admin.mutate("setUserRole", **given))["userErrors"] == []
        assert ((await as_user.data(query))["node"] is not None) is sees


async def test_nothing_is_executed_for_a_token_that_is_refused(client: Client) -> None:
    expired = forged(await claims_of_ada(client) | {"exp": 1})
    credentials = f'(input: {{username: "ada", password: "{PASSWORD}"}})'
    for query in (
        "{posts {totalCount}}",
        "{__typename}",
        'mutation {createTag(input: {name: "new"}) {userErrors {code}}}',
        f"mutation {{logIn{credentials} {{userErrors {{code}}}} logOut(input: {{}}) {{endedSessions}}}}",
        f"mutation {{...F}} fragment F on Mutation {{logIn{credentials} {{userErrors {{code}}}}}}",
        f"mutation {{... {{logIn{credentials} {{userErrors {{code}}}}}}}}",
    ):
        assert (await ask(client, expired, query)).json() == REFUSED, query
    assert (await count(client, Session), await count(client, Tag)) == (1, 0)


async def test_who_has_only_an_expired_token_can_get_another(client: Client) -> None:
    expired = forged(await claims_of_ada(client) | {"exp": 1})
    tokens = await tokens_of(client, "ada")
    with_expired = Client(client.app, Authorization=f"Bearer {expired}")
    async with with_expired.http:
        assert (await tokens_of(with_expired, "ada"))["accessToken"]
        renewed = await with_expired.mutate("refreshTokens", refreshToken=tokens["refreshToken"])
        assert renewed["userErrors"] == []
        # Aliases and a choice among operations change nothing.
        reset = 'a: requestPasswordReset(input: {email: "a@example.org"}) {userErrors {code}}'
        query = f"mutation A {{{reset}}} query B {VIEWER}"
        assert "errors" not in await with_expired.execute(query, operationName="A")
        assert await with_expired.execute(query, operationName="B") == REFUSED


async def test_a_new_key_signs_while_the_old_one_is_still_accepted(settings: Settings) -> None:
    old, new = "the-old-key-of-which-all-had-tokens", "the-new-key-that-signs-from-now-on"

    def keyed(*keys: str) -> Settings:
        return settings.model_copy(update={"secret_keys": SecretStr(",".join(keys))})

    async with Client(create_app(keyed(old))) as client:
        await join(client, username="ada")
        of_old = (await tokens_of(client, "ada"))["accessToken"]
    async with Client(create_app(keyed(new, old))) as client:
        of_new = (await tokens_of(client, "ada"))["accessToken"]
        assert await is_let_in(client, of_old)
        assert await is_let_in(client, of_new)
    async with Client(create_app(keyed(new))) as client:
        await assert_refused(client, of_old)
        assert await is_let_in(client, of_new)
