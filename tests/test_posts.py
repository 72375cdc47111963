"""Posts are written, published and deleted by whoever may, and by nobody else."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests import factories
from tests.client import Client

pytestmark = pytest.mark.anyio

POST = "post {id title body slug status publishedAt version attributes tags {nodes {name slug}}}"


@pytest.fixture
async def ada(client: Client) -> Client:
    user = factories.user(username="ada")
    await factories.save(client.database, user)
    return await client.viewing(user)


async def draft(ada: Client, **given: Any) -> dict[str, Any]:
    payload = await ada.mutate("createPost", POST, **{"title": "A title", "body": "text", **given})
    assert payload["userErrors"] == []
    post: dict[str, Any] = payload["post"]
    return post


async def test_a_new_post_is_a_draft_that_only_its_author_sees(client: Client, ada: Client) -> None:
    post = await draft(ada, title="Über Größe", tags=["Python", "C++", "C"], attributes={"a": [1, 2.5, None]})
    assert post["slug"] == "uber-grosse"
    assert (post["status"], post["publishedAt"], post["version"]) == ("DRAFT", None, 1)
    assert post["attributes"] == {"a": [1, 2.5, None]}
    assert {tag["name"] for tag in post["tags"]["nodes"]} == {"Python", "C++", "C"}
    query = "query ($id: ID!) {node(id: $id) {id}}"
    assert await client.data(query, {"id": post["id"]}) == {"node": None}
    assert await ada.data(query, {"id": post["id"]}) == {"node": {"id": post["id"]}}


async def test_it_is_published_scheduled_and_taken_back(client: Client, ada: Client) -> None:
    post = await draft(ada)
    public = "{posts {totalCount}}"
    published = await ada.mutate("publishPost", POST, id=post["id"])
    assert (published["post"]["status"], published["post"]["version"]) == ("PUBLISHED", 2)
    assert await client.data(public) == {"posts": {"totalCount": 1}}
    assert (await ada.mutate("publishPost", id=post["id"]))["userErrors"] == [("IMPOSSIBLE", "id")]
    archived = await ada.mutate("archivePost", POST, id=post["id"])
    assert archived["post"]["status"] == "ARCHIVED"
    assert archived["post"]["publishedAt"] == published["post"]["publishedAt"]
    assert await client.data(public) == {"posts": {"totalCount": 0}}
    assert (await ada.mutate("archivePost", id=post["id"]))["userErrors"] == [("IMPOSSIBLE", "id")]
    again = await ada.mutate("unpublishPost", POST, id=post["id"])
    assert (again["post"]["status"], again["post"]["publishedAt"]) == ("DRAFT", None)
    assert (await ada.mutate("unpublishPost", id=post["id"]))["userErrors"] == [("IMPOSSIBLE", "id")]


async def test_a_scheduled_post_becomes_public_by_itself(client: Client, ada: Client) -> None:
    post = await draft(ada)
    at = (factories.NOW + timedelta(days=1)).isoformat()
    assert (await ada.mutate("publishPost", POST, id=post["id"], at=at))["post"]["status"] == "SCHEDULED"
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    assert (await ada.mutate("publishPost", POST, id=post["id"], at=soon))["post"]["publishedAt"] == soon
    query = "query ($id: ID!) {node(id: $id) {... on Post {status}}}"
    assert await client.data(query, {"id": post["id"]}) == {"node": None}
    await asyncio.sleep(1.1)
    assert await client.data(query, {"id": post["id"]}) == {"node": {"status": "PUBLISHED"}}


async def test_a_time_that_has_passed_is_refused(ada: Client) -> None:
    post = await draft(ada)
    past = await ada.mutate("publishPost", POST, id=post["id"], at=factories.YESTERDAY.isoformat())
    assert past == {"post": None, "userErrors": [("INVALID", "at")]}
