"""Who comes back is told what was missed, as long as it is kept."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from db import log
from db.events import Event
from db.log import Position
from db.write import transaction
from gql import feed
from gql.subscription import to_event_id
from tests.client import Client
from tests.following import COMMENTS, World, following

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(client: Client) -> World:
    return await World(client)()


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
