"""Demo data: the same for the same seed, at any size, in one transaction and little memory.

Few authors write much and most write little; comments and tags are skewed likewise. All demo users have one
password, `gazette-demo`. The first two are `ada`, an admin, and `ben`, an editor.
"""

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, islice
from random import Random
from typing import Any

import orjson
from sqlalchemy import Table, exists, func, insert, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from db.associations import PostTag
from db.demo_text import SUBJECTS, TAGS, Text, slug
from db.engine import Database
from db.log import announce_scheduled
from db.models import Comment, Post, Tag, User
from db.text import fold

PASSWORD = "gazette-demo"  # noqa: S105 # It is meant to be known.
# argon2id with 19 MiB, two passes and one lane.
PASSWORD_HASH = (
    "$argon2id$v=19$m=19456,t=2,p=1$nJlKgbauudB2P1Xiv9aQFQ$ekyixjCMV5zouwaKTS24e2CRUrmBu06F46dPNqCMgHA"  # noqa: S105
)

Progress = Callable[[str, int, int], None]
"""Told the table, and how many of its rows are done and wanted."""

Record = dict[str, Any]
_BATCH = 2000
_LAST = datetime.max.replace(tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DEEPEST = 4  # How many comments a reply may have above it.
_SPAN = timedelta(days=730)  # Users sign up in the two years before the last two, in which posts are written.
_ROLES = {"ada": "ADMIN", "ben": "EDITOR"}
TABLES: tuple[Table, ...] = tuple(model.__table__ for model in (User, Tag, Post, PostTag, Comment))  # type: ignore[misc]
_HAS_ROWS = select(or_(*(exists().select_from(table) for table in TABLES)))


class NotEmptyError(Exception):
    """The database has rows already."""


@dataclass(frozen=True)
class Size:
    """How much of everything. The same seed and the same `now` make the same rows on every database.

    Only scheduled posts have a time after `now`, which is the current time where it is None.
    """

    users: int = 200
    posts: int = 2000
    comments: int = 8000
    seed: int = 1
    now: datetime | None = None

    def __post_init__(self) -> None:
        if min(self.users, self.posts, self.comments) < 0:
            raise ValueError("Numbers of rows cannot be negative.")
        if self.posts and not self.users:
            raise ValueError("Posts need users who write them.")
        if self.comments and not self.posts:
            raise ValueError("Comments need posts to be about.")
        if self.now and self.now.tzinfo is None:
            raise ValueError("The time needs its offset from UTC.")


async def seed(database: Database, size: Size, progress: Progress | None = None) -> None:
    """Fill an empty database; raises NotEmptyError, and changes nothing, where there are rows.

    It is one transaction: whatever ends it early, also an exception of `progress`, leaves nothing behind.
    """
    report = progress or (lambda *_: None)
    async with database.writing() as session:
        connection = await session.connection()
        if not database.is_sqlite:
            # A second seed waits here and then finds rows; on SQLite it waits for the transaction itself.
            names = ", ".join(table.name for table in TABLES)
            await connection.execute(text(f"LOCK TABLE {names} IN EXCLUSIVE MODE"))
        if await connection.scalar(_HAS_ROWS):
            raise NotEmptyError
        for table, total, records in _Rows(size).tables():
            await _write(connection, table, total, records, report)
        if not database.is_sqlite:
            await _continue_ids(connection)
        await connection.execute(announce_scheduled())
        # Otherwise plans are guesses until the database gets round to it, which SQLite never does.
        for table in TABLES:
            await connection.execute(text(f"ANALYZE {table.name}"))


async def _write(
    connection: AsyncConnection, table: Table, total: int, records: Iterator[Record], report: Progress
) -> None:
    done = 0
    report(table.name, done, total)
    while batch := list(islice(records, _BATCH)):
        if connection.dialect.name == "sqlite":
            await connection.execute(insert(table), batch)
        else:
            await _copy(connection, table, batch)
        done += len(batch)
        report(table.name, done, total)


async def _copy(connection: AsyncConnection, table: Table, batch: list[Record]) -> None:
    """COPY, which is many times faster than INSERT and known to the driver only."""
    driver: Any = (await connection.get_raw_connection()).driver_connection
    rows = [[_for_copy(value) for value in record.values()] for record in batch]
    await driver.copy_records_to_table(table.name, columns=list(batch[0]), records=rows)


def _for_copy(value: Any) -> Any:
    return orjson.dumps(value).decode() if isinstance(value, dict) else value


async def _continue_ids(connection: AsyncConnection) -> None:
    for table in TABLES:
        if "id" in table.c:
            sequence = func.pg_get_serial_sequence(table.name, "id")
            # Of a table without rows the highest is null, and setval() then does nothing.
            await connection.execute(select(func.setval(sequence, func.max(table.c.id))))


class _Rows:
    """Makes the rows of one size. What later tables need of earlier ones is kept in compact arrays."""

    def __init__(self, size: Size) -> None:
        self.size = size
        # In UTC, because the arithmetic of other zones is wrong by an hour twice a year.
        self.now = (size.now or datetime.now(UTC)).astimezone(UTC)
        self.random = Random(size.seed)  # noqa: S311 # It has to be repeatable.
        self.text = Text(self.random)
        self.people = range(1, size.users + 1)
        self.tags = TAGS[: max(3, size.posts // 20)] if size.posts else ()
        # Of each post: when it was created, is public and could first be read; its subject and author;
        # how many tags it gets, and comments in proportion.
        self.created, self.public_from, self.readable = array("q"), array("q"), array("q")
        self.subjects, self.popularity, self.authors = array("B"), array("d"), array("l")
        weights = (2, 3, 5, 4, 2, 1)[: len(self.tags) + 1]
        self.tag_counts = array("B", self.random.choices(range(len(weights)), weights, k=size.posts))

    def tables(self) -> Iterator[tuple[Table, int, Iterator[Record]]]:
        totals = (self.size.users, len(self.tags), self.size.posts, sum(self.tag_counts), self.size.comments)
        records = (self.users(), self.tag_rows(), self.posts(), self.post_tags(), self.comments())
        yield from zip(TABLES, totals, records, strict=True)

    def users(self) -> Iterator[Record]:
        for number in self.people:
            username, name = self.text.person(number)
            created = self.now - 2 * _SPAN + _SPAN * (number / self.size.users)
            email = f"{username}@example.org"
            yield {
                "id": number,
                "username": username,
                "username_key": fold(username),
                "email": email,
                "email_key": fold(email),
                "email_verified_at": created,
                "name": name,
                "bio": self.text.bio(),
                "password_hash": PASSWORD_HASH,
                "role": _ROLES.get(username, "USER"),
                "created_at": created,
                "updated_at": self._after(created, _SPAN),
            }

    def tag_rows(self) -> Iterator[Record]:
        for number, name in enumerate(self.tags, 1):
            yield {"id": number, "name": name, "name_key": fold(name), "slug": slug(name)}

    def posts(self) -> Iterator[Record]:
        authors = list(accumulate(1 / rank for rank in self.people))
        for number in range(1, self.size.posts + 1):
            created = self.now - _SPAN + _SPAN * ((number - self.random.random()) / self.size.posts)
            status, published = self._fate(created)
            views = self._remember(created, status, published)
            title, body = self.text.title(self.subjects[-1]), self.text.body(self.subjects[-1])
            self.authors.append(self.random.choices(self.people, cum_weights=authors)[0])
            yield {
                "id": number,
                "author_id": self.authors[-1],
                "title": title,
                "slug": f"{slug(title)}-{number}",
                "body": body,
                "status": status,
                "published_at": published,
                "view_count": views,
                "attributes": {"readingTime": max(1, len(body) // 1000)} if number % 3 else {},
                "created_at": created,
                "updated_at": self._after(_moment(self.readable[-1]), timedelta(days=1)),
            }

    def _fate(self, created: datetime) -> tuple[str, datetime | None]:
        """The stored status, and when the post is or was or will be public."""
        chance = self.random.random()
        if chance < 0.08:
            return "DRAFT", None
        if chance < 0.10:
            return "PUBLISHED", self.now + timedelta(minutes=self.random.randint(60, 30 * 24 * 60))
        return "ARCHIVED" if chance < 0.14 else "PUBLISHED", self._after(created, timedelta(days=3))

    def _remember(self, created: datetime, status: str, published: datetime | None) -> int:
        """Keep what other tables need of a post; its views are returned."""
        published = published or _LAST
        is_read = published <= self.now
        self.created.append(_microseconds(created))
        self.public_from.append(_microseconds(published if status == "PUBLISHED" else _LAST))
        self.readable.append(_microseconds(published if is_read else created))
        self.subjects.append(self.text.subject())
        # Skewed, but not so much that one post gets most of all comments.
        self.popularity.append(self.random.lognormvariate(0, 1.5) if is_read else 0.0)
        return int(self.popularity[-1] * 100)

    def _after(self, start: datetime, within: timedelta) -> datetime:
        """Some time later, but never in the future."""
        return start + min(within, self.now - start) * self.random.random()

    def post_tags(self) -> Iterator[Record]:
        weights = list(accumulate(1 / rank for rank in range(1, len(self.tags) + 1)))
        numbers = range(1, len(self.tags) + 1)
        own = [TAGS.index(tag) + 1 for _, tag in SUBJECTS]
        for post, wanted in enumerate(self.tag_counts, 1):
            chosen = {own[self.subjects[post - 1]]}.intersection(numbers) if wanted else set()
            while len(chosen) < wanted:
                chosen.update(self.random.choices(numbers, cum_weights=weights))
            for tag in sorted(chosen):
                yield {
                    "post_id": post,
                    "tag_id": tag,
                    "post_created_at": _moment(self.created[post - 1]),
                    "post_public_from": _moment(self.public_from[post - 1]),
                    "post_author_id": self.authors[post - 1],
                }

    def comments(self) -> Iterator[Record]:
        # With nothing public yet, everything is talked about alike.
        if self.size.comments and not any(self.popularity):
            self.popularity = array("d", [1.0]) * self.size.posts
        writers = list(accumulate(rank**-0.7 for rank in self.people))
        number = 0
        for post, wanted in enumerate(self._comment_counts(), 1):
            # Those of one post that can be replied to, and how deep, are all that has to be remembered.
            thread: list[tuple[int, int]] = []
            for created in self._comment_times(post, wanted):
                number += 1
                parent, depth = None, 0
                if thread and self.random.random() < 0.4:
                    parent, depth = self.random.choice(thread)
                if depth < _DEEPEST:
                    thread.append((number, depth + 1))
                yield self._comment(number, post, parent, created, writers)

    def _comment_counts(self) -> "array[int]":
        counts = array("l", [0]) * self.size.posts
        popularity = list(accumulate(self.popularity))
        for _ in range(self.size.comments):
            counts[self.random.choices(range(self.size.posts), cum_weights=popularity)[0]] += 1
        return counts

    def _comment_times(self, post: int, wanted: int) -> list[datetime]:
        """Most comments come in the first days."""
        start = _moment(self.readable[post - 1])
        delays = (timedelta(days=self.random.expovariate(1 / 8)) for _ in range(wanted))
        return sorted(self._after(start, delay) for delay in delays)

    def _comment(
        self, number: int, post: int, parent: int | None, created: datetime, writers: list[float]
    ) -> Record:
        is_deleted = self.random.random() < 0.01
        ended = self._after(created, timedelta(days=2)) if is_deleted else None
        return {
            "id": number,
            "post_id": post,
            "post_public_from": _moment(self.public_from[post - 1]),
            "post_author_id": self.authors[post - 1],
            "author_id": None if is_deleted else self.random.choices(self.people, cum_weights=writers)[0],
            "parent_id": parent,
            "body": "" if is_deleted else self.text.remark(self.subjects[post - 1]),
            "deleted_at": ended,
            "created_at": created,
            "updated_at": ended or created,
        }


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)
