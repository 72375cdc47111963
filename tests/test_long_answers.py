"""An answer has so many characters of text: a row is read once, but may be in it thousands of times."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from db.models import Post
from gql.app import create_app
from gql.relay import to_global_id
from gql.settings import Settings
from tests import factories
from tests.client import Client
from tests.conftest import NewUrl
from tests.following import World, following

pytestmark = pytest.mark.anyio

MOST = 1000
MESSAGE = "The answer has more than 1,000 characters of text; ask for less at once."
REFUSED = {"errors": [{"message": MESSAGE, "extensions": {"code": "LIMIT_EXCEEDED"}}]}
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
    "short texts, which do not count": ("Post {title slug author {username name}}", 0),
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
    post = factories.post(author, body="ä" * 400, attributes={"a": "äöü", "b": [1, 2]})
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
    response = await client.send(NODE % "Post {body}", {"id": to_global_id("Post", one_more.id)})
    assert response.status_code == 200
    assert response.json() == REFUSED
    accept = {"Accept": "application/graphql-response+json"}
    document = {"query": NODE % "Post {body}", "variables": {"id": to_global_id("Post", one_more.id)}}
    refused = await client.http.post("/graphql", json=document, headers=accept)
    assert refused.status_code == 400
    assert refused.json() == REFUSED


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
        assert "data" not in body
        document = NODE % f"Post {{{below % 'body'}}}"
        data = await client.data(document, {"id": to_global_id("Post", post.id)})
        assert len(data["node"]["comments"]["nodes"]) == 60


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
