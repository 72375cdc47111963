"""An answer has so many characters of text: a row is read once, but may be in it thousands of times."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from db import read
from db.models import Post
from gql import relay
from gql.app import create_app
from gql.relay import to_global_id
from gql.settings import Settings
from tests import factories
from tests.client import Client
from tests.conftest import NewUrl
from tests.following import World, following

pytestmark = pytest.mark.anyio

MOST = 1000
MESSAGE = "The answer has more than 1,000 characters of text; ask for less."
ERROR = {"message": MESSAGE, "path": ["node"], "extensions": {"code": "LIMIT_EXCEEDED"}}
NODE = "query ($id: ID!) {node(id: $id) {... on %s}}"
# What is in the answer, and how many of its characters count.
SELECTIONS = {
    "a body": ("Post {body}", 400),
    "a body twice": ("Post {a: body b: body}", 800),
    "the same one again": ("Post {body body}", 400),
    "its beginning": ("Post {excerpt}", 280),
    "JSON": ("Post {attributes}", len('{"a":"äöü","b":[1,2]}'.encode())),
    "a profile": ("Post {author {bio}}", 90),
    "comments": ("Post {comments {nodes {body}}}", 30),
    "those of each comment's post": ("Post {comments {nodes {post {comments {nodes {body}}}}}}", 90),
    "a title, which counts as the longest": ("Post {title}", 200),
    "JSON twice": ("Post {a: attributes b: attributes}", 48),
    "short texts, which do not count": ("Post {status author {username role}}", 0),
    "all of them": ("Post {body excerpt attributes author {bio} comments {nodes {body}}}", 824),
}


@pytest.fixture(params=["compiled", "stock"])
async def client(new_url: NewUrl, request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    settings = Settings(database_url=new_url(), answer_limit=MOST, executor=request.param)
    async with Client(create_app(settings)) as client:
        yield client


async def a_post(client: Client) -> Post:
    """With three comments, one of which is deleted and has no text."""
    author = factories.user(bio="b" * 90)
    given = {"title": "t" * 70, "body": "ä" * 400, "attributes": {"a": "äöü", "b": [1, 2]}}
    post = factories.post(author, **given)
    said = [factories.comment(post, author, text="c" * length) for length in (10, 20)]
    await factories.save(client.database, post, *said, factories.comment(post, None, text="gone"))
    return post


@pytest.mark.parametrize("name", SELECTIONS)
async def test_texts_count_as_often_as_they_are_answered(client: Client, name: str) -> None:
    selection, characters = SELECTIONS[name]
    document, variables = NODE % selection, {"id": to_global_id("Post", (await a_post(client)).id)}
    endpoint = client.app.state.endpoint
    surroundings = endpoint.surroundings
    for most in (characters, characters - 1):
        endpoint.surroundings = replace(surroundings, limits=replace(surroundings.limits, answer=most))
        body = await client.execute(document, variables)
        assert ("errors" in body) is (most < characters), body


async def test_one_character_too_many_is_refused(client: Client) -> None:
    post = await a_post(client)
    one_more = factories.post(post.author, body="x" * 1001)
    await factories.save(client.database, one_more)
    document = {"query": NODE % "Post {body}", "variables": {"id": to_global_id("Post", one_more.id)}}
    for accept in ("application/json", "application/graphql-response+json"):
        response = await client.http.post("/graphql", json=document, headers={"Accept": accept})
        assert response.status_code == 200
        assert response.json() == {"data": None, "errors": [ERROR]}


async def test_a_little_request_gets_no_endless_answer(new_url: NewUrl) -> None:
    """As the settings are: 360 MB of text would be in it."""
    async with Client(create_app(Settings(database_url=new_url()))) as client:
        author = factories.user()
        post = factories.post(author, body="x" * 100_000)
        await factories.save(client.database, post, *(factories.comment(post, author) for _ in range(60)))
        below = "comments(first: 60) {nodes {post {%s}}}"
        document = NODE % f"Post {{{below % (below % 'body')}}}"
        body = await client.execute(document, {"id": to_global_id("Post", post.id)})
        assert {error["extensions"]["code"] for error in body["errors"]} == {"LIMIT_EXCEEDED"}
        assert body["data"] is None
        document = NODE % f"Post {{{below % 'body'}}}"
        data = await client.data(document, {"id": to_global_id("Post", post.id)})
        assert len(data["node"]["comments"]["nodes"]) == 60


async def test_a_row_of_many_parents_is_read_once(client: Client) -> None:
    author, tags = factories.user(), [factories.tag() for _ in range(3)]
    posts = [factories.post(author, body=str(number) * 10, tags=list(tags)) for number in range(4)]
    await factories.save(client.database, *posts)
    expected = [{"posts": {"nodes": [{"body": str(number) * 10} for number in (3, 2, 1, 0)]}}] * 3
    with client.statements() as statements:
        data = await client.data("{tags {nodes {posts {nodes {body}}}}}")
    assert data["tags"]["nodes"] == expected
    assert len(statements) == 3
    assert ["post_tags" in sent.sql for sent in statements if "posts.body" in sent.sql] == [False]


async def test_where_there_are_no_rows_none_are_looked_for(client: Client) -> None:
    await factories.save(client.database, factories.tag(), factories.tag())
    with client.statements() as statements:
        data = await client.data("{tags {nodes {posts {nodes {body}}}}}")
    assert data == {"tags": {"nodes": [{"posts": {"nodes": []}}] * 2}}
    assert len(statements) == 2


async def test_a_row_that_goes_meanwhile_leaves_a_page_as_it_was(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one row too few it would seem to be the last page."""
    author, tags = factories.user(), [factories.tag() for _ in range(2)]
    posts = [factories.post(author, tags=list(tags)) for _ in range(3)]
    await factories.save(client.database, *posts)
    document = "{tags {nodes {posts(first: 2) {nodes {id body} pageInfo {hasNextPage}}}}}"
    expected, rows_by_key, asked = await client.data(document), read.rows_by_key, 0

    async def without_one(*given: Any, **more: Any) -> Any:
        nonlocal asked
        asked += 1
        found = await rows_by_key(*given, **more)
        return dict(list(found.items())[1:])

    monkeypatch.setattr(read, "rows_by_key", without_one)
    assert await client.data(document) == expected
    assert asked > 0
    assert [tag["posts"]["pageInfo"]["hasNextPage"] for tag in expected["tags"]["nodes"]] == [True, True]


async def test_no_more_is_read_than_may_be_answered(client: Client) -> None:
    """Each of the pages is another one, and is read by itself."""
    author = factories.user()
    await factories.save(client.database, *(factories.post(author, body="x" * 400) for _ in range(9)))
    pages = " ".join(f"a{number}: posts(first: {number}) {{nodes {{body}}}}" for number in range(3, 9))
    with client.statements() as statements:
        codes = await client.codes(f'{{user(by: {{username: "{author.username}"}}) {{{pages}}}}}')
    assert codes == {"LIMIT_EXCEEDED"}
    assert len(statements) <= 3


async def test_a_mutation_is_done_all_the_same(client: Client) -> None:
    post = await a_post(client)
    author = await client.viewing(post.author)
    document = """mutation ($input: UpdatePostInput!) {
      updatePost(input: $input) {post {title a: body b: body c: body} userErrors {code}}
    }"""
    given = {"input": {"id": to_global_id("Post", post.id), "title": "Done"}}
    assert await author.codes(document, given) == {"LIMIT_EXCEEDED"}
    data = await client.data(NODE % "Post {title}", {"id": to_global_id("Post", post.id)})
    assert data == {"node": {"title": "Done"}}


async def test_it_was_executed_and_is_paid_for(settings: Settings) -> None:
    update = {"answer_limit": 1, "budget": 10_000, "budget_seconds": 3600}
    async with Client(create_app(settings.model_copy(update=update))) as client:
        post = await a_post(client)
        body = await client.execute(NODE % "Post {body}", {"id": to_global_id("Post", post.id)})
        assert body["data"] is None
        assert body["extensions"]["cost"]["requested"] == 1


async def test_json_is_measured_until_it_is_too_much(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = 0

    def length(value: Any) -> int:
        nonlocal measured
        measured += 1
        return 400

    monkeypatch.setattr(relay, "_json_length", length)
    author = factories.user()
    await factories.save(client.database, *(factories.post(author, attributes={"a": 1}) for _ in range(9)))
    selected = "author {posts {nodes {attributes}}}"
    assert await client.codes(f"{{posts {{nodes {{{selected}}}}}}}") == {"LIMIT_EXCEEDED"}
    assert 0 < measured < 9


async def test_an_event_says_so_and_others_are_told(client: Client) -> None:
    document = """subscription ($post: ID!) {
      commentAdded(postId: $post) {comment {body again: body}}
    }"""
    world = await World(client)()
    async with following(client, document, post=world.id) as follower:
        await follower.begins()
        await world.comment("x" * 501)
        assert await follower.codes() == {"LIMIT_EXCEEDED"}
        await world.comment("x" * 500)
        assert await follower.next() == {"comment": {"body": "x" * 500, "again": "x" * 500}}
