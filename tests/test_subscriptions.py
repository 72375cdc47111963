"""What is told of what happens: all of it, in order, once, and only to those who may see it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from db import log, models
from db.engine import Database
from db.enums import Role
from db.events import Announcement, EventKind
from db.transactions import Session
from db.write import transaction
from gql.errors import SessionEndedError
from tests import factories
from tests.client import Client
from tests.following import COMMENTS, PUBLISHED, UPDATED, World, following

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(client: Client) -> World:
    return await World(client)()


async def test_a_comment_is_told_to_whoever_follows_its_post(client: Client, world: World) -> None:
    async with following(client, COMMENTS, post=world.id) as follower:
        await follower.begins()
        await world.comment("One")
        await world.comment("Two")
        told = [await follower.next(), await follower.next()]
    assert [event["comment"] for event in told] == [
        {"body": "One", "author": {"username": "ben"}},
        {"body": "Two", "author": {"username": "ben"}},
    ]
    assert told[0]["eventId"] != told[1]["eventId"]


async def test_an_edge_comes_with_the_event(client: Client, world: World) -> None:
    document = """subscription ($post: ID!) {
      commentAdded(postId: $post) {comment {id} commentEdge {cursor node {id}}}
    }"""
    async with following(client, document, post=world.id) as follower:
        await follower.begins()
        await world.comment("One")
        told = await follower.next()
    connection = await client.data(
        "query ($id: ID!) {post(by: {id: $id}) {comments {edges {cursor node {id}}}}}", {"id": world.id}
    )
    assert connection["post"]["comments"]["edges"] == [told["commentEdge"]]
    assert told["comment"] == told["commentEdge"]["node"]


async def test_what_is_published_is_told_to_those_whose_filter_it_passes(
    client: Client, world: World
) -> None:
    mine = {"author": {"username": "ada"}}
    async with (
        following(client, PUBLISHED) as all_,
        following(client, PUBLISHED, filter=mine) as of_ada,
        following(client, PUBLISHED, filter={"author": {"username": "ben"}}) as of_ben,
        following(client, PUBLISHED, filter={"tag": {"slug": "python"}}) as tagged,
    ):
        for follower in (all_, of_ada, of_ben, tagged):
            await follower.begins()
        post = await world.draft()
        await world.ada.mutate("publishPost", id=post)
        for follower in (all_, of_ada):
            assert (await follower.next())["post"] == {"title": "Draft", "status": "PUBLISHED"}
        made = await world.ben.mutate("createPost", "post {id}", title="Python", body="…", tags=["python"])
        await world.ben.mutate("publishPost", id=made["post"]["id"])
        for follower in (all_, of_ben, tagged):
            assert (await follower.next())["post"]["title"] == "Python"
        await of_ada.is_quiet()


async def test_changes_of_a_post_are_told(client: Client, world: World) -> None:
    async with following(client, UPDATED, post=world.id) as follower:
        await follower.begins()
        await world.ada.mutate("updatePost", id=world.id, title="Second")
        assert (await follower.next())["post"]["title"] == "Second"
        # Nothing changes.
        await world.ada.mutate("updatePost", id=world.id, title="Second")
        await world.ada.mutate("updatePost", id=world.id, tags=["New"])
        await follower.next()
        await follower.is_quiet()


@pytest.mark.parametrize("mutation", ["unpublishPost", "archivePost", "deletePost"])
async def test_who_cannot_see_a_post_any_more_is_told_so_and_nothing_else(
    client: Client, world: World, mutation: str
) -> None:
    async with following(client, UPDATED, post=world.id) as stranger:
        await stranger.begins()
        await world.ada.mutate(mutation, id=world.id)
        assert (await stranger.next())["post"] is None
        await stranger.ends()


async def test_nobody_follows_what_they_cannot_see(client: Client, world: World) -> None:
    post = await world.draft()
    for document in (COMMENTS, UPDATED):
        async with following(client, document, post=post) as stranger:
            assert await stranger.codes() == {"NOT_FOUND"}
            await stranger.ends()
        async with following(world.ada, document, post=post) as author:
            await author.begins()


async def test_comments_on_a_draft_are_told_to_those_who_can_see_it(client: Client, world: World) -> None:
    async with (
        following(client, COMMENTS, post=world.id) as stranger,
        following(world.ada, COMMENTS, post=world.id) as author,
    ):
        await stranger.begins()
        await author.begins()
        await world.ada.mutate("unpublishPost", id=world.id)
        await world.ada.mutate("createComment", postId=world.id, body="For myself")
        assert (await author.next())["comment"]["body"] == "For myself"
        await stranger.is_quiet()


async def test_a_role_counts_from_the_next_event_on(client: Client, world: World) -> None:
    await client.data("{__typename}")
    await change(client.database, update(models.User).values(role=Role.EDITOR), world.other.id)
    editor = await client.viewing(world.other)
    post = await world.draft()
    async with following(editor, COMMENTS, post=post) as follower:
        await follower.begins()
        await world.ada.mutate("createComment", postId=post, body="One")
        assert (await follower.next())["comment"]["body"] == "One"
        await change(client.database, update(models.User).values(role=Role.USER), world.other.id)
        await world.ada.mutate("createComment", postId=post, body="Two")
        await follower.is_quiet()


async def change(database: Database, statement: Any, user_id: int) -> None:
    async with database.writing() as session:
        await session.execute(statement.where(models.User.id == user_id))


async def test_a_session_that_is_over_is_told_nothing(client: Client, world: World) -> None:
    async with following(world.ben, COMMENTS, post=world.id) as follower:
        await follower.begins()
        await world.ben.mutate("logOut", everywhere=True)
        await world.ada.mutate("createComment", postId=world.id, body="One")
        with pytest.raises(SessionEndedError):
            await follower.result()


async def test_what_is_rolled_back_is_never_told(client: Client, world: World) -> None:
    async with following(client, COMMENTS, post=world.id) as follower:
        await follower.begins()
        comment = factories.comment(world.post, world.other)
        await factories.save(client.database, comment)

        async def work(session: Session) -> None:
            await log.append(session, EventKind.COMMENT_ADDED, world.post.id, comment.id)
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await transaction(client.database, work)
        await world.comment("Two")
        assert (await follower.next())["comment"]["body"] == "Two"


async def test_a_scheduled_post_is_announced_once_by_whichever_process(client: Client, world: World) -> None:
    post = await world.draft()
    soon = datetime.now(UTC) + timedelta(seconds=2)
    async with following(client, PUBLISHED) as follower:
        await follower.begins()
        published = await world.ada.mutate("publishPost", id=post, at=soon.isoformat())
        assert published["userErrors"] == []
        assert (await follower.next())["post"] == {"title": "Draft", "status": "PUBLISHED"}
        assert datetime.now(UTC) >= soon
        counts = [await transaction(client.database, log.announce) for _ in range(2)]
        assert counts == [0, 0]
        await follower.is_quiet()


@pytest.mark.parametrize("mutation", ["unpublishPost", "archivePost", "deletePost"])
async def test_what_is_withdrawn_is_not_announced(client: Client, world: World, mutation: str) -> None:
    post = await world.draft()
    later = datetime.now(UTC) + timedelta(hours=1)
    await world.ada.mutate("publishPost", id=post, at=later.isoformat())
    assert await scheduled(client.database) == 1
    await world.ada.mutate("publishPost", id=post, at=(later + timedelta(hours=1)).isoformat())
    assert await scheduled(client.database) == 1
    await world.ada.mutate(mutation, id=post)
    assert await scheduled(client.database) == 0


async def scheduled(database: Database) -> int:
    async with database.reading() as connection:
        return await connection.scalar(select(func.count()).select_from(Announcement)) or 0
