"""Two different mutations at the same moment: whichever is first, the other one fits what it left."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, func, or_, select
from sqlalchemy.orm import aliased

from db import lane, models, transactions
from db.associations import PostTag
from db.engine import Database
from db.enums import Role
from db.lane import Held
from gql.app import create_app
from gql.relay import to_global_id
from gql.settings import Settings
from tests import factories
from tests.client import Client
from tests.conftest import NewUrl

pytestmark = pytest.mark.anyio

ROUNDS = 20


@pytest.fixture
def settings(new_url: NewUrl) -> Settings:
    # As many connections as there are writers, so that it is the database that has to keep them apart.
    return Settings(database_url=new_url(), write_connections=10)


@pytest.fixture
async def second(client: Client, settings: Settings) -> AsyncIterator[Client]:
    """Another application on the same database, as each worker process has its own."""
    async with Client(create_app(settings)) as other:
        yield other


async def started_one_by_one(pause: int, *work: Awaitable[Any]) -> list[Any]:
    """All of it at once, each begun so many turns of the event loop after the one before."""
    tasks = []
    for one in work:
        tasks.append(asyncio.ensure_future(one))
        for _ in range(pause):
            await asyncio.sleep(0)
    return await asyncio.gather(*tasks)


@contextmanager
def aborted(database: Database) -> Iterator[list[str]]:
    """The statements of the write lane that the database ends meanwhile, with their transactions."""
    statements: list[str] = []

    def record(context: Any) -> None:
        statements.append(f"{context.original_exception}: {context.statement}")

    def meaning(error: Exception, held: Held, sql: str) -> Exception:
        statements.append(f"{error}: {sql}")
        return lane.meaning(error, held, sql)

    event.listen(database.write_engine.sync_engine, "handle_error", record)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transactions, "meaning", meaning)
        yield statements
    event.remove(database.write_engine.sync_engine, "handle_error", record)


async def test_two_admins_who_demote_each_other_leave_one(client: Client, second: Client) -> None:
    for _ in range(10):
        users = [factories.user(role=Role.ADMIN) for _ in range(2)]
        await factories.save(client.database, *users)
        admins = [await client.viewing(users[0]), await second.viewing(users[1])]
        payloads = await asyncio.gather(
            *(
                admin.mutate("setUserRole", "user {role}", id=to_global_id("User", other.id), role="USER")
                for admin, other in zip(admins, reversed(users), strict=True)
            )
        )
        async with client.database.reading() as connection:
            left = select(func.count()).where(models.User.role == Role.ADMIN)
            assert await connection.scalar(left.where(models.User.id.in_(user.id for user in users))) == 1
        refused, done = sorted(payloads, key=lambda payload: len(payload["userErrors"]), reverse=True)
        assert refused == {"user": None, "userErrors": [("FORBIDDEN", "")]}
        assert done == {"user": {"role": "USER"}, "userErrors": []}
        await factories.clear(client.database)


async def test_a_comment_is_deleted_while_somebody_replies(client: Client, second: Client) -> None:
    post = factories.post(factories.user())
    await factories.save(client.database, post)
    author, same_author = await client.viewing(post.author), await second.viewing(post.author)
    came = set()
    for round_ in range(ROUNDS):
        comment = factories.comment(post, post.author)
        await factories.save(client.database, comment)
        key = to_global_id("Comment", comment.id)
        reply = author.mutate(
            "createComment",
            "comment {id parent {id body}}",
            postId=to_global_id("Post", post.id),
            parentId=key,
            body="a reply",
        )
        deletion = same_author.mutate("deleteComment", "deletedCommentId comment {id body}", id=key)
        if round_ % 2:
            replied, deleted = await started_one_by_one(5 * round_, reply, deletion)
        else:
            deleted, replied = await started_one_by_one(5 * round_, deletion, reply)
        assert deleted["userErrors"] == []
        if replied["userErrors"]:
            assert replied == {"comment": None, "userErrors": [("NOT_FOUND", "parentId")]}
            assert (deleted["deletedCommentId"], deleted["comment"]) == (key, None)
        else:
            assert replied["comment"]["parent"]["id"] == key
            assert (deleted["deletedCommentId"], deleted["comment"]) == (None, {"id": key, "body": None})
        came.add(bool(replied["userErrors"]))
    # Otherwise there was no race.
    assert came == {True, False}
    parent = aliased(models.Comment)
    orphans = (
        select(func.count())
        .select_from(models.Comment)
        .outerjoin(parent, parent.id == models.Comment.parent_id)
        .where(models.Comment.parent_id.is_not(None), parent.id.is_(None))
    )
    async with client.database.reading() as connection:
        assert await connection.scalar(orphans) == 0


async def different_copies(database: Database) -> int:
    """Comments and tags of posts that tell another `public_from` than their post."""
    post, comment, tag = models.Post, models.Comment, PostTag
    statement = (
        select(func.count())
        .select_from(post)
        .outerjoin(comment, comment.post_id == post.id)
        .outerjoin(tag, tag.post_id == post.id)
        .where(or_(comment.public_from != post.public_from, tag.post_public_from != post.public_from))
    )
    async with database.reading() as connection:
        return int(await connection.scalar(statement) or 0)


async def test_a_post_is_published_and_withdrawn_while_people_comment(client: Client, second: Client) -> None:
    """And read it, and its author goes on writing: none of them has to be begun anew for the others."""
    post, reader = factories.post(factories.user(), tags=[factories.tag()]), factories.user()
    await factories.save(client.database, post, reader)
    author, other = await client.viewing(post.author), await second.viewing(reader)
    key = to_global_id("Post", post.id)
    made: list[int] = []

    async def comment(number: int) -> None:
        payload = await other.mutate("createComment", "comment {id}", postId=key, body=f"Comment {number}")
        if payload["userErrors"]:
            assert payload["userErrors"] == [("NOT_FOUND", "postId")]
        else:
            # Its payload is null where the post was withdrawn before that was read.
            made.append(number)
        assert await different_copies(client.database) == 0

    with aborted(client.database) as statements, aborted(second.database) as more:
        for round_ in range(ROUNDS):
            move = "publishPost" if round_ % 2 else "unpublishPost"
            moved, *_ = await started_one_by_one(
                round_ % 5,
                author.mutate(move, id=key),
                *(comment(10 * round_ + number) for number in range(3)),
                author.mutate("updatePost", id=key, body=f"Body {round_}", tags=[f"Tag {round_ % 3}"]),
                *(other.mutate("recordPostView", id=key) for _ in range(3)),
            )
            assert moved["userErrors"] == []
            assert await different_copies(client.database) == 0
    assert statements + more == []
    async with client.database.reading() as connection:
        assert await connection.scalar(select(func.count()).select_from(models.Comment)) == len(made)
    assert 0 < len(made) < 3 * ROUNDS
