"""What the demo data looks like, row by row."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from db import demo
from db.demo_text import LONGEST_BODY, SHORTEST_BODY
from db.engine import Database, DatabaseSettings
from db.enums import PostStatus, Role
from db.text import fold
from tests.worlds import everything

NOW = datetime(2026, 6, 1, 12, 30, 15, 123456, tzinfo=UTC)
# Enough for proportions to show: the tolerances below are many times what chance makes of these numbers.
LARGE = demo.Size(users=300, posts=2500, comments=5000, now=NOW)


@pytest.fixture(
    scope="module", params=["sqlite_databases", "postgresql_databases"], ids=["sqlite", "postgresql"]
)
def large(request: pytest.FixtureRequest) -> dict[str, list[Any]]:
    """What many tests look at and none changes, made once on each database."""
    url = request.getfixturevalue(request.param)()

    async def make() -> dict[str, list[Any]]:
        database = Database(DatabaseSettings(url=url))
        try:
            await demo.seed(database, LARGE)
            return await everything(database)
        finally:
            await database.dispose()

    return asyncio.run(make())


def share_of_the_busiest_tenth(owners: list[Any], number: int) -> float:
    counted = sorted(Counter(owners).values(), reverse=True)
    return sum(counted[: number // 10]) / len(owners)


def test_people_have_names_handles_and_roles(large: dict[str, list[Any]]) -> None:
    users = large["users"]
    assert [(user.id, user.role) for user in users[:2]] == [(1, Role.ADMIN), (2, Role.EDITOR)]
    assert {user.role for user in users[2:]} == {Role.USER}
    for user in users:
        assert (user.username_key, user.email_key) == (fold(user.username), fold(user.email))
        assert user.password_hash == demo.PASSWORD_HASH
    names = [user.name for user in users]
    assert 0.05 < names.count(None) / len(names) < 0.25
    assert any(name and not name.isascii() for name in names)


def test_posts_stand_in_every_status(large: dict[str, list[Any]]) -> None:
    posts = large["posts"]
    shares = {status: count / len(posts) for status, count in Counter(post.status for post in posts).items()}
    assert 0.84 < shares[PostStatus.PUBLISHED] < 0.92
    assert 0.05 < shares[PostStatus.DRAFT] < 0.11
    assert 0.02 < shares[PostStatus.ARCHIVED] < 0.06
    scheduled = [post for post in posts if post.published_at and post.published_at > NOW]
    assert {post.status for post in scheduled} == {PostStatus.PUBLISHED}
    assert 0.01 < len(scheduled) / len(posts) < 0.04
    assert all((post.published_at is None) == (post.status is PostStatus.DRAFT) for post in posts)


def test_texts_differ_and_are_complete(large: dict[str, list[Any]]) -> None:
    posts = large["posts"]
    assert (SHORTEST_BODY, LONGEST_BODY) == (300, 3000)
    assert all(SHORTEST_BODY <= len(post.body) <= LONGEST_BODY for post in posts)
    assert not any("{}" in made for post in posts for made in (post.title, post.body))
    assert not any("{}" in comment.body for comment in large["comments"])
    assert len({post.title for post in posts}) > len(posts) / 2
    assert {bool(post.attributes) for post in posts} == {True, False}


def test_nothing_is_in_the_future_or_out_of_order(large: dict[str, list[Any]]) -> None:
    for name in ("users", "posts", "comments"):
        assert all(row.created_at <= row.updated_at <= NOW for row in large[name]), name
    joined = {user.id: user.created_at for user in large["users"]}
    for post in large["posts"]:
        assert NOW - timedelta(days=730) <= post.created_at
        assert joined[post.author_id] <= post.created_at
        assert post.published_at is None or post.created_at <= post.published_at
        assert post.status is not PostStatus.ARCHIVED or post.published_at <= NOW


def test_no_post_has_nearly_all_attention(large: dict[str, list[Any]]) -> None:
    talked_about = Counter(comment.post_id for comment in large["comments"])
    assert max(talked_about.values()) < LARGE.comments / 5
    views = sorted((post.view_count for post in large["posts"]), reverse=True)
    assert 0.4 * sum(views) < sum(views[: LARGE.posts // 10]) < 0.9 * sum(views)
    writers = [comment.author_id for comment in large["comments"] if comment.author_id]
    assert share_of_the_busiest_tenth(writers, LARGE.users) > 0.3


def test_posts_have_none_to_five_of_forty_tags(large: dict[str, list[Any]]) -> None:
    assert len({tag.slug for tag in large["tags"]}) == 40
    taken = Counter(link.post_id for link in large["post_tags"])
    assert {taken[post.id] for post in large["posts"]} == {0, 1, 2, 3, 4, 5}


def test_comments_come_after_what_they_are_about(large: dict[str, list[Any]]) -> None:
    posts = {post.id: post for post in large["posts"]}
    comments = {comment.id: comment for comment in large["comments"]}
    depths: dict[int | None, int] = {None: -1}
    for number, comment in comments.items():
        assert posts[comment.post_id].published_at <= comment.created_at
        # A parent with a higher number would not be found.
        depths[number] = depths[comment.parent_id] + 1
        assert (comment.author_id is None) == (comment.body == "") == (comment.deleted_at is not None)
        assert comment.deleted_at is None or comment.created_at <= comment.deleted_at <= NOW
    assert 2 <= max(depths.values()) <= 4
    about = Counter(posts[comment.post_id].status for comment in comments.values())
    assert about[PostStatus.PUBLISHED] > 10 * about[PostStatus.ARCHIVED] > 0
    assert 0.002 < sum(comment.author_id is None for comment in comments.values()) / len(comments) < 0.03


def test_few_have_much_and_most_have_little(large: dict[str, list[Any]]) -> None:
    assert share_of_the_busiest_tenth([post.author_id for post in large["posts"]], LARGE.users) > 0.3
    assert share_of_the_busiest_tenth([comment.post_id for comment in large["comments"]], LARGE.posts) > 0.3
    tags = Counter(link.tag_id for link in large["post_tags"])
    assert max(tags.values()) > 4 * min(tags.values())
