"""Tags are made by those who write posts, and kept in order by editors."""

from typing import Any

import pytest

from db.enums import Role
from tests import factories
from tests.client import Client
from tests.inputs import global_id

pytestmark = pytest.mark.anyio

TAGS = "post {id tags {totalCount nodes {id name slug}}}"


@pytest.fixture
async def ada(client: Client) -> Client:
    user = factories.user(username="ada")
    await factories.save(client.database, user)
    return await client.viewing(user)


@pytest.fixture
async def editor(client: Client) -> Client:
    user = factories.user(role=Role.EDITOR)
    await factories.save(client.database, user)
    return await client.viewing(user)


async def post(ada: Client, *tags: str) -> dict[str, Any]:
    payload = await ada.mutate("createPost", TAGS, title="A title", body="", tags=list(tags))
    assert payload["userErrors"] == []
    made: dict[str, Any] = payload["post"]
    return made


def names(post: dict[str, Any]) -> list[str]:
    return sorted(tag["name"] for tag in post["tags"]["nodes"])


async def test_tags_whose_slugs_would_be_the_same(ada: Client) -> None:
    given = sorted(["C", "C++", "C#", "😀", "🎉", "题目", "&#x110000;", "x" * 50, "x" * 49 + "é"])
    made = await post(ada, *given)
    assert names(made) == given
    slugs = {tag["slug"] for tag in made["tags"]["nodes"]}
    assert len(slugs) == len(given)
    assert {"c", "tag"} <= slugs
    # The same again are the same.
    assert {tag["slug"] for tag in (await post(ada, *given))["tags"]["nodes"]} == slugs
    query = "query ($slug: String!) {tag(by: {slug: $slug}) {name posts {totalCount}}}"
    for slug in slugs:
        assert (await ada.data(query, {"slug": slug}))["tag"] is not None


async def test_tags_that_differ_in_case_or_form_are_one(ada: Client) -> None:
    assert names(await post(ada, "Straße", "STRASSE", " strasse ", "ＳＴＲＡＳＳＥ")) == ["Straße"]
    # Who made it spelled it.
    assert names(await post(ada, "strasse")) == ["Straße"]
    assert names(await post(ada, "ﬁ", "FI", "e\u0301", "É")) == ["fi", "é"]
    assert (await ada.data("{tags {totalCount}}"))["tags"]["totalCount"] == 3


async def test_there_are_only_so_many(ada: Client) -> None:
    given = [f"Tag {number}" for number in range(20)]
    made = await post(ada, *given)
    assert made["tags"]["totalCount"] == 20
    for tags in ([*given, "One more"], ["same"] * 21, [""] * 1_900):
        payload = await ada.mutate("createPost", title="A title", body="", tags=tags)
        assert payload["userErrors"] == [("INVALID", "tags")]
        payload = await ada.mutate("updatePost", id=made["id"], tags=tags)
        assert payload["userErrors"] == [("INVALID", "tags")]


@pytest.mark.parametrize("bad", ["", " ", "\u200b", "x" * 51, "\ufdfa" * 3, "<b>", "a\nb", "\u202e", "\x07a"])
async def test_a_tag_that_is_none(ada: Client, bad: str) -> None:
    payload = await ada.mutate("createPost", TAGS, title="A title", body="", tags=["fine", bad])
    assert payload == {"post": None, "userErrors": [("INVALID", "tags.1")]}
    # Nothing was made of it, not even the tag that was fine.
    assert await ada.data("{tags {totalCount} viewer {posts {totalCount}}}") == {
        "tags": {"totalCount": 0},
        "viewer": {"posts": {"totalCount": 0}},
    }


async def test_the_list_is_one_of_texts(ada: Client) -> None:
    document = (
        'mutation ($tags: [String!]) {createPost(input: {title: "a", body: "", tags: $tags}) {post {id}}}'
    )
    for tags in ([None], [5], [["a"]], {"a": "b"}, 5):
        assert await ada.codes(document, {"tags": tags}) == {"BAD_USER_INPUT"}
    # GraphQL takes one for a list of one.
    assert await ada.codes(document, {"tags": "a"}) == set()


async def test_an_editor_renames_a_tag_and_links_stay(ada: Client, editor: Client) -> None:
    made = await post(ada, "Pyhton", "Other")
    tag = next(tag for tag in made["tags"]["nodes"] if tag["name"] == "Pyhton")
    payload = await editor.mutate(
        "renameTag", "tag {id name slug posts {totalCount}}", id=tag["id"], name="Python"
    )
    # The post is a draft, which editors see.
    renamed = {"id": tag["id"], "name": "Python", "slug": "pyhton", "posts": {"totalCount": 1}}
    assert payload == {"tag": renamed, "userErrors": []}
    assert names(await post(ada, "PYTHON")) == ["Python"]
    assert names(await post(ada, "Pyhton")) == ["Pyhton"]
    payload = await editor.mutate("renameTag", "tag {id}", id=tag["id"], name="OTHER")
    assert payload == {"tag": None, "userErrors": [("TAKEN", "name")]}
    # Its own name in another case is free.
    payload = await editor.mutate("renameTag", "tag {name}", id=tag["id"], name="python")
    assert payload == {"tag": {"name": "python"}, "userErrors": []}


async def test_an_editor_deletes_a_tag_and_posts_stay(ada: Client, editor: Client) -> None:
    made = await post(ada, "One", "Two")
    one = next(tag["id"] for tag in made["tags"]["nodes"] if tag["name"] == "One")
    payload = await editor.mutate("deleteTag", "deletedTagId", id=one)
    assert payload == {"deletedTagId": one, "userErrors": []}
    query = "query ($id: ID!) {node(id: $id) {... on Post {version tags {nodes {name}}}}}"
    node = (await ada.data(query, {"id": made["id"]}))["node"]
    assert node == {"version": 1, "tags": {"nodes": [{"name": "Two"}]}}
    assert (await editor.mutate("deleteTag", id=one))["userErrors"] == [("NOT_FOUND", "id")]
    assert names(await post(ada, "One")) == ["One"]


async def test_only_editors_do(client: Client, ada: Client) -> None:
    tag = factories.tag()
    await factories.save(client.database, tag)
    key = global_id(tag)
    assert (await ada.mutate("renameTag", "tag {id}", id=key, name="x")) == {
        "tag": None,
        "userErrors": [("FORBIDDEN", "")],
    }
    assert (await ada.mutate("deleteTag", id=key))["userErrors"] == [("FORBIDDEN", "")]
    for document in (
        'mutation {deleteTag(input: {id: "%s"}) {deletedTagId}}',
        'mutation {renameTag(input: {id: "%s", name: "x"}) {tag {id}}}',
    ):
        assert await client.codes(document % key) == {"UNAUTHENTICATED"}
    assert (await client.data("{tags {nodes {name}}}"))["tags"]["nodes"] == [{"name": tag.name}]
