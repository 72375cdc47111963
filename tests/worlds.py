"""Random worlds, questions about their connections, and an oracle that filters and sorts in Python."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from sqlalchemy import select

from db.base import Base
from db.engine import Database
from db.enums import PostStatus, Role
from db.models import Comment
from gql.policy import Viewer
from gql.relay import to_global_id
from tests import factories

# Few moments and names, so that many rows tie.
HOURS = st.integers(-3, 1)
NAMES = st.sampled_from([None, "Ada", "ada", "Zoë", "Élodie", ""])


@dataclass(frozen=True)
class Drawn:
    """A world in numbers: users' names, posts, comments as (post, author, parent, hour)."""

    names: list[str | None]
    posts: list[tuple[int, PostStatus, int, int, set[int]]]
    comments: list[tuple[int, int | None, int | None, int]]


WORLDS = st.builds(
    Drawn,
    names=st.lists(NAMES, min_size=2, max_size=7),
    posts=st.lists(
        st.tuples(
            st.integers(0, 1),
            st.sampled_from([PostStatus.PUBLISHED] * 4 + [PostStatus.DRAFT, PostStatus.ARCHIVED]),
            HOURS,
            HOURS,
            st.sets(st.integers(0, 2)),
        ),
        max_size=14,
    ),
    comments=st.lists(
        st.tuples(st.integers(0, 13), st.none() | st.integers(0, 1), st.none() | st.integers(0, 9), HOURS),
        max_size=14,
    ),
)


def at(hour: int) -> datetime:
    return factories.NOW + timedelta(hours=hour, minutes=-1)


async def fill(database: Database, drawn: Drawn) -> None:
    """Replace what is in the database."""
    await factories.clear(database)
    users = [factories.user(name=name) for name in drawn.names]
    tags = [factories.tag(name=f"tag {number % 2}") for number in range(3)]
    await factories.save(database, *users, *tags)
    posts = [
        factories.post(
            users[author],
            stored_status=status,
            published_at=at(published),
            created_at=at(created),
            tags=[tags[number] for number in sorted(tagged)],
        )
        for author, status, published, created, tagged in drawn.posts
    ]
    await factories.save(database, *posts)
    said: list[Comment] = []
    for about, author, parent, hour in drawn.comments:
        if posts:
            post = posts[about % len(posts)]
            answered = [comment for comment in said if comment.post is post]
            comment = factories.comment(
                post,
                None if author is None else users[author],
                parent=answered[parent % len(answered)] if answered and parent is not None else None,
                created_at=at(hour),
            )
            said.append(comment)
    await factories.save(database, *said)


Rows = dict[str, list[Any]]


async def everything(database: Database) -> Rows:
    async with database.reading() as connection:
        return {
            table.name: list((await connection.execute(select(table).order_by(*table.primary_key))).all())
            for table in Base.metadata.sorted_tables
        }


def status_of(post: Any) -> PostStatus:
    stored: PostStatus = post.status
    is_scheduled = stored is PostStatus.PUBLISHED and post.published_at > factories.NOW
    return PostStatus.SCHEDULED if is_scheduled else stored


def seen_by(viewer: Viewer | None, rows: Rows) -> Rows:
    """What a viewer may see: what is public and their own, editors everything."""

    def is_visible(post: Any) -> bool:
        if viewer is not None and (viewer.role is Role.EDITOR or viewer.id == post.author_id):
            return True
        return status_of(post) is PostStatus.PUBLISHED

    posts = [post for post in rows["posts"] if is_visible(post)]
    ids = {post.id for post in posts}
    comments = [comment for comment in rows["comments"] if comment.post_id in ids]
    return {**rows, "posts": posts, "comments": comments}


def tagged(rows: Rows, tag: int) -> list[Any]:
    ids = {link.post_id for link in rows["post_tags"] if link.tag_id == tag}
    return [post for post in rows["posts"] if post.id in ids]


def tags_of(rows: Rows, post: int) -> list[Any]:
    if post not in {seen.id for seen in rows["posts"]}:
        return []
    ids = {link.tag_id for link in rows["post_tags"] if link.post_id == post}
    return [tag for tag in rows["tags"] if tag.id in ids]


@dataclass(frozen=True)
class Kind:
    """A connection: its field, the table of its parents, its rows among those seen, its orders by name."""

    field: str
    node: str
    parents: str | None
    rows: Callable[[Rows, int], list[Any]]
    orders: dict[str, str]
    default: tuple[str, bool]
    filters: bool = False


POST_ORDERS = {"PUBLISHED_AT": "public_from", "CREATED_AT": "created_at"}
NEWEST = ("public_from", True)
KINDS = {
    "all users": Kind(
        "users",
        "User",
        None,
        lambda rows, _: rows["users"],
        {"NAME": "name", "CREATED_AT": "created_at", "USERNAME": "username_key"},
        ("created_at", True),
    ),
    "all posts": Kind("posts", "Post", None, lambda rows, _: rows["posts"], POST_ORDERS, NEWEST, True),
    "all tags": Kind("tags", "Tag", None, lambda rows, _: rows["tags"], {}, ("name", False)),
    "a user's posts": Kind(
        "posts",
        "Post",
        "users",
        lambda rows, user: [post for post in rows["posts"] if post.author_id == user],
        POST_ORDERS,
        NEWEST,
        True,
    ),
    "a tag's posts": Kind("posts", "Post", "tags", tagged, POST_ORDERS, NEWEST, True),
    "a user's comments": Kind(
        "comments",
        "Comment",
        "users",
        lambda rows, user: [comment for comment in rows["comments"] if comment.author_id == user],
        {},
        ("created_at", True),
    ),
    "a post's comments": Kind(
        "comments",
        "Comment",
        "posts",
        lambda rows, post: [comment for comment in rows["comments"] if comment.post_id == post],
        {},
        ("created_at", False),
    ),
    "a comment's replies": Kind(
        "replies",
        "Comment",
        "comments",
        lambda rows, said: [comment for comment in rows["comments"] if comment.parent_id == said],
        {},
        ("created_at", False),
    ),
    "a post's tags": Kind("tags", "Tag", "posts", tags_of, {}, ("id", False)),
}
TYPES = {"users": "User", "posts": "Post", "comments": "Comment", "tags": "Tag"}


def in_order(found: list[Any], order: tuple[str, bool]) -> list[Any]:
    column, descending = order

    def place(row: Any) -> tuple[bool, Any, int]:
        value = getattr(row, column)
        # Text is compared by its bytes, as the tests' databases do.
        comparable = value.encode() if isinstance(value, str) else value
        return value is not None, 0 if value is None else comparable, row.id

    return sorted(found, key=place, reverse=descending)


@dataclass(frozen=True)
class Question:
    """What is asked of a connection, by nobody or by a user with a role."""

    kind: Kind
    parent: int
    order: tuple[str, bool] | None
    filter: dict[str, Any]
    backward: bool
    size: int
    asker: tuple[int, Role] | None

    def viewer(self, rows: Rows) -> Viewer | None:
        if self.asker is None:
            return None
        number, role = self.asker
        return Viewer(rows["users"][number % len(rows["users"])].id, role)


# The first two users are those who write.
ASKERS = [None, (0, Role.USER), (1, Role.USER), (2, Role.USER), (2, Role.EDITOR)]


def ranges() -> st.SearchStrategy[dict[str, Any]]:
    moment = HOURS.map(lambda hour: at(hour).isoformat())
    return st.fixed_dictionaries({}, optional={"since": moment, "before": moment})


FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "author": st.integers(0, 1),
        "tag": st.integers(0, 2),
        "status": st.sampled_from(["PUBLISHED", "SCHEDULED", "DRAFT", "ARCHIVED"]),
        "createdAt": ranges(),
        "publishedAt": ranges(),
    },
)


@st.composite
def questions(draw: st.DrawFn, kinds: list[str]) -> Question:
    kind = KINDS[draw(st.sampled_from(kinds))]
    orders = [(field, descending) for field in kind.orders for descending in (True, False)]
    return Question(
        kind,
        parent=draw(st.integers(0, 13)),
        order=draw(st.sampled_from([None, *orders])),
        filter=draw(FILTERS) if kind.filters else {},
        backward=draw(st.booleans()),
        size=draw(st.integers(1, 5)),
        asker=draw(st.sampled_from(ASKERS)),
    )


def passes(given: dict[str, Any], rows: Rows, post: Any) -> bool:
    """The filter as one would write it without a database."""
    author, tag = given.get("author"), given.get("tag")
    tags = {link.tag_id for link in rows["post_tags"] if link.post_id == post.id}
    return (
        (author is None or post.author_id == sorted(user.id for user in rows["users"])[author])
        and (tag is None or sorted(tag.id for tag in rows["tags"])[tag] in tags)
        and given.get("status", status_of(post).name) == status_of(post).name
        and within(given.get("createdAt", {}), post.created_at)
        and ("publishedAt" not in given or is_published_within(given["publishedAt"], post))
    )


def is_published_within(span: dict[str, str], post: Any) -> bool:
    return post.status is PostStatus.PUBLISHED and within(span, post.published_at)


def within(span: dict[str, str], moment: datetime) -> bool:
    since, before = span.get("since"), span.get("before")
    return (since is None or moment >= datetime.fromisoformat(since)) and (
        before is None or moment < datetime.fromisoformat(before)
    )


def filter_variable(given: dict[str, Any], rows: Rows) -> dict[str, Any] | None:
    """The filter as the client writes it, with users by name or id and tags by slug."""
    variable = dict(given)
    if "author" in given:
        author = sorted(rows["users"], key=lambda user: user.id)[given["author"]]
        by_id = {"id": to_global_id("User", author.id)}
        variable["author"] = by_id if given.get("tag") else {"username": author.username.upper()}
    if "tag" in given:
        variable["tag"] = {"slug": sorted(rows["tags"], key=lambda tag: tag.id)[given["tag"]].slug}
    return variable or None
