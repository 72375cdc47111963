"""Mutations of one account wait for each other, and never in a circle.

Only PostgreSQL has locks of single rows. A third transaction holds the row for which both wait, so that the
order in which they come to it is no accident.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest
from sqlalchemy import select, text, update

from db import models
from db.base import Entity
from db.enums import PostStatus, Role
from gql.relay import to_global_id
from gql.settings import Settings
from tests import factories
from tests.accounts import PASSWORD, Outbox, is_let_in, join, tokens_of
from tests.client import Client
from tests.conftest import NewUrl
from tests.test_races import aborted
from tests.test_retries import another

pytestmark = pytest.mark.anyio

WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
)


@pytest.fixture
def settings(new_postgresql_url: NewUrl) -> Settings:
    return Settings(database_url=new_postgresql_url())


async def in_turn(client: Client, row: type[Entity], *work: Awaitable[Any]) -> list[Any]:
    """All of it, each begun when the one before waits for the first row of a table."""
    tasks: list[asyncio.Future[Any]] = []
    async with another(client.database.settings.url) as holder:
        await holder.execute(select(row.id).order_by(row.id).limit(1).with_for_update())
        for one in work:
            tasks.append(asyncio.ensure_future(one))
            await until_waiting(client, len(tasks))
        await holder.rollback()
        return await asyncio.gather(*tasks)


async def until_waiting(client: Client, number: int) -> None:
    for _ in range(1000):
        async with client.database.reading() as connection:
            if await connection.scalar(text(WAITING)) == number:
                return
        await asyncio.sleep(0.01)
    raise AssertionError("they do not wait for a lock")


async def test_a_log_out_and_a_renewal(client: Client) -> None:
    await join(client, username="ada")
    tokens = await tokens_of(client, "ada")
    ada = Client(client.app, Authorization=f"Bearer {tokens['accessToken']}")
    async with ada.http:
        with aborted(client.database) as statements:
            left, renewed = await in_turn(
                client,
                models.Session,
                ada.mutate("logOut", everywhere=True),
                client.mutate("refreshTokens", refreshToken=tokens["refreshToken"]),
            )
    assert statements == []
    assert left["userErrors"] == []
    assert renewed["userErrors"] == [("INVALID_TOKEN", "refreshToken")]
    assert not await is_let_in(client, tokens["accessToken"])


async def test_a_deactivation_and_a_confirmation(client: Client) -> None:
    outbox = Outbox(client)
    user = await join(client)
    admin = await client.viewing(await join(client, role=Role.ADMIN))
    key = to_global_id("User", user.id)
    ada = await client.viewing(user)
    await ada.mutate("updateUser", id=key, email="new@example.org", currentPassword=PASSWORD)
    token = await outbox.token()
    with aborted(client.database) as statements:
        done, confirmed = await in_turn(
            client,
            models.User,
            admin.mutate("deactivateUser", id=key),
            client.mutate("verifyEmail", token=token),
        )
    assert statements == []
    assert done["userErrors"] == []
    assert confirmed["userErrors"] == [("INVALID_TOKEN", "token")]


async def test_who_has_waited_for_a_post_is_told_of_it_as_it_is_then(client: Client) -> None:
    """Not as it was when the statement began that writes the comment."""
    author = factories.user()
    post = factories.post(author, title="Old")
    await factories.save(client.database, post)
    ada = await client.viewing(author)
    async with another(client.database.settings.url) as holder:
        change = update(models.Post).where(models.Post.id == post.id)
        await holder.execute(change.values(title="New", stored_status=PostStatus.DRAFT, published_at=None))
        selection = "comment {post {title status} author {username}}"
        given = {"postId": to_global_id("Post", post.id), "body": "A note"}
        writing = asyncio.ensure_future(ada.mutate("createComment", selection, **given))
        await until_waiting(client, 1)
        await holder.commit()
    assert (await writing)["comment"] == {
        "post": {"title": "New", "status": "DRAFT"},
        "author": {"username": author.username},
    }
