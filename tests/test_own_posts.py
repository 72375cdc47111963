"""A viewer sees what is public and what is their own as one list."""

from datetime import timedelta
from typing import Any

import pytest

from db import read
from db.enums import PostStatus, Role
from db.keyset import Order, Page
from db.models import Comment, Post, Tag, User
from db.sources import source_of
from gql.policy import Viewer, visible
from tests import factories
from tests.acting import data_as
from tests.client import Client

pytestmark = pytest.mark.anyio

PAGE = """
query (
  $first: Int, $after: String, $last: Int, $before: String
  $filter: PostFilter, $direction: OrderDirection!
) {
  posts(
    first: $first, after: $after, last: $last, before: $before, filter: $filter
    orderBy: {field: PUBLISHED_AT, direction: $direction}
  ) {
    totalCount
    nodes { title }
    pageInfo { startCursor endCursor hasNextPage hasPreviousPage }
  }
}
"""


async def pages_of(viewer: Viewer, client: Client, *, backward: bool, **variables: Any) -> list[list[str]]:
    """The titles of all pages of three, in the order in which they are asked for."""
    size, cursor = ("last", "before") if backward else ("first", "after")
    pages: list[list[str]] = []
    place, more = None, True
    while more:
        found = await data_as(viewer, client, PAGE, {**variables, size: 3, cursor: place})
        pages.append([post["title"] for post in found["posts"]["nodes"]])
        info = found["posts"]["pageInfo"]
        place = info["startCursor" if backward else "endCursor"]
        more = info["hasPreviousPage" if backward else "hasNextPage"]
    return pages


@pytest.fixture
async def author(client: Client) -> User:
    """Somebody with three public posts, a scheduled one and four drafts. Another has the same."""
    author, other = factories.user(), factories.user()
    draft = {"stored_status": PostStatus.DRAFT, "published_at": None}
    posts = []
    for number in range(4):
        posts.append(factories.post(author, title=f"own draft {number}", **draft))
        posts.append(factories.post(other, title=f"draft {number}", **draft))
    posts.append(factories.post(author, title="own scheduled", published_at=factories.TOMORROW))
    posts.append(factories.post(other, title="scheduled", published_at=factories.TOMORROW))
    for number in range(3):
        moment = factories.YESTERDAY + timedelta(hours=number)
        posts.append(factories.post(author, title=f"own {number}", published_at=moment))
        posts.append(
            factories.post(other, title=f"other {number}", published_at=moment + timedelta(minutes=1))
        )
    await factories.save(client.database, *posts)
    return author


OWN_DRAFTS = [f"own draft {number}" for number in range(4)]
SEEN = [
    *(f"{whose} {number}" for number in range(3) for whose in ("own", "other")),
    "own scheduled",
    *OWN_DRAFTS,
]


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
@pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])
@pytest.mark.parametrize(("given", "expected"), [(None, SEEN), ({"status": "DRAFT"}, OWN_DRAFTS)])
async def test_own_posts_are_paged_through_with_all_others(
    client: Client, author: User, given: Any, expected: list[str], backward: bool, direction: str
) -> None:
    """What was never published stands behind all dates, also in a cursor."""
    viewer = Viewer(author.id, Role.USER)
    pages = await pages_of(viewer, client, backward=backward, filter=given, direction=direction)
    assert all(len(page) == 3 for page in pages[:-1])
    titles = [title for page in (reversed(pages) if backward else pages) for title in page]
    assert titles == (expected if direction == "ASC" else expected[::-1])


async def test_the_list_of_several_parents_is_each_their_own(client: Client, author: User) -> None:
    document = "{users(first: 2) {nodes {posts(last: 5) {totalCount nodes {title body attributes}}}}}"
    data = await data_as(Viewer(author.id, Role.USER), client, document)
    by_count = {user["posts"]["totalCount"]: user["posts"]["nodes"] for user in data["users"]["nodes"]}
    assert {count: [post["title"] for post in nodes] for count, nodes in by_count.items()} == {
        8: ["own draft 0", "own scheduled", "own 2", "own 1", "own 0"],
        3: ["other 2", "other 1", "other 0"],
    }


@pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])
async def test_an_order_with_nulls_goes_together_with_them(client: Client, backward: bool) -> None:
    """Two alternatives times two ranges: a cursor lies among the rows without a value."""
    author, other = factories.user(), factories.user()
    said = [factories.comment(factories.post(user), user) for user in (author, other) for _ in range(2)]
    said += [factories.reply(comment, author) for comment in said]
    await factories.save(client.database, *said)
    ordered = sorted(said, key=lambda comment: (comment.parent_id or 0, comment.id))
    seen = visible(Comment, Viewer(author.id, Role.USER))
    assert len(seen.alternatives) == 2
    rows = read.Rows(Comment, seen)
    first, last = ((row.parent_id, row.id) for row in (ordered[0], ordered[-1]))
    page = Page(5, Order("parent_id"), backward=backward, after=None if backward else first, before=last)
    found = (await read.pages(client.database, rows, [read.ALL], page, ("id", "parent_id")))[read.ALL]
    expected = ordered[2:7] if backward else ordered[1:6]
    assert [row.id for row in found] == [comment.id for comment in expected]


@pytest.mark.parametrize(
    ("relationship", "settled"),
    [
        (Post.comments, True),
        (Comment.replies, True),
        (User.comments, False),
        (User.posts, False),
        (Tag.posts, False),
    ],
)
def test_a_parent_settles_what_its_foreign_keys_bring_along(relationship: Any, settled: bool) -> None:
    source = source_of(relationship)
    for alternative in visible(source.model, Viewer(1, Role.USER)).alternatives:
        is_own_of_an_author = relationship is User.posts and "author_id =" in str(alternative)
        assert source.settles(source.rewrite(alternative)) == (settled or is_own_of_an_author)
