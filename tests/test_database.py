"""What both databases have to agree on, below GraphQL."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import String, cast, func, select
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import configure_mappers

from db.base import Base
from db.engine import Database, DatabaseSettings
from db.enums import PostStatus
from db.errors import DatabaseUnavailableError
from db.models import Post, Tag, User, has_status
from db.rows import expression
from db.text import fold
from tests import factories
from tests.conftest import NewUrl

pytestmark = pytest.mark.anyio

MOMENTS = [
    datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
    datetime(2026, 1, 2, 3, 4, 5, 678900, tzinfo=timezone(timedelta(hours=5, minutes=30))),
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(1066, 10, 14, tzinfo=UTC),
]


@pytest.mark.parametrize("moment", MOMENTS, ids=str)
async def test_a_moment_comes_back_in_utc(database: Database, moment: datetime) -> None:
    user = factories.user(created_at=moment)
    await factories.save(database, user)
    async with database.reading() as connection:
        found = await connection.scalar(select(User.created_at).where(User.created_at == moment))
    assert found == moment
    assert found.utcoffset() == timedelta(0)


async def test_moments_sort_by_time(database: Database) -> None:
    await factories.save(database, *(factories.user(created_at=moment) for moment in MOMENTS))
    async with database.reading() as connection:
        found = list((await connection.scalars(select(User.created_at).order_by(User.created_at))).all())
    assert found == sorted(MOMENTS)


async def test_a_moment_without_an_offset_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="offset"):
        await factories.save(database, factories.user(created_at=datetime(2026, 1, 1)))  # noqa: DTZ001


async def test_what_the_database_sets_is_like_what_is_bound(database: Database) -> None:
    """On SQLite a default of another width would sort, and compare, wrongly."""
    await factories.save(database, factories.user(), factories.user(created_at=MOMENTS[0]))
    widths = select(func.length(cast(User.created_at, String))).distinct()
    async with database.reading() as connection:
        assert not database.is_sqlite or list((await connection.scalars(widths)).all()) == [26]
        latest: Any = await connection.scalar(select(func.max(User.created_at)))
    assert abs(datetime.now(UTC) - latest) < timedelta(days=1)


async def test_what_is_never_public_sorts_last(database: Database) -> None:
    author = factories.user()
    hidden = [factories.post(author, **given) for given in factories.HIDDEN.values()]
    await factories.save(database, *hidden, factories.post(author))
    statement = select(Post.stored_status).order_by(Post.public_from, Post.id)
    async with database.reading() as connection:
        statuses = list((await connection.scalars(statement)).all())
    assert statuses[:2] == [PostStatus.PUBLISHED] * 2
    assert PostStatus.PUBLISHED not in statuses[2:]


async def test_type_and_filter_agree_on_the_status(database: Database) -> None:
    author = factories.user()
    posts = {kind: factories.post(author, **given) for kind, given in factories.HIDDEN.items()}
    posts["published"] = factories.post(author)
    await factories.save(database, *posts.values())
    async with database.reading() as connection:
        computed = await connection.execute(select(Post.id, expression(Post, "status").label("status")))
        told = {row.id: row.status for row in computed}
        filtered = {
            key: status
            for status in PostStatus
            for key in (await connection.scalars(select(Post.id).where(has_status(status)))).all()
        }
    assert told == filtered
    assert {kind: told[post.id].name for kind, post in posts.items()} == {
        "draft": "DRAFT",
        "dated draft": "DRAFT",
        "scheduled": "SCHEDULED",
        "archived": "ARCHIVED",
        "published": "PUBLISHED",
    }


async def test_sqlite_loses_no_update(new_sqlite_url: NewUrl) -> None:
    """Its driver, left alone, begins a transaction only after it has read."""
    database = Database(DatabaseSettings(url=new_sqlite_url()))
    user = factories.user(bio="0")
    await factories.save(database, user)

    async def count() -> None:
        async with database.writing() as session:
            found = await session.get_one(User, user.id)
            await asyncio.sleep(0)
            found.bio = str(int(found.bio) + 1)

    await asyncio.gather(*(count() for _ in range(10)))
    async with database.reading() as connection:
        assert await connection.scalar(select(User.bio)) == "10"
    await database.dispose()


async def test_an_error_beside_the_database_stays_itself(database: Database) -> None:
    async def fail() -> None:
        async with database.writing() as session:
            session.add(factories.tag())
            raise FileNotFoundError

    with pytest.raises(FileNotFoundError):
        await fail()
    async with database.reading() as connection:
        assert await connection.scalar(select(func.count()).select_from(Tag)) == 0


async def test_a_writer_without_a_database_is_told_so() -> None:
    database = Database(DatabaseSettings(url="postgresql://nobody@127.0.0.1:1/nothing"))
    with pytest.raises(DatabaseUnavailableError):
        async with database.writing():
            pass
    await database.dispose()


@given(st.text())
def test_a_key_is_its_own_key(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(
    ("one", "other"), [("Ada", "ADA"), ("straße", "STRASSE"), ("É", "e\u0301"), ("Åsa", "åSA"), ("ﬁx", "FIX")]
)
def test_spellings_of_one_name_have_one_key(one: str, other: str) -> None:
    assert fold(one) == fold(other)


def test_relationships_raise_when_they_are_not_loaded() -> None:
    configure_mappers()
    lazy = {str(found): found.lazy for mapper in Base.registry.mappers for found in mapper.relationships}
    assert len(lazy) == 12
    assert set(lazy.values()) == {"raise"}
