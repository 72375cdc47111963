"""What subscribers take: of the database, of memory and of the budget."""

from typing import Any

import pytest

from gql import feed, live
from gql.app import create_app
from gql.errors import SlowConsumerError
from gql.settings import Settings
from tests.client import Client
from tests.following import COMMENTS, World, following, until
from tests.test_concurrency import none_in_use

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(client: Client) -> World:
    return await World(client)()


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
