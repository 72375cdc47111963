"""Demo data: the same for the same seed, at any size, in one transaction and little memory.

Few authors write much and most write little; comments and tags are skewed likewise. All demo users have one
password, `gazette-demo`.
"""

import re
import unicodedata
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import accumulate, islice
from random import Random
from typing import Any

import orjson
from sqlalchemy import Table, func, insert, literal_column, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from db.demo_text import TAGS, Text
from db.engine import Database
from db.models import Comment, Post, PostTag, Tag, User
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
_SPAN = timedelta(days=730)  # Users sign up in the two years before the last two, in which posts are written.
_FIRST = (("ada", "Ada Lovelace", "ADMIN"), ("ben", "Ben Okri", "EDITOR"))
_IN_ASCII = str.maketrans("ŁłØøıß’", "LlOois-")
TABLES: tuple[Table, ...] = tuple(model.__table__ for model in (User, Tag, Post, PostTag, Comment))  # type: ignore[misc]


class NotEmptyError(Exception):
    """The database has rows already."""


@dataclass(frozen=True)
class Size:
    """How much of everything. The same seed and the same `now` make the same rows on every database."""

    users: int = 200
    posts: int = 2000
    comments: int = 8000
    seed: int = 1
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        if min(self.users, self.posts, self.comments) < 0:
            raise ValueError("Numbers of rows cannot be negative.")
        if self.posts and not self.users:
            raise ValueError("Posts need users who write them.")
        if self.comments and not self.posts:
            raise ValueError("Comments need posts to be about.")


async def is_empty(connection: AsyncConnection) -> bool:
    found = [
        await connection.scalar(select(literal_column("1")).select_from(table).limit(1)) for table in TABLES
    ]
    return not any(found)


async def seed(database: Database, size: Size, progress: Progress = lambda *_: None) -> None:
    """Fill an empty database; raises NotEmptyError, and changes nothing, where there are rows."""
    async with database.writing() as session:
        connection = await session.connection()
        if not database.is_sqlite:
            names = ", ".join(table.name for table in TABLES)
            await connection.execute(text(f"LOCK TABLE {names} IN EXCLUSIVE MODE"))
        if not await is_empty(connection):
            raise NotEmptyError
        for table, total, records in _Rows(size).tables():
            await _write(database, connection, table, total, records, progress)
        if not database.is_sqlite:
            await _continue_ids(connection)
        await connection.execute(text("ANALYZE"))


async def _write(
    database: Database,
    connection: AsyncConnection,
    table: Table,
    total: int,
    records: Iterator[Record],
    progress: Progress,
) -> None:
    done = 0
    progress(table.name, done, total)
    while batch := list(islice(records, _BATCH)):
        if database.is_sqlite:
            await connection.execute(insert(table), batch)
        else:
            await _copy(connection, table, batch)
        done += len(batch)
        progress(table.name, done, total)


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
            highest = select(func.max(table.c.id)).scalar_subquery()
            await connection.execute(
                select(func.setval(sequence, func.coalesce(highest, 1), highest.is_not(None)))
            )


class _Rows:
    """Makes the rows of one size. What later tables need of earlier ones is kept in compact arrays."""

    def __init__(self, size: Size) -> None:
        self.size = size
        self.random = Random(size.seed)  # noqa: S311 # It has to be repeatable.
        self.text = Text(self.random)
        self.tags = TAGS[: max(3, size.posts // 20)] if size.posts else ()
        # Of each post: when it was created and made public, its number of tags and of comments.
        self.created = array("q")
        self.public_from = array("q")
        most = min(6, len(self.tags) + 1)
        self.tag_counts = array(
            "B", self.random.choices(range(most), (2, 3, 5, 4, 2, 1)[:most], k=size.posts)
        )
        self.popularity = array("d")

    @property
    def people(self) -> range:
        return range(1, self.size.users + 1)

    def tables(self) -> Iterator[tuple[Table, int, Iterator[Record]]]:
        totals = (self.size.users, len(self.tags), self.size.posts, sum(self.tag_counts), self.size.comments)
        records = (self.users(), self.tag_rows(), self.posts(), self.post_tags(), self.comments())
        yield from zip(TABLES, totals, records, strict=True)

    def users(self) -> Iterator[Record]:
        for number in range(1, self.size.users + 1):
            name, role = self.text.name(), "USER"
            username = f"{_slug(name.partition(' ')[0])}{number}"
            if number <= len(_FIRST):
                username, name, role = _FIRST[number - 1]
            created = self.size.now - 2 * _SPAN + _SPAN * (number / self.size.users)
            email = f"{username}@example.org"
            yield {
                "id": number,
                "username": username,
                "username_key": fold(username),
                "email": email,
                "email_key": fold(email),
                "name": name if number <= len(_FIRST) or self.random.random() < 0.85 else None,
                "bio": self.text.bio(),
                "password_hash": PASSWORD_HASH,
                "role": role,
                "created_at": created,
                "updated_at": created,
            }

    def tag_rows(self) -> Iterator[Record]:
        for number, name in enumerate(self.tags, 1):
            yield {"id": number, "name": name, "slug": _slug(name)}

    def posts(self) -> Iterator[Record]:
        authors = list(accumulate(1 / rank for rank in range(1, self.size.users + 1)))
        for number in range(1, self.size.posts + 1):
            title = self.text.title()
            created = self.size.now - _SPAN + _SPAN * ((number - self.random.random()) / self.size.posts)
            status, published = self._fate(created)
            public_from = published if status == "PUBLISHED" and published else _LAST
            talked_about = public_from <= self.size.now or status == "ARCHIVED"
            self.created.append(_microseconds(created))
            self.public_from.append(_microseconds(public_from))
            self.popularity.append(self.random.paretovariate(1.1) if talked_about else 0.0)
            yield {
                "id": number,
                "author_id": self.random.choices(self.people, cum_weights=authors)[0],
                "title": title,
                "slug": f"{_slug(title)}-{number}",
                "body": self.text.body(),
                "status": status,
                "published_at": published,
                "view_count": int(self.popularity[-1] * 40),
                "attributes": {"readingTime": self.random.randint(1, 12)} if number % 3 else {},
                "created_at": created,
                "updated_at": created + timedelta(hours=self.random.random() * 24),
            }

    def _fate(self, created: datetime) -> tuple[str, datetime | None]:
        """The stored status, and when the post is or was or will be public."""
        chance = self.random.random()
        if chance < 0.08:
            return "DRAFT", None
        published = created + timedelta(minutes=self.random.randint(1, 3 * 24 * 60))
        if chance < 0.12:
            return "ARCHIVED", published
        if chance < 0.14:
            return "PUBLISHED", self.size.now + timedelta(minutes=self.random.randint(60, 30 * 24 * 60))
        return "PUBLISHED", min(published, self.size.now)

    def post_tags(self) -> Iterator[Record]:
        weights = list(accumulate(1 / rank for rank in range(1, len(self.tags) + 1)))
        numbers = range(1, len(self.tags) + 1)
        for post, wanted in enumerate(self.tag_counts, 1):
            chosen: set[int] = set()
            while len(chosen) < wanted:
                chosen.update(self.random.choices(numbers, cum_weights=weights))
            for tag in sorted(chosen):
                yield {
                    "post_id": post,
                    "tag_id": tag,
                    "post_created_at": _moment(self.created[post - 1]),
                    "post_public_from": _moment(self.public_from[post - 1]),
                }

    def comments(self) -> Iterator[Record]:
        # With nothing public yet, everything is talked about alike.
        if self.size.comments and not any(self.popularity):
            self.popularity = array("d", [1.0]) * self.size.posts
        writers = list(accumulate(rank**-0.7 for rank in self.people))
        number = 0
        for post, wanted in enumerate(self._comment_counts(), 1):
            thread: list[tuple[int, datetime]] = []  # One post's comments are all that has to be remembered.
            for _ in range(wanted):
                number += 1
                record = self._comment(number, post, thread, writers)
                thread.append((number, record["created_at"]))
                yield record

    def _comment_counts(self) -> "array[int]":
        counts = array("l", [0]) * self.size.posts
        popularity = list(accumulate(self.popularity))
        for _ in range(self.size.comments):
            counts[self.random.choices(range(self.size.posts), cum_weights=popularity)[0]] += 1
        return counts

    def _comment(
        self, number: int, post: int, thread: list[tuple[int, datetime]], writers: list[float]
    ) -> Record:
        """One more comment of a post: one in three replies to an earlier one, one in a hundred is deleted."""
        public_from = _moment(self.public_from[post - 1])
        latest = (
            thread[-1][1] if thread else min(public_from, _moment(self.created[post - 1]) + timedelta(days=3))
        )
        created = latest + (self.size.now - latest) * min(0.9, self.random.expovariate(20))
        is_deleted = self.random.random() < 0.01
        return {
            "id": number,
            "post_id": post,
            "post_public_from": public_from,
            "author_id": None if is_deleted else self.random.choices(self.people, cum_weights=writers)[0],
            "parent_id": self.random.choice(thread)[0] if thread and self.random.random() < 1 / 3 else None,
            "body": "" if is_deleted else self.text.remark(),
            "deleted_at": created if is_deleted else None,
            "created_at": created,
            "updated_at": created,
        }


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _ascii(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.translate(_IN_ASCII))
    return decomposed.encode("ascii", "ignore").decode().lower()


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", _ascii(text)).strip("-")
