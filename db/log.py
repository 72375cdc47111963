"""The log of events: written with the changes themselves, read by whoever follows them."""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    Dialect,
    Insert,
    bindparam,
    delete,
    func,
    insert,
    literal,
    select,
    tuple_,
)
from sqlalchemy.orm import InstrumentedAttribute

from db import read
from db.engine import Database
from db.enums import PostStatus
from db.events import Announcement, Event, EventKind, oldest_transaction_id
from db.models import Post, has_status
from db.statements import SHAPES, Statement
from db.transactions import Session
from db.types import UtcDateTime, now


class Position(NamedTuple):
    """A place in the log: behind this event, and before the next one."""

    transaction_id: int
    id: int


class Happened(NamedTuple):
    """An event of the log."""

    position: Position
    kind: EventKind
    post_id: int
    key: int


async def append(session: Session, kind: EventKind, post_id: int, key: int) -> None:
    """Write down what this transaction does: it is read when that is committed, and never otherwise."""
    await session.columns(_append(session.dialect), {"kind": kind, "post_id": post_id, "key": key})


async def latest(database: Database) -> Position:
    """Where to begin in order to see what is committed from now on: behind the last event that is settled."""
    for position in zip(*await read.run(database, _latest(database.dialect), {}), strict=True):
        return Position(*position)
    return Position(0, 0)


async def after(database: Database, position: Position, most: int) -> tuple[list[Happened], bool]:
    """The next events, at most so many, and whether there are more that have to wait for transactions that
    still run, or for being asked for."""
    values = {**position._asdict(), "most": most}
    rows = list(zip(*await read.run(database, _after(database.dialect), values), strict=True))
    settled = 0
    while settled < len(rows) and rows[settled][-1]:
        settled += 1
    found = [Happened(Position(*row[:2]), *row[2:5]) for row in rows[:settled]]
    return found, settled < len(rows) or len(rows) == most


async def is_known(database: Database, position: Position) -> bool:
    """Whether the event at this position is still there, and so everything behind it."""
    ((count,),) = await read.run(database, _known(database.dialect), position._asdict())
    return bool(count)


async def announce(session: Session, most: int = 100) -> int:
    """Write down which scheduled posts have become public; how many they were.

    Of several processes that do this at once one finds each post: the others wait for its transaction, and
    then find it deleted.
    """
    due = select(Announcement.post_id).where(Announcement.due_at <= now()).order_by(Announcement.due_at)
    found = delete(Announcement).where(Announcement.post_id.in_(due.limit(most)))
    posts = (await session.scalars(found.returning(Announcement.post_id))).all()
    for post_id in posts:
        await append(session, EventKind.POST_PUBLISHED, post_id, post_id)
    return len(posts)


async def seconds_until_due(database: Database) -> float | None:
    """How long until the next scheduled post becomes public, by the database's clock; None without one."""
    ((due, present),) = await read.fetch(database, select(func.min(Announcement.due_at), now()))
    return None if due is None else (due - present).total_seconds()


async def schedule(session: Session, post_id: int, due_at: datetime | None) -> None:
    """Let a post be announced at a time to come, or not at all."""
    await session.execute(delete(Announcement).where(Announcement.post_id == post_id))
    if due_at is not None:
        await session.execute(insert(Announcement).values(post_id=post_id, due_at=due_at))


def announce_scheduled() -> Insert:
    """A statement that lets all posts be announced that are scheduled."""
    due = select(Post.id, Post.public_from).where(has_status(PostStatus.SCHEDULED))
    return insert(Announcement).from_select([Announcement.post_id, Announcement.due_at], due)


async def forget(session: Session, age: timedelta, most: int = 10_000) -> int:
    """Delete what is older, from the oldest on and without a gap; how many events that were.

    What is left is all there was behind any of its events: by this `is_known` tells that nothing is missing.
    """
    position = (Event.transaction_id, Event.id)
    clock = await session.scalar(select(now()))
    if clock is None:
        raise AssertionError("a database has a clock")
    young = select(*position).where(Event.created_at >= literal(clock - age, UtcDateTime()))
    first = (await session.execute(young.order_by(*position).limit(1))).first()
    old = select(Event.id).order_by(*position).limit(most)
    if first is not None:
        old = old.where(tuple_(*position) < tuple_(*map(literal, first)))
    deleted = await session.execute(delete(Event).where(Event.id.in_(old)))
    return int(deleted.rowcount)  # type: ignore[attr-defined] # A DELETE's result has it.


@lru_cache(maxsize=SHAPES)
def _append(dialect: Dialect) -> Statement:
    values = {column.key: _parameter(column) for column in (Event.kind, Event.post_id, Event.key)}
    return Statement(insert(Event).values(values).returning(Event.id), dialect)


@lru_cache(maxsize=SHAPES)
def _latest(dialect: Dialect) -> Statement:
    settled = select(Event.transaction_id, Event.id).where(Event.transaction_id < oldest_transaction_id())
    return Statement(settled.order_by(Event.transaction_id.desc(), Event.id.desc()).limit(1), dialect)


@lru_cache(maxsize=SHAPES)
def _after(dialect: Dialect) -> Statement:
    columns = (Event.transaction_id, Event.id, Event.kind, Event.post_id, Event.key)
    statement = (
        select(*columns, Event.transaction_id < oldest_transaction_id())
        .where(tuple_(Event.transaction_id, Event.id) > tuple_(*map(_parameter, columns[:2])))
        .order_by(Event.transaction_id, Event.id)
        .limit(bindparam("most", required=True))
    )
    return Statement(statement, dialect)


@lru_cache(maxsize=SHAPES)
def _known(dialect: Dialect) -> Statement:
    conditions = [column == _parameter(column) for column in (Event.transaction_id, Event.id)]
    return Statement(select(func.count()).select_from(Event).where(*conditions), dialect)


def _parameter(column: InstrumentedAttribute[Any]) -> BindParameter[Any]:
    return bindparam(column.key, type_=column.type, required=True)
