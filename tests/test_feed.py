"""The query that front ends send most: posts, their authors, and the first comments with theirs."""

import pytest

from tests import factories
from tests.client import Client

pytestmark = pytest.mark.anyio

FEED = """
query Feed($first: Int) {
  posts(first: $first) {
    nodes {
      id title excerpt publishedAt
      author { id username name }
      comments(first: 3) { nodes { id body author { id username } } }
    }
  }
}
"""


@pytest.mark.parametrize("posts", [2, 20, 100])
async def test_the_feed_takes_four_statements_however_many_rows(client: Client, posts: int) -> None:
    authors = [factories.user() for _ in range(3)]
    readers = [factories.user() for _ in range(3)]
    written = [factories.post(authors[number % 3]) for number in range(posts)]
    said = [factories.comment(post, reader) for post in written for reader in readers * 2]
    await factories.save(client.database, *said)
    with client.statements() as statements:
        feed = (await client.data(FEED, {"first": posts}))["posts"]["nodes"]
    assert len(feed) == posts
    assert all(len(post["comments"]["nodes"]) == 3 for post in feed)
    assert len(statements) == 4
