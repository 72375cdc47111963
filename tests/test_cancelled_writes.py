"""A client that leaves in the middle of a write leaves nothing half done."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select

from db import models
from gql.settings import Settings
from tests import factories
from tests.client import Client
from tests.conftest import NewUrl

pytestmark = pytest.mark.anyio

POST = {"title": "A title", "body": "text", "tags": ["a", "b", "c"], "idempotencyKey": "a key"}
CREATE = "mutation ($input: CreatePostInput!) {createPost(input: $input) {post {id}}}"


@pytest.fixture
def settings(new_url: NewUrl) -> Settings:
    # One connection: a transaction that was left open would keep all others out.
    return Settings(database_url=new_url(), write_connections=1)


async def count(client: Client, model: Any) -> int:
    async with client.database.reading() as connection:
        return int(await connection.scalar(select(func.count()).select_from(model)) or 0)


async def test_a_post_is_there_with_its_tags_or_not_at_all(client: Client) -> None:
    user = factories.user()
    await factories.save(client.database, user)
    ada = await client.viewing(user)
    ended = {"left": 0, "answered": 0}
    for number in range(60):
        given = {**POST, "title": f"Title {number}", "idempotencyKey": f"key {number}"}
        sending = asyncio.create_task(ada.data(CREATE, {"input": given}))
        # From before the request has begun until after it has ended.
        for _ in range(number):
            await asyncio.sleep(0.0005)
        ended["left" if sending.cancel() else "answered"] += 1
        await asyncio.gather(sending, return_exceptions=True)
    # Whoever was cut off asks again.
    for number in range(60):
        given = {**POST, "title": f"Title {number}", "idempotencyKey": f"key {number}"}
        await ada.data(CREATE, {"input": given})
    assert min(ended.values()) > 0
    assert await count(client, models.Post) == 60
    data = await ada.data("{posts(first: 100) {nodes {slug tags {totalCount}}}}")
    assert [post["tags"]["totalCount"] for post in data["posts"]["nodes"]] == [3] * 60
    assert len({post["slug"] for post in data["posts"]["nodes"]}) == 60


async def test_a_mail_is_sent_although_nobody_waits_for_the_answer(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = client.app.state.accounts
    mails: list[Any] = []

    async def deliver(mail: Any) -> None:
        mails.append(mail)

    monkeypatch.setattr(accounts.mailer, "deliver", deliver)
    inserting = asyncio.Event()
    original = accounts.attempts.may_mail

    async def may_mail(email: str, purpose: str) -> bool:
        inserting.set()
        await asyncio.sleep(0.05)
        return bool(await original(email, purpose))

    monkeypatch.setattr(accounts.attempts, "may_mail", may_mail)
    given = '{username: "ada", email: "ada@example.org", password: "correct horse battery"}'
    sending = asyncio.create_task(client.data(f"mutation {{createUser(input: {given}) {{user {{id}}}}}}"))
    await asyncio.wait_for(inserting.wait(), 20)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    await accounts.mailer.sent()
    assert await count(client, models.User) == 1
    assert [mail.to for mail in mails] == ["ada@example.org"]
