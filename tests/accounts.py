"""What the tests of accounts share: members with a password, their tokens, and the mails that are sent."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import httpx
from fastapi import FastAPI
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import select

from db.accounts import MailedToken
from db.models import User
from gql.mail import Mail
from gql.tokens import hash_token
from tests import factories
from tests.client import Client

PASSWORD = "correct horse battery"  # noqa: S105 # Of nobody but these tests.
WRONG = "incorrect horse battery"
TOKENS = "tokens {accessToken refreshToken accessTokenExpiresAt refreshTokenExpiresAt} viewer {username}"
VIEWER = "{viewer {username}}"


@cache
def password_hash(time_cost: int = 2) -> str:
    """Of PASSWORD, as the product makes it by default."""
    return PasswordHash((Argon2Hasher(time_cost=time_cost, memory_cost=19456, parallelism=1),)).hash(PASSWORD)


async def join(client: Client, **given: Any) -> User:
    """Somebody who has a password."""
    user = factories.user(**{"password_hash": password_hash(), **given})
    await factories.save(client.database, user)
    return user


@asynccontextmanager
async def with_ada(app: FastAPI) -> AsyncIterator[Client]:
    """An application that is served already, over HTTP without a socket, and of which ada is a member."""
    client = Client(app)
    async with client.http:
        await join(client, username="ada")
        yield client


@asynccontextmanager
async def by_ada(app: FastAPI) -> AsyncIterator[Client]:
    """The same for ada herself."""
    async with with_ada(app) as client:
        token = (await tokens_of(client, "ada"))["accessToken"]
        client.http.headers["Authorization"] = f"Bearer {token}"
        yield client


async def log_in(client: Client, username: str, password: str = PASSWORD) -> dict[str, Any]:
    return await client.mutate("logIn", TOKENS, username=username, password=password)


async def tokens_of(client: Client, username: str, password: str = PASSWORD) -> dict[str, Any]:
    """Those of a new session."""
    payload = await log_in(client, username, password)
    assert payload["userErrors"] == []
    tokens: dict[str, Any] = payload["tokens"]
    return tokens


async def ask(client: Client, token: str, query: str = VIEWER, **headers: str) -> httpx.Response:
    """The answer to whoever has this access token."""
    headers = {"Authorization": f"Bearer {token}", **headers}
    return await client.http.post("/graphql", json={"query": query}, headers=headers)


async def is_let_in(client: Client, token: str) -> bool:
    body = (await ask(client, token)).json()
    codes = [error["extensions"]["code"] for error in body.get("errors", [])]
    assert codes in ([], ["UNAUTHENTICATED"])
    return not codes


async def count(client: Client, model: Any, *where: Any) -> int:
    async with client.database.writing() as session:
        return len((await session.scalars(select(model).where(*where))).all())


class Outbox:
    """What is sent from now on, instead of sending it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._mailer = client.app.state.accounts.mailer
        self._mails: list[Mail] = []
        self._mailer.deliver = self._keep

    async def _keep(self, mail: Mail) -> None:
        self._mails.append(mail)

    async def mails(self) -> list[Mail]:
        """Those that came since it was last asked."""
        await self._mailer.sent()
        mails, self._mails = self._mails, []
        return mails

    async def mail(self) -> Mail:
        """The only one."""
        (mail,) = await self.mails()
        return mail

    async def token(self) -> str:
        """That of the only mail."""
        (token,) = await self.tokens_in(await self.mail())
        return token

    async def tokens_in(self, mail: Mail) -> list[str]:
        """Whatever in a mail is known to the database as a token."""
        words = {hash_token(word): word for word in re.findall(r"[\w-]{20,}", mail.text)}
        async with self._client.database.writing() as session:
            found = await session.scalars(
                select(MailedToken.token_hash).where(MailedToken.token_hash.in_(words))
            )
            return [words[token_hash] for token_hash in found]
