"""Null for a variable that may be null, where its value may not: a default made it valid.

It is the client's mistake, found while the operation is executed. What is wrong with an answer is not.
"""

import enum
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
import strawberry
from graphql import GraphQLError
from strawberry.types import Info

from gql.app import create_app
from gql.execution.strawberry import StockExecutor, StrawberryExecutor
from gql.schema import Schema
from gql.settings import Settings
from gql.transport import GraphQLEndpoint
from tests import factories
from tests.client import Client

pytestmark = pytest.mark.anyio

EXECUTORS = {"compiled": StrawberryExecutor, "stock": StockExecutor}
SECRET = "correct-horse-battery"  # noqa: S105 # Of nobody.


@pytest.fixture(params=EXECUTORS)
def executor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def client(settings: Settings, executor: str) -> AsyncIterator[Client]:
    """Somebody who is logged in, and has a post."""
    async with Client(create_app(settings.model_copy(update={"executor": executor}))) as client:
        user = factories.user()
        await factories.save(client.database, user, factories.post(user), factories.post(user))
        yield await client.viewing(user)


NULLED = {
    "an id": 'query ($n: ID = "x") {node(id: $n) {id}}',
    "an object": 'query ($n: PostBy = {slug: "a"}) {post(by: $n) {id}}',
    "a list": "query ($n: [ID!] = []) {nodes(ids: $n) {id}}",
    "an item": 'query ($n: ID = "x") {nodes(ids: [$n]) {id}}',
    "a field of an object": """query ($n: OrderDirection = ASC) {
        posts(orderBy: {field: CREATED_AT, direction: $n}) {totalCount}
    }""",
    "a directive": "query ($n: Boolean = true) {posts {nodes {id @include(if: $n)}}}",
    "a directive of a root field": "query ($n: Boolean = true) {viewer @skip(if: $n) {id}}",
    "a directive of a fragment": "query ($n: Boolean = true) {viewer {... @include(if: $n) {id}}}",
    "the name of a type": 'query ($n: String = "Post") {__type(name: $n) {name}}',
    "an argument of introspection": """query ($n: Boolean = true) {
        __type(name: "Post") {fields(includeDeprecated: $n) {name}}
    }""",
    "a mutation's input": """mutation ($n: CreatePostInput = {title: "", body: ""}) {
        createPost(input: $n) {userErrors {code}}
    }""",
    "a field of a mutation's input": f"""mutation ($n: String = "x") {{
        createPost(input: {{title: $n, body: "{SECRET}"}}) {{userErrors {{code}}}}
    }}""",
}


@pytest.mark.parametrize("name", NULLED)
async def test_null_where_it_must_not_be(client: Client, name: str, caplog: pytest.LogCaptureFixture) -> None:
    # The second time there is a plan.
    for _ in range(2):
        response = await client.send(NULLED[name], {"n": None, "other": SECRET})
        assert response.status_code == 200
        (error,) = response.json()["errors"]
        assert error["extensions"] == {"code": "BAD_USER_INPUT"}
        assert "Expected variable '$n' provided to non-null type '" in error["message"]
        assert SECRET not in response.text
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_the_rest_of_the_operation_is_answered(client: Client) -> None:
    body = await client.execute('query ($n: ID = "x") {node(id: $n) {id} posts {totalCount}}', {"n": None})
    assert body["data"] == {"node": None, "posts": {"totalCount": 2}}
    assert body["errors"] == [
        {
            "message": "Argument 'id' has invalid value: "
            "Expected variable '$n' provided to non-null type 'ID!' not to be None.",
            "locations": [{"line": 1, "column": 32}],
            "path": ["node"],
            "extensions": {"code": "BAD_USER_INPUT"},
        }
    ]


class Color(enum.Enum):
    RED = 1


def _raises(info: Info) -> str:
    raise GraphQLError(SECRET)


def _raises_at_its_field(info: Info) -> str:
    raise GraphQLError(SECRET, info._raw_info.field_nodes)


def _raises_at_more(info: Info, given: int = 0) -> str:
    field = info._raw_info.field_nodes[0]
    (argument,) = field.arguments or ()
    raise GraphQLError(SECRET, [field, argument.value])


def _is(value: Any) -> Any:
    return lambda: value


@strawberry.type
class Broken:
    raises: str | None = strawberry.field(resolver=_raises)
    raises_at_its_field: str | None = strawberry.field(resolver=_raises_at_its_field)
    raises_at_more: str | None = strawberry.field(resolver=_raises_at_more)
    color: Color | None = strawberry.field(resolver=_is(SECRET))
    number: int | None = strawberry.field(resolver=_is(SECRET))
    numbers: list[int] | None = strawberry.field(resolver=_is([1, SECRET]))
    no_list: list[int] | None = strawberry.field(resolver=_is(5))
    null: int = strawberry.field(resolver=_is(None))


@pytest.mark.parametrize(
    "field",
    [
        *("raises", "raisesAtItsField", "raisesAtMore(given: 1)"),
        *("color", "number", "numbers", "noList", "null"),
    ],
)
async def test_what_is_wrong_with_an_answer_is_masked(
    client: Client, executor: str, field: str, caplog: pytest.LogCaptureFixture
) -> None:
    client.app.state.endpoint = GraphQLEndpoint(
        Schema(Broken, execution_context_class=EXECUTORS[executor]),
        client.database,
        client.app.state.accounts,
        operations=1,
        with_explorer=False,
    )
    response = await client.send(f"{{{field}}}")
    (error,) = response.json()["errors"]
    assert error["message"] == "Internal error"
    assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert SECRET not in response.text
    assert len([record for record in caplog.records if record.name == "gazette"]) == 1
