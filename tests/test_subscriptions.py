"""What is told of what happens: all of it, in order, once, and only to those who may see it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from db import log, models
from db.engine import Database
from db.enums import Role
from db.events import Announcement, Event, EventKind
from db.log import Position
from db.transactions import Session
from db.write import transaction
from gql import feed, live
from gql.app import create_app
from gql.errors import SessionEndedError, SlowConsumerError
from gql.relay import to_global_id
from gql.settings import Settings
from gql.subscription import to_event_id
from tests import factories
from tests.client import Client
from tests.following import COMMENTS, PUBLISHED, UPDATED, following, until
from tests.test_concurrency import none_in_use

pytestmark = pytest.mark.anyio


class World:
    """A post of an author, and somebody else."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.author = factories.user(username="ada", role=Role.USER)
        self.other = factories.user(username="ben")
        self.post = factories.post(self.author, title="First")

    async def __call__(self) -> "World":
        await factories.save(self.client.database, self.post, self.other)
        self.ada = await self.client.viewing(self.author)
        self.ben = await self.client.viewing(self.other)
        self.id = to_global_id("Post", self.post.id)
        return self

    async def comment(self, body: str) -> Any:
        return await self.ben.mutate("createComment", "comment {id}", postId=self.id, body=body)

    async def draft(self) -> str:
        made = await self.ada.mutate("createPost", "post {id}", title="Draft", body="…")
        return str(made["post"]["id"])


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


async def test_who_comes_back_gets_what_was_missed_and_then_what_comes(client: Client, world: World) -> None:
    async with following(client, COMMENTS, post=world.id) as follower:
        await follower.begins()
        for body in ("One", "Two"):
            await world.comment(body)
        last = [await follower.next(), await follower.next()][0]["eventId"]
    for body in ("Three", "Four"):
        await world.comment(body)
    async with following(client, COMMENTS, post=world.id, after=last) as follower:
        bodies = [(await follower.next())["comment"]["body"] for _ in range(3)]
        await world.comment("Five")
        bodies.append((await follower.next())["comment"]["body"])
        await follower.is_quiet()
    assert bodies == ["Two", "Three", "Four", "Five"]


async def test_more_is_missed_than_is_read_at_once(
    client: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_BATCH", 3)
    async with following(client, COMMENTS, post=world.id) as follower:
        await follower.begins()
        await world.comment("First")
        last = (await follower.next())["eventId"]
    bodies = [str(number) for number in range(10)]
    for body in bodies:
        await world.comment(body)
    async with following(client, COMMENTS, post=world.id, after=last) as follower:
        assert [(await follower.next())["comment"]["body"] for _ in bodies] == bodies
        await follower.is_quiet()


@pytest.mark.parametrize("after", ["", "!", "MTox", to_event_id(Position(2**62, 2**62)), "é", "MTotMQ"])
async def test_an_unknown_event_cannot_be_followed_from(client: Client, world: World, after: str) -> None:
    async with following(client, COMMENTS, post=world.id, after=after) as follower:
        if not after:
            await follower.begins()
            return
        assert await follower.codes() <= {"BAD_USER_INPUT", "EVENTS_GONE"}
        await follower.ends()


async def test_what_is_forgotten_is_said_to_be_gone(client: Client, world: World) -> None:
    async with following(client, COMMENTS, post=world.id) as follower:
        await follower.begins()
        for body in ("One", "Two", "Three"):
            await world.comment(body)
        first, second, _ = [await follower.next() for _ in range(3)]
    database = client.database
    async with database.writing() as session:
        ids = (await session.scalars(select(Event.id).order_by(Event.id))).all()
        long_ago = datetime.now(UTC) - timedelta(hours=2)
        await session.execute(update(Event).where(Event.id.in_(ids[:1])).values(created_at=long_ago))
    assert await transaction(database, lambda session: log.forget(session, timedelta(hours=1))) == 1
    async with following(client, COMMENTS, post=world.id, after=first["eventId"]) as follower:
        assert await follower.codes() == {"EVENTS_GONE"}
    async with following(client, COMMENTS, post=world.id, after=second["eventId"]) as follower:
        assert (await follower.next())["comment"]["body"] == "Three"


async def test_nothing_is_forgotten_in_the_middle(client: Client, world: World) -> None:
    for body in ("One", "Two", "Three"):
        await world.comment(body)
    async with client.database.writing() as session:
        ids = (await session.scalars(select(Event.id).order_by(Event.id))).all()
        long_ago = datetime.now(UTC) - timedelta(hours=2)
        await session.execute(update(Event).where(Event.id.in_(ids[1:])).values(created_at=long_ago))
    forget = transaction(client.database, lambda session: log.forget(session, timedelta(hours=1)))
    assert await forget == 0


async def test_a_subscriber_that_does_not_keep_up_is_sent_away(
    client: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "QUEUE", 3)
    async with following(client, COMMENTS, post=world.id) as follower:
        await follower.begins()
        await world.comment("One")
        last = (await follower.next())["eventId"]
        async with following(client, COMMENTS, post=world.id) as quick:
            await quick.begins()
            for number in range(6):
                await world.comment(str(number))
                await quick.next()
        told = [await follower.next() for _ in range(3)]
        last = told[-1]["eventId"]
        with pytest.raises(SlowConsumerError):
            await follower.next()
    assert [event["comment"]["body"] for event in told] == ["0", "1", "2"]
    async with following(client, COMMENTS, post=world.id, after=last) as follower:
        assert [(await follower.next())["comment"]["body"] for _ in range(3)] == ["3", "4", "5"]


async def test_each_event_is_paid_for(settings: Settings) -> None:
    document = """subscription ($post: ID!) {
      commentAdded(postId: $post) {
        comment {post {comments(first: 100) {nodes {replies(first: 40) {nodes {id}}}}}}
      }
    }"""
    budget = {"budget": 10_000, "budget_seconds": 3600}
    async with Client(create_app(settings.model_copy(update=budget))) as client:
        world = await World(client)()
        async with following(client, document, post=world.id) as follower:
            await follower.begins()
            await world.comment("One")
            await world.comment("Two")
            await follower.next()
            assert await follower.codes() == {"BUDGET_EXHAUSTED"}
            await follower.ends()


async def test_subscribers_hold_no_connection_and_are_told_by_the_same_statements(
    client: Client, world: World
) -> None:
    counted = []
    for count in (1, 20):
        followers = [following(client, COMMENTS, post=world.id) for _ in range(count)]
        entered = [await each.__aenter__() for each in followers]
        for follower in entered:
            await follower.begins()
        await none_in_use(client.database)
        with client.statements() as statements:
            await world.comment("One")
            for follower in entered:
                assert (await follower.next())["comment"]["body"] == "One"
        counted.append(len([sent for sent in statements if "comments" in sent.sql]))
        for each in followers:
            await each.__aexit__(None, None, None)
    assert counted[0] == counted[1]


async def test_who_is_behind_keeps_none_of_the_answers_of_others(
    client: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_FRESH", 0.01)
    async with following(client, COMMENTS, post=world.id) as behind:
        await behind.begins()
        async with following(client, COMMENTS, post=world.id) as quick:
            await quick.begins()
            for number in range(3):
                await world.comment(str(number))
                await quick.next()
        (waiting,) = [each for key in client.app.state.feed._subscribers.values() for each in key]
        # One was on its way already.
        assert len(waiting.waiting) == 2
        await until(lambda: not any(delivery.made for delivery in waiting.waiting))
        assert [(await behind.next())["comment"]["body"] for _ in range(3)] == ["0", "1", "2"]


async def test_variables_that_nobody_declares_do_not_matter(client: Client, world: World) -> None:
    nested: list[Any] = []
    for _ in range(500):
        nested = [nested]
    async with following(client, COMMENTS, post=world.id, other=nested) as follower:
        await follower.begins()
        await world.comment("One")
        assert (await follower.next())["comment"]["body"] == "One"


async def test_a_scheduled_post_is_announced_once_by_whichever_process(client: Client, world: World) -> None:
    post = await world.draft()
    soon = datetime.now(UTC) + timedelta(seconds=1)
    async with following(client, PUBLISHED) as follower:
        await follower.begins()
        await world.ada.mutate("publishPost", id=post, at=soon.isoformat())
        await follower.is_quiet()
        assert (await follower.next())["post"] == {"title": "Draft", "status": "PUBLISHED"}
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
