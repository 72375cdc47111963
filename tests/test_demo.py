"""The demo data is the same for the same seed, and believable."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import pytest
from sqlalchemy import text

from db import demo
from db.demo_text import LONGEST_BODY, SHORTEST_BODY
from db.engine import Database, DatabaseSettings
from db.enums import PostStatus
from tests import factories
from tests.client import Client
from tests.worlds import everything

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 6, 1, 12, 30, 15, 123456, tzinfo=UTC)
SIZE = demo.Size(users=40, posts=400, comments=1500, now=NOW)


async def test_the_same_seed_makes_the_same_rows(database: Database) -> None:
    await demo.seed(database, SIZE)
    first = await everything(database)
    await factories.clear(database)
    await demo.seed(database, SIZE)
    assert await everything(database) == first
    await factories.clear(database)
    await demo.seed(database, demo.Size(users=40, posts=400, comments=1500, seed=2, now=NOW))
    assert await everything(database) != first


async def test_both_databases_get_the_same_rows(new_sqlite_url: Any, new_postgresql_url: Any) -> None:
    made = []
    for url in (new_sqlite_url(), new_postgresql_url()):
        database = Database(DatabaseSettings(url=url))
        await demo.seed(database, SIZE)
        made.append(await everything(database))
        await database.dispose()
    assert made[0] == made[1]


async def test_there_is_as_much_as_was_asked_for(database: Database) -> None:
    told: dict[str, tuple[int, int]] = {}
    await demo.seed(database, SIZE, lambda table, done, total: told.update({table: (done, total)}))
    rows = await everything(database)
    assert (len(rows["users"]), len(rows["posts"]), len(rows["comments"])) == (40, 400, 1500)
    assert {table: (len(found), len(found)) for table, found in rows.items() if found} == told


async def test_it_is_believable(database: Database) -> None:
    await demo.seed(database, SIZE)
    rows = await everything(database)
    posts, comments, users = rows["posts"], rows["comments"], rows["users"]
    assert [user.username for user in users[:2]] == ["ada", "ben"]
    assert any(user.name is None for user in users)
    statuses = Counter(post.status for post in posts)
    assert set(statuses) == {PostStatus.DRAFT, PostStatus.PUBLISHED, PostStatus.ARCHIVED}
    assert any(post.status is PostStatus.PUBLISHED and post.published_at > NOW for post in posts)
    assert all(SHORTEST_BODY <= len(post.body) <= LONGEST_BODY for post in posts)
    assert {"## ", "- ", "> ", "```", "**", "]("} <= {
        mark for mark in ("## ", "- ", "> ", "```", "**", "](") for post in posts if mark in post.body
    }
    assert all(moment <= NOW for row in comments for moment in (row.created_at, row.updated_at))
    about = {comment.id: comment for comment in comments}
    replies = [comment for comment in comments if comment.parent_id]
    assert len(replies) > len(comments) / 5
    for comment in replies:
        assert about[comment.parent_id].post_id == comment.post_id
        assert about[comment.parent_id].created_at <= comment.created_at
    tombstones = [comment for comment in comments if comment.deleted_at]
    assert tombstones
    assert all(comment.author_id is None and not comment.body for comment in tombstones)


async def test_a_database_with_rows_is_left_alone(database: Database) -> None:
    await factories.save(database, factories.tag())
    before = await everything(database)
    with pytest.raises(demo.NotEmptyError):
        await demo.seed(database, SIZE)
    assert await everything(database) == before


async def test_seeding_that_fails_leaves_nothing(database: Database) -> None:
    def fail(table: str, done: int, total: int) -> None:
        if table == "comments" and done:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await demo.seed(database, SIZE, fail)
    assert not any((await everything(database)).values())


async def test_ids_go_on_where_the_demo_ended(database: Database) -> None:
    await demo.seed(database, SIZE)
    post = factories.post(factories.user())
    await factories.save(database, post, factories.comment(post), factories.tag())
    assert post.id == SIZE.posts + 1
    assert post.author_id == SIZE.users + 1


async def test_it_fits_through_the_schema(client: Client) -> None:
    await demo.seed(client.database, SIZE)
    data = await client.data("{posts(first: 100) {nodes {title body excerpt attributes author {name bio}}}}")
    assert all(post["body"].startswith(post["excerpt"]) for post in data["posts"]["nodes"])


async def test_nothing_at_all_is_a_size_too(database: Database) -> None:
    await demo.seed(database, demo.Size(users=0, posts=0, comments=0))
    assert not any((await everything(database)).values())


@pytest.mark.parametrize(
    "wrong", [{"users": -1}, {"posts": -1}, {"comments": -1}, {"users": 0}, {"posts": 0, "comments": 1}]
)
def test_an_impossible_size(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        demo.Size(**wrong)


async def test_the_public_copies_are_true(database: Database) -> None:
    await demo.seed(database, SIZE)
    copies = (
        "SELECT count(*) FROM comments c JOIN posts p ON p.id = c.post_id"
        " WHERE c.post_public_from <> p.public_from",
        "SELECT count(*) FROM post_tags t JOIN posts p ON p.id = t.post_id"
        " WHERE t.post_public_from <> p.public_from OR t.post_created_at <> p.created_at",
    )
    async with database.reading() as connection:
        assert [await connection.scalar(text(statement)) for statement in copies] == [0, 0]


class SummerTime(tzinfo):
    """An hour ahead of UTC in summer."""

    def utcoffset(self, moment: datetime | None) -> timedelta:
        return timedelta(hours=1 if moment and 4 <= moment.month <= 9 else 0)

    dst = utcoffset

    def tzname(self, moment: datetime | None) -> str:
        return "Summer time"


async def test_the_zone_of_now_and_the_size_of_a_batch_change_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await demo.seed(database, SIZE)
    first = await everything(database)
    await factories.clear(database)
    monkeypatch.setattr(demo, "_BATCH", 7)
    await demo.seed(database, demo.Size(40, 400, 1500, now=NOW.astimezone(SummerTime())))
    assert await everything(database) == first


async def test_now_is_the_current_time_unless_told(database: Database) -> None:
    before = datetime.now(UTC)
    await demo.seed(database, demo.Size(users=20, posts=60, comments=0))
    newest = max(post.created_at for post in (await everything(database))["posts"])
    assert before - timedelta(days=60) < newest <= datetime.now(UTC)


async def test_comments_go_somewhere_where_nothing_is_public(database: Database) -> None:
    statuses = set()
    for seed in range(1, 31):
        await demo.seed(database, demo.Size(users=1, posts=1, comments=5, seed=seed, now=NOW))
        rows = await everything(database)
        assert len(rows["comments"]) == 5
        assert all(comment.created_at <= NOW for comment in rows["comments"])
        statuses.add(rows["posts"][0].status)
        await factories.clear(database)
    assert PostStatus.DRAFT in statuses


async def test_a_second_seed_changes_nothing(database: Database) -> None:
    await demo.seed(database, SIZE)
    before = await everything(database)
    with pytest.raises(demo.NotEmptyError):
        await demo.seed(database, SIZE)
    assert await everything(database) == before


async def test_of_two_seeds_at_once_one_is_refused(database: Database) -> None:
    outcomes = await asyncio.gather(*(demo.seed(database, SIZE) for _ in range(2)), return_exceptions=True)
    assert sorted(map(repr, outcomes)) == ["None", "NotEmptyError()"]
    assert len((await everything(database))["posts"]) == SIZE.posts


async def test_a_cancelled_seed_leaves_nothing(database: Database) -> None:
    task: asyncio.Task[None]

    def cancel(table: str, done: int, total: int) -> None:
        if table == "comments":
            task.cancel()

    task = asyncio.create_task(demo.seed(database, SIZE, cancel))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not any((await everything(database)).values())
    # Nothing of it is in the way of the next.
    await demo.seed(database, SIZE)


# More rows of a table than are written at once.
BATCHES = demo.Size(users=300, posts=2500, comments=5000, now=NOW)


async def test_progress_goes_from_nothing_to_all(database: Database) -> None:
    told: dict[str, list[int]] = {}
    await demo.seed(
        database, BATCHES, progress=lambda table, done, total: told.setdefault(table, []).append(done)
    )
    assert list(told) == [table.name for table in demo.TABLES]
    assert all(steps[0] == 0 and steps == sorted(set(steps)) for steps in told.values())
    assert len(told["comments"]) > 3


async def test_ids_begin_at_one_after_nothing(database: Database) -> None:
    await demo.seed(database, demo.Size(users=0, posts=0, comments=0))
    user = factories.user()
    await factories.save(database, user)
    assert user.id == 1


def test_a_time_without_an_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="offset"):
        demo.Size(now=datetime(2026, 3, 1))  # noqa: DTZ001 # It is what is refused.
