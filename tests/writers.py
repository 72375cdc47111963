"""Writers who do not give up: what was not acknowledged they send again, with the same idempotency key."""

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import httpx
from sqlalchemy import func, select

from db import models
from db.accounts import IdempotencyKey
from db.associations import PostTag
from db.engine import Database
from db.enums import Role
from gql.relay import to_global_id
from gql.settings import Settings
from gql.tokens import Claims, Tokens
from tests import factories

_PAUSE = 0.5  # Seconds before somebody who was not answered tries again.
_TITLE = "A title"
_SHARED_TAGS = [f"Tag {number}" for number in range(10)]
_MUTATIONS = {
    "Post": "mutation ($input: CreatePostInput!) {done: createPost(input: $input) {"
    "entity: post {id} userErrors {code path}}}",
    "Comment": "mutation ($input: CreateCommentInput!) {done: createComment(input: $input) {"
    "entity: comment {id} userErrors {code path}}}",
}


class Wish(NamedTuple):
    """What somebody wants to be written, once."""

    kind: str
    given: dict[str, Any]


class Writers:
    """Several at once, and what they were told."""

    def __init__(self, clients: Sequence[httpx.AsyncClient], user_ids: Sequence[int], post_id: int) -> None:
        self.clients = clients
        self.user_ids = [to_global_id("User", key) for key in user_ids]
        self.acknowledged: dict[str, str] = {}
        self.unanswered = self.unavailable = 0
        self.is_ending = False
        self.post_id = to_global_id("Post", post_id)
        self._acknowledgements, self._refusals = asyncio.Semaphore(0), asyncio.Semaphore(0)

    async def acknowledgements(self, number: int) -> None:
        """Wait until so many more mutations were answered as done."""
        for _ in range(number):
            await asyncio.wait_for(self._acknowledgements.acquire(), 60)

    async def refusals(self, number: int) -> None:
        """Wait until so many more requests were answered with 503."""
        for _ in range(number):
            await asyncio.wait_for(self._refusals.acquire(), 60)

    def wish(self, kind: str) -> Wish:
        key = str(uuid.uuid4())
        given = {"body": key, "idempotencyKey": key}
        if kind == "Comment":
            return Wish(kind, {**given, "postId": self.post_id})
        # Tags that others want too, and one that nobody else wants.
        return Wish(kind, {**given, "title": _TITLE, "tags": [*random.sample(_SHARED_TAGS, 2), key]})

    async def send(self, client: httpx.AsyncClient, wish: Wish) -> str | None:
        """The id of what was made; None where nobody knows what came of it."""
        body = {"query": _MUTATIONS[wish.kind], "variables": {"input": wish.given}}
        try:
            response = await client.post("/graphql", json=body)
        except httpx.TransportError:
            self.unanswered += 1
            return None
        answer = response.json()
        if response.status_code == 503:
            assert [error["extensions"] for error in answer["errors"]] == [{"code": "SERVICE_UNAVAILABLE"}]
            assert "retry-after" in response.headers
            self.unavailable += 1
            self._refusals.release()
            return None
        assert "errors" not in answer, answer
        assert answer["data"]["done"]["userErrors"] == []
        self.acknowledged[wish.given["idempotencyKey"]] = made = answer["data"]["done"]["entity"]["id"]
        self._acknowledgements.release()
        return str(made)

    async def go_on(self, client: httpx.AsyncClient) -> None:
        wish = None
        while wish or not self.is_ending:
            wish = wish or self.wish(random.choice(list(_MUTATIONS)))
            if await self.send(client, wish) is None:
                await asyncio.sleep(_PAUSE)
            else:
                wish = None


@asynccontextmanager
async def writers_at(
    address: str, database_url: str, number: int, role: Role = Role.USER
) -> AsyncIterator[Writers]:
    """So many users who are logged in; they write nothing by themselves."""
    settings = Settings(database_url=database_url)
    users = [factories.user(role=role) for _ in range(number)]
    post = factories.post(users[0])
    database = Database(settings.database)
    await factories.save(database, post, *users)
    expires_at = datetime.now(UTC) + timedelta(days=1)
    sessions = [models.Session(owner_id=user.id, user_agent="", expires_at=expires_at) for user in users]
    await factories.save(database, *sessions)
    await database.dispose()
    tokens = Tokens(settings.secrets)
    async with AsyncExitStack() as stack:
        clients = [
            httpx.AsyncClient(
                base_url=address,
                headers={"Authorization": f"Bearer {tokens.access(Claims(session.owner_id, session.id))}"},
                timeout=30,
            )
            for session in sessions
        ]
        for client in clients:
            await stack.enter_async_context(client)
        yield Writers(clients, [user.id for user in users], post.id)


@asynccontextmanager
async def at_work(*groups: Writers) -> AsyncIterator[None]:
    """All write all the time. At the end each waits until its last mutation is acknowledged."""
    async with asyncio.TaskGroup() as tasks:
        for writers in groups:
            writers.is_ending = False
            for client in writers.clients:
                tasks.create_task(writers.go_on(client))
        yield
        for writers in groups:
            writers.is_ending = True


@asynccontextmanager
async def writing(address: str, database_url: str, number: int = 8) -> AsyncIterator[Writers]:
    """So many, at work."""
    async with writers_at(address, database_url, number) as writers, at_work(writers):
        yield writers


async def figures(database_url: str, acknowledged: dict[str, str]) -> dict[str, int]:
    """What the database has of the mutations that were acknowledged, by their keys."""
    database = Database(Settings(database_url=database_url).database)

    async def rows(statement: Any) -> Sequence[Any]:
        async with database.reading() as connection:
            return (await connection.execute(statement)).all()

    posts = await rows(
        select(models.Post.id, models.Post.body.label("key")).where(models.Post.title == _TITLE)
    )
    comments = await rows(select(models.Comment.id, models.Comment.text.label("key")))
    tagged = await rows(select(PostTag.post_id, func.count().label("number")).group_by(PostTag.post_id))
    kept = await rows(select(IdempotencyKey.key, IdempotencyKey.outcome))
    await database.dispose()
    made: dict[str, str] = {to_global_id("Post", row.id): row.key for row in posts}
    made |= {to_global_id("Comment", row.id): row.key for row in comments}
    outcomes = {row.key: row.outcome for row in kept}
    tags = {row.post_id: row.number for row in tagged}
    whole = {row.key for row in posts if tags.get(row.id) == 3 and _is_kept(outcomes.get(row.key), row.id)}
    whole |= {row.key for row in comments if _is_kept(outcomes.get(row.key), row.id)}
    there = set(made.values()) | set(outcomes)
    return {
        "acknowledged": len(acknowledged),
        "lost": sum(made.get(made_as) != key for key, made_as in acknowledged.items()),
        "doubled": sum(number > 1 for number in Counter(made.values()).values()),
        "half there": len(there - whole),
        "there without an acknowledgement": len(there - set(acknowledged)),
    }


def _is_kept(outcome: Any, key: int) -> bool:
    return bool(outcome == {"key": key, "deleted": None})
