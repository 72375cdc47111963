"""A request has a few mutations, and not as many as a document has room for."""

import pytest

from gql.settings import Settings
from tests import factories
from tests.client import Client
from tests.conftest import NewUrl
from tests.limits import UNLIMITED

pytestmark = pytest.mark.anyio

MOST = 20


@pytest.fixture
def settings(new_url: NewUrl) -> Settings:
    return Settings(database_url=new_url(), **{**UNLIMITED, "root_field_limit": MOST})


def fields(number: int) -> str:
    field = 'createPost(input: {title: "A title", body: ""}) {post {id}}'
    return " ".join(f"a{index}: {field}" for index in range(number))


@pytest.mark.parametrize(
    "document",
    [
        f"mutation {{{fields(MOST + 1)}}}",
        f"mutation {{... {{{fields(MOST)}}} ... {{b: __typename}}}}",
        f"mutation {{...F ... on Mutation {{...F}}}} fragment F on Mutation {{{fields(MOST)}}}",
        f"mutation {{{fields(2000)}}}",
        "mutation {...A} fragment A on Mutation {...B ...B} fragment B on Mutation {...A ...A}",
    ],
    ids=["fields", "inline fragments", "fragments", "two thousand", "fragments in circles"],
)
async def test_more_than_twenty_are_refused_before_any_is_done(client: Client, document: str) -> None:
    user = factories.user()
    await factories.save(client.database, user)
    ada = await client.viewing(user)
    assert await ada.codes(document) <= {"LIMIT_EXCEEDED", "GRAPHQL_VALIDATION_FAILED"}
    assert await ada.codes(document)
    assert await ada.data("{posts {totalCount}}") == {"posts": {"totalCount": 0}}


async def test_twenty_are_done(client: Client) -> None:
    user = factories.user()
    await factories.save(client.database, user)
    data = await (await client.viewing(user)).data(f"mutation {{{fields(MOST)}}}")
    assert len({payload["post"]["id"] for payload in data.values()}) == MOST
