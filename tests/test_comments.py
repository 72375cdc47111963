"""Comments keep their thread together, whatever becomes of them; and payloads tell what is committed."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import false

from db import read
from db.enums import Role
from db.models import Comment, Post
from db.read import Visible
from db.selects import Alternatives
from db.write import Reference, insert_row
from gql import policy
from gql.policy import Viewer
from gql.relay import to_global_id
from tests import factories
from tests.client import Client
from tests.inputs import global_id
from tests.sent import sent

pytestmark = pytest.mark.anyio

COMMENT = "comment {id body version author {id} parent {id} replies {totalCount}}"
THREAD = """query ($id: ID!) {node(id: $id) {... on Post {comments {totalCount nodes {
  id body author {id} parent {id} replies {nodes {id body}}
}}}}}"""


@dataclass
class World:
    """Ada writes posts, Bob reads them, and an editor sees to it."""

    ada: Client
    bob: Client
    editor: Client
    post: Post
    drafts: dict[str, Post]

    async def say(self, who: Client, body: str, parent: str | None = None) -> str:
        payload = await who.mutate(
            "createComment", "comment {id}", postId=global_id(self.post), body=body, parentId=parent
        )
        assert payload["userErrors"] == []
        key: str = payload["comment"]["id"]
        return key

    async def thread(self) -> dict[str, Any]:
        data = await self.bob.data(THREAD, {"id": global_id(self.post)})
        thread: dict[str, Any] = data["node"]["comments"]
        return thread


@pytest.fixture
async def world(client: Client) -> World:
    ada, bob, editor = factories.user(), factories.user(), factories.user(role=Role.EDITOR)
    post = factories.post(ada)
    drafts = {name: factories.post(ada, **given) for name, given in factories.HIDDEN.items()}
    await factories.save(client.database, post, bob, editor, *drafts.values())
    viewing = client.viewing
    return World(await viewing(ada), await viewing(bob), await viewing(editor), post, drafts)


async def test_replies_are_listed_with_their_parents(world: World) -> None:
    first = await world.say(world.bob, "First")
    second = await world.say(world.ada, "Second", first)
    third = await world.say(world.bob, "Third", second)
    nodes = (await world.thread())["nodes"]
    assert [node["id"] for node in nodes] == [first, second, third]
    assert [node["parent"] for node in nodes] == [None, {"id": first}, {"id": second}]
    assert [node["replies"]["nodes"] for node in nodes] == [
        [{"id": second, "body": "Second"}],
        [{"id": third, "body": "Third"}],
        [],
    ]


async def test_one_with_replies_becomes_a_tombstone(world: World) -> None:
    first = await world.say(world.bob, "A secret")
    reply = await world.say(world.ada, "Second", first)
    payload = await world.bob.mutate("deleteComment", f"deletedCommentId {COMMENT}", id=first)
    tombstone = {"id": first, "body": None, "version": 2, "author": None, "parent": None}
    assert payload == {
        "deletedCommentId": None,
        "comment": {**tombstone, "replies": {"totalCount": 1}},
        "userErrors": [],
    }
    thread = await world.thread()
    assert [node["id"] for node in thread["nodes"]] == [first, reply]
    assert "secret" not in str(thread)
    # Its text is gone from the table too.
    async with world.bob.database.reading() as connection:
        assert "secret" not in str((await connection.exec_driver_sql("SELECT * FROM comments")).all())
    # Whose it was can do nothing more with it, and neither can an editor.
    for who in (world.bob, world.editor):
        for name, given in (("updateComment", {"body": "x"}), ("deleteComment", {})):
            payload = await who.mutate(name, "comment {id}", id=first, **given)
            assert payload == {"comment": None, "userErrors": [("FORBIDDEN", "id")]}


async def test_one_without_replies_is_gone(world: World) -> None:
    first = await world.say(world.bob, "First")
    payload = await world.bob.mutate("deleteComment", "deletedCommentId comment {id}", id=first)
    assert payload == {"deletedCommentId": first, "comment": None, "userErrors": []}
    assert await world.thread() == {"totalCount": 0, "nodes": []}
    for name, given in (("updateComment", {"body": "x"}), ("deleteComment", {})):
        assert (await world.bob.mutate(name, id=first, **given))["userErrors"] == [("NOT_FOUND", "id")]


async def test_a_tombstone_stays_when_its_last_reply_goes(world: World) -> None:
    first = await world.say(world.bob, "First")
    reply = await world.say(world.ada, "Second", first)
    await world.bob.mutate("deleteComment", id=first)
    payload = await world.ada.mutate("deleteComment", "deletedCommentId", id=reply)
    assert payload == {"deletedCommentId": reply, "userErrors": []}
    assert [node["id"] for node in (await world.thread())["nodes"]] == [first]


async def test_only_its_author_says_it_otherwise(world: World) -> None:
    first = await world.say(world.bob, "First")
    payload = await world.bob.mutate("updateComment", "comment {body version}", id=first, body="Better")
    assert payload["comment"] == {"body": "Better", "version": 2}
    for who in (world.ada, world.editor):
        assert (await who.mutate("updateComment", id=first, body="x"))["userErrors"] == [("FORBIDDEN", "id")]
    # The post's author is no moderator; an editor is.
    assert (await world.ada.mutate("deleteComment", id=first))["userErrors"] == [("FORBIDDEN", "id")]
    assert (await world.editor.mutate("deleteComment", id=first))["userErrors"] == []


@pytest.mark.parametrize("name", factories.HIDDEN)
async def test_a_comment_on_what_is_not_public(world: World, name: str) -> None:
    key = global_id(world.drafts[name])
    for who in (world.ada, world.editor):
        payload = await who.mutate("createComment", "comment {id}", postId=key, body="A note")
        assert payload["userErrors"] == []
        query = "query ($id: ID!) {node(id: $id) {id}}"
        assert (await who.data(query, {"id": payload["comment"]["id"]}))["node"] is not None
        assert (await world.bob.data(query, {"id": payload["comment"]["id"]}))["node"] is None
        reply = await world.bob.mutate(
            "createComment", postId=global_id(world.post), parentId=payload["comment"]["id"], body="x"
        )
        assert reply["userErrors"] == [("NOT_FOUND", "parentId")]
    hidden = await world.bob.mutate("createComment", postId=key, body="x")
    missing = await world.bob.mutate("createComment", postId=to_global_id("Post", 10**9), body="x")
    assert hidden == missing == {"userErrors": [("NOT_FOUND", "postId")]}


async def test_comments_follow_their_post_out_of_sight_and_back(world: World) -> None:
    first = await world.say(world.bob, "First")
    await world.ada.mutate("unpublishPost", id=global_id(world.post))
    for name, given in (("updateComment", {"body": "x"}), ("deleteComment", {})):
        assert (await world.bob.mutate(name, id=first, **given))["userErrors"] == [("NOT_FOUND", "id")]
    assert (await world.ada.mutate("publishPost", id=global_id(world.post)))["userErrors"] == []
    assert (await world.bob.mutate("updateComment", id=first, body="x"))["userErrors"] == []


async def test_a_user_who_goes_leaves_tombstones_and_no_posts(world: World) -> None:
    first = await world.say(world.bob, "First")
    reply = await world.say(world.ada, "Second", first)
    bob = (await world.bob.data("{viewer {id}}"))["viewer"]["id"]
    post = await world.bob.mutate("createPost", "post {id}", title="A title", body="")
    own = await world.bob.mutate("createComment", "comment {id}", postId=post["post"]["id"], body="x")
    payload = await world.bob.mutate("deleteUser", "deletedUserId", id=bob, idempotencyKey="once")
    assert payload == {"deletedUserId": bob, "userErrors": []}
    assert await world.bob.codes("{viewer {id}}") == {"UNAUTHENTICATED"}
    data = await world.ada.data(THREAD, {"id": global_id(world.post)})
    found = {node["id"]: (node["body"], node["author"]) for node in data["node"]["comments"]["nodes"]}
    assert found[first] == (None, None)
    assert found[reply][0] == "Second"
    ids = [bob, post["post"]["id"], own["comment"]["id"]]
    nodes = await world.editor.data("query ($ids: [ID!]!) {nodes(ids: $ids) {id}}", {"ids": ids})
    assert nodes == {"nodes": [None, None, None]}


EDGE = "cursor node {id body author {id} post {id}}"


async def test_the_edge_is_the_one_of_the_posts_comments(world: World) -> None:
    await world.say(world.ada, "Before")
    payload = await world.bob.mutate(
        "createComment", f"commentEdge {{{EDGE}}}", postId=global_id(world.post), body="Hello"
    )
    edge = payload["commentEdge"]
    connection = f"comments(after: $after) {{edges {{{EDGE}}}}}"
    query = f"query ($id: ID!, $after: String) {{node(id: $id) {{... on Post {{{connection}}}}}}}"
    edges = (await world.bob.data(query, {"id": global_id(world.post)}))["node"]["comments"]["edges"]
    assert edges[-1] == edge
    # A client goes on from it.
    later = await world.say(world.ada, "Later", edge["node"]["id"])
    given = {"id": global_id(world.post), "after": edge["cursor"]}
    edges = (await world.bob.data(query, given))["node"]["comments"]["edges"]
    assert [edge["node"]["id"] for edge in edges] == [later]


async def test_the_edge_of_a_reply_is_the_one_of_its_parents_replies(world: World) -> None:
    parent = await world.say(world.ada, "Before")
    payload = await world.bob.mutate(
        "createComment", f"commentEdge {{{EDGE}}}", postId=global_id(world.post), body="x", parentId=parent
    )
    query = f"query ($id: ID!) {{node(id: $id) {{... on Comment {{replies {{edges {{{EDGE}}}}}}}}}}}"
    edges = (await world.bob.data(query, {"id": parent}))["node"]["replies"]["edges"]
    assert edges == [payload["commentEdge"]]


async def test_a_payload_reads_what_is_committed(world: World) -> None:
    """Also what a mutation before it in the same document had already shown."""
    document = """mutation ($post: ID!) {
      one: createComment(input: {postId: $post, body: "One"}) {comment {post {comments {totalCount}}}}
      two: createComment(input: {postId: $post, body: "Two"}) {
        comment {post {comments {totalCount nodes {body}}} author {comments {totalCount}}}
      }
      bad: createComment(input: {postId: $post, body: ""}) {comment {id} userErrors {code}}
      three: recordPostView(input: {id: $post}) {post {viewCount version comments {totalCount}}}
    }"""
    data = await world.bob.data(document, {"post": global_id(world.post)})
    assert data == {
        "one": {"comment": {"post": {"comments": {"totalCount": 1}}}},
        "two": {
            "comment": {
                "post": {"comments": {"totalCount": 2, "nodes": [{"body": "One"}, {"body": "Two"}]}},
                "author": {"comments": {"totalCount": 2}},
            }
        },
        "bad": {"comment": None, "userErrors": [{"code": "INVALID"}]},
        "three": {"post": {"viewCount": 1, "version": 1, "comments": {"totalCount": 2}}},
    }


ALL_COLUMNS = "id body createdAt updatedAt version viewerCanUpdate viewerCanDelete"


async def test_a_new_comment_comes_back_with_its_own_insert(world: World, backend: str) -> None:
    """As a read would have it, which is not needed; with what it refers to where the database can do that."""
    fields = f"{ALL_COLUMNS} author {{id name}}"
    selection = f"comment {{{fields}}} commentEdge {{cursor node {{id}}}}"
    with sent(world.bob.database) as reads:
        payload = await world.bob.mutate(
            "createComment", selection, postId=global_id(world.post), body="A note"
        )
    # Who asks, and on SQLite who has written it.
    assert len(reads) == (2 if backend == "sqlite" else 1)
    assert not [each.sql for each in reads if "FROM comments" in each.sql]
    query = f"query ($id: ID!) {{node(id: $id) {{... on Comment {{{fields}}}}}}}"
    assert (await world.bob.data(query, {"id": payload["comment"]["id"]}))["node"] == payload["comment"]


async def test_whether_a_new_row_may_be_seen_is_what_a_read_says(world: World) -> None:
    database, columns = world.bob.database, ("id", "created_at", "body", "author_id")
    ada, somebody = world.post.author_id, factories.user()
    await factories.save(database, somebody)
    viewers = [None, *(Viewer(key, role) for key in (ada, somebody.id) for role in Role)]
    for post in (world.post, *world.drafts.values()):
        reference = Reference(Comment.post, post.id, policy.visible(Post, viewers[-1]).alternatives)
        values = {"author_id": somebody.id, "text": "A note"}
        for viewer in viewers:
            visible = policy.visible(Comment, viewer)
            async with database.writing() as session:
                inserted = await insert_row(session, reference, values, columns, visible)
            assert inserted is not None
            row, is_visible = inserted
            found = await read.rows_by_key(database, Comment, "id", [row.id], columns, visible)
            assert found == ({row.id: row} if is_visible else {})


async def test_what_may_not_be_seen_is_not_shown_to_whoever_writes_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No policy of today is like that."""
    visible, nobody = policy.visible, Alternatives([false()])

    def hiding(model: Any, *given: Any, **more: Any) -> Visible:
        seen = visible(model, *given, **more)
        return replace(seen, alternatives=nobody) if model is Comment else seen

    monkeypatch.setattr(policy, "visible", hiding)
    payload = await world.bob.mutate("createComment", "comment {id}", postId=global_id(world.post), body="x")
    assert payload == {"comment": None, "userErrors": []}
