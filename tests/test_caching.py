"""What caches may keep: strangers' GETs of trusted documents, and nothing else."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest

from db.enums import PostStatus
from gql.app import create_app
from gql.settings import Settings
from tests import factories
from tests.client import Client
from tests.conftest import NewUrl
from tests.trusted import automatic, trust

pytestmark = pytest.mark.anyio

GRAPHQL = "application/graphql-response+json"
POSTS = "query ($n: Int) {posts(first: $n) {nodes {title}}}"
ORIGIN = "https://front.example"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"max_age": 60})


async def get(client: Client, hash_: str, variables: Any = None, **headers: str) -> httpx.Response:
    params = {"documentId": f"sha256:{hash_}"}
    if variables is not None:
        params["variables"] = orjson.dumps(variables).decode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.http.get("/graphql", params=params, headers=named)


def is_public(response: httpx.Response) -> bool:
    is_private = response.headers["cache-control"] == "no-store"
    assert is_private == ("etag" not in response.headers)
    return not is_private


async def test_a_strangers_get_of_a_trusted_document(client: Client) -> None:
    author = factories.user()
    shown = factories.post(author)
    await factories.save(client.database, author, shown)
    hash_ = await trust(client.database, POSTS)
    response = await get(client, hash_)
    assert response.headers["cache-control"] == "public, max-age=60, must-revalidate"
    assert response.headers["vary"] == "Accept, Authorization"
    assert response.headers["content-length"] == str(len(response.content))
    tag = response.headers["etag"]
    assert tag.startswith('"')
    again = await get(client, hash_, if_none_match=tag)
    assert (again.status_code, again.content) == (304, b"")
    for name in ("etag", "cache-control", "vary"):
        assert again.headers[name] == response.headers[name]
    assert "content-type" not in again.headers
    assert "content-length" not in again.headers
    # What is not seen any more is not the same any more.
    async with client.database.writing() as session:
        post = await session.merge(shown)
        post.stored_status = PostStatus.DRAFT
    changed = await get(client, hash_, if_none_match=tag)
    assert (changed.status_code, changed.json()) == (200, {"data": {"posts": {"nodes": []}}})
    assert changed.headers["etag"] != tag


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("{tag}", 304),
        ("W/{tag}", 304),
        ('"a", {tag}', 304),
        ('"a",W/{tag} , "b"', 304),
        ("*", 304),
        (" * ", 304),
        ('"a"', 200),
        ('W/"a"', 200),
        ("", 200),
        ('"*"', 200),
        ("bare", 200),
    ],
)
async def test_if_none_match(client: Client, given: str, status: int) -> None:
    hash_ = await trust(client.database, POSTS)
    tag = (await get(client, hash_)).headers["etag"]
    value = given.format(tag=tag).replace("bare", tag.strip('"'))
    assert (await get(client, hash_, if_none_match=value)).status_code == status


async def test_each_representation_has_its_tag(client: Client) -> None:
    hash_ = await trust(client.database, POSTS)
    tags = {(await get(client, hash_, accept=accept)).headers["etag"] for accept in ("*/*", GRAPHQL)}
    assert len(tags) == 2


async def test_a_viewers_answer_is_the_viewers(client: Client) -> None:
    user = factories.user()
    await factories.save(client.database, user)
    hash_ = await trust(client.database, POSTS)
    tag = (await get(client, hash_)).headers["etag"]
    viewer = await client.viewing(user)
    for asked in (await get(viewer, hash_, if_none_match=tag), await get(viewer, hash_, if_none_match="*")):
        assert (asked.status_code, is_public(asked)) == (200, False)
    for authorization in ("Bearer x", ""):
        assert not is_public(await get(client, hash_, authorization=authorization))


async def test_errors_are_nobodys_to_keep(client: Client) -> None:
    hash_ = await trust(client.database, POSTS)
    for variables in ({"n": 0}, {"n": "x"}):
        response = await get(client, hash_, variables, if_none_match="*")
        assert response.json()["errors"]
        assert not is_public(response)
    assert not is_public(await get(client, "a" * 64, if_none_match="*"))


async def test_other_ways_are_not_for_caches(client: Client) -> None:
    hash_ = await trust(client.database, POSTS)
    asked = [
        await client.http.post("/graphql", json={"documentId": hash_}),
        await client.http.post("/graphql", json={"query": POSTS}),
        await client.http.get("/graphql", params={"query": POSTS}),
    ]
    for response in asked:
        assert response.status_code == 200
        assert not is_public(response)
    # By Apollo's way too it is the document that is trusted.
    extensions = orjson.dumps(automatic(hash_)["extensions"]).decode()
    assert is_public(await client.http.get("/graphql", params={"extensions": extensions}))


async def test_caches_ask_each_time_by_default(new_sqlite_url: NewUrl) -> None:
    async with Client(create_app(Settings(database_url=new_sqlite_url()))) as client:
        response = await get(client, await trust(client.database, POSTS))
        assert response.headers["cache-control"] == "public, max-age=0, must-revalidate"


@pytest.fixture(params=[ORIGIN, "*"])
async def shared(new_sqlite_url: NewUrl, request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    async with Client(create_app(Settings(database_url=new_sqlite_url(), origins=request.param))) as client:
        yield client


async def test_an_answer_without_its_header_is_not_for_another_origin(shared: Client) -> None:
    hash_ = await trust(shared.database, POSTS)
    assert (await get(shared, hash_)).headers["vary"] == "Accept, Authorization, Origin"
    for headers in ({}, {"if_none_match": "*"}):
        response = await get(shared, hash_, origin=ORIGIN, **headers)
        assert response.headers["access-control-allow-origin"] in (ORIGIN, "*")
        assert response.headers["vary"].startswith("Accept, Authorization")
    assert not is_public(await shared.http.post("/graphql", json={"query": POSTS}))


async def test_what_it_cost_somebody_is_not_for_others(new_sqlite_url: NewUrl) -> None:
    settings = Settings(database_url=new_sqlite_url(), budget=40, cost_limit=40)
    async with Client(create_app(settings)) as client:
        hash_ = await trust(client.database, POSTS)
        assert [*(await get(client, hash_)).json()] == ["data"]
        assert (await get(client, hash_, if_none_match="*")).status_code == 304
        spent = await get(client, hash_)
        assert (spent.status_code, is_public(spent)) == (429, False)
