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


EDGE = "cursor node {id title status publishedAt author {username}}"


async def edges(client: Client, field: str = "posts") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.data(f"{{{field} {{edges {{{EDGE}}}}}}}"))[field]["edges"]
    return found


async def test_the_edge_is_the_one_of_the_posts(client: Client, ada: Client) -> None:
    """A client can put it into its own list, and go on from it."""
    await draft(ada, title="Before")
    payload = await ada.mutate("createPost", f"postEdge {{{EDGE}}}", title="A title", body="")
    assert (await edges(ada))[0] == payload["postEdge"]
    key = payload["postEdge"]["node"]["id"]
    published = await ada.mutate("publishPost", f"postEdge {{{EDGE}}}", id=key)
    assert await edges(client) == [published["postEdge"]]
    assert published["postEdge"]["cursor"] != payload["postEdge"]["cursor"]
    # What is not published stands in front of what is.
    before = {"before": published["postEdge"]["cursor"]}
    data = await ada.data("query ($before: String) {posts(before: $before) {nodes {title}}}", before)
    assert [node["title"] for node in data["posts"]["nodes"]] == ["Before"]
    at = (factories.NOW + timedelta(days=1)).isoformat()
    await ada.mutate("unpublishPost", id=key)
    scheduled = await ada.mutate("publishPost", f"postEdge {{{EDGE}}}", id=key, at=at)
    assert scheduled["postEdge"] in await edges(ada)


async def test_the_edge_of_a_user_is_the_one_of_the_users(client: Client, ada: Client) -> None:
    edge = "userEdge {cursor node {id username}}"
    given = {"username": "grace", "email": "grace@example.org", "password": "a very long password"}
    payload = await client.mutate("createUser", edge, **given)
    data = await client.data("{users {edges {cursor node {id username}}}}")
    assert data["users"]["edges"][0] == payload["userEdge"]


async def test_mutations_in_one_document_see_each_other(ada: Client) -> None:
    post = await draft(ada)
    document = """mutation ($id: ID!) {
      one: updatePost(input: {id: $id, title: "One", tags: ["a"]}) {post {title tags {nodes {name}} version}}
      two: updatePost(input: {id: $id, tags: ["b"], expectedVersion: 2}) {
        post {title tags {nodes {name posts {totalCount}}} author {posts {totalCount}} version}
      }
      lost: updatePost(input: {id: $id, title: "Lost", expectedVersion: 2}) {
        post {title version} userErrors {code}
      }
      three: deletePost(input: {id: $id}) {deletedPostId post {id}}
      four: updatePost(input: {id: $id, title: "Four"}) {post {id} userErrors {code}}
    }"""
    assert await ada.data(document, {"id": post["id"]}) == {
        "one": {"post": {"title": "One", "tags": {"nodes": [{"name": "a"}]}, "version": 2}},
        "two": {
            "post": {
                "title": "One",
                "tags": {"nodes": [{"name": "b", "posts": {"totalCount": 1}}]},
                "author": {"posts": {"totalCount": 1}},
                "version": 3,
            }
        },
        "lost": {"post": {"title": "One", "version": 3}, "userErrors": [{"code": "CONFLICT"}]},
        "three": {"deletedPostId": post["id"], "post": None},
        "four": {"post": None, "userErrors": [{"code": "NOT_FOUND"}]},
    }


async def test_a_view_is_no_change(client: Client, ada: Client) -> None:
    post = await draft(ada)
    selection = "post {viewCount version updatedAt}"
    before = (await ada.mutate("publishPost", "post {updatedAt}", id=post["id"]))["post"]["updatedAt"]
    await client.mutate("recordPostView", id=post["id"])
    payload = await client.mutate("recordPostView", selection, id=post["id"])
    assert payload["post"] == {"viewCount": 2, "version": 2, "updatedAt": before}


async def test_only_authors_and_editors_change_a_post(client: Client, ada: Client) -> None:
    post = await draft(ada)
    await ada.mutate("publishPost", id=post["id"])
    other = factories.user()
    await factories.save(client.database, other)
    bob = await client.viewing(other)
    for name in ("updatePost", "archivePost", "unpublishPost", "publishPost", "deletePost"):
        assert (await bob.mutate(name, "post {id}", id=post["id"])) == {
            "post": None,
            "userErrors": [("FORBIDDEN", "id")],
        }
    assert (await ada.mutate("updatePost", POST, id=post["id"]))["post"]["version"] == 2
