"""However many errors an operation has: what is told, what is logged, and what it takes to place them."""

import json
import random
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import strawberry
from graphql import Source
from graphql.language import location, source

import gql.source
from gql.app import create_app
from gql.errors import NotFoundError
from gql.relay import to_global_id
from gql.schema import Schema
from gql.settings import Settings
from gql.source import DocumentSource
from gql.transport import GraphQLEndpoint
from tests import factories
from tests.client import Client
from tests.conftest import NewUrl
from tests.executors import answered_once

pytestmark = pytest.mark.anyio

TOLD = 100
LOGGED = 20
FAILING = "nodes {author {posts(first: 0) {totalCount}}}"
COMMENTS = f"a: comments {{{FAILING}}} b: comments {{{FAILING}}}"
MANY = f"query ($id: ID!) {{node(id: $id) {{... on Post {{{COMMENTS}}}}}}}"


@pytest.fixture(params=["compiled", "stock"])
async def client(new_url: NewUrl, request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    settings = Settings(database_url=new_url(), executor=request.param)
    async with Client(create_app(settings)) as client:
        yield client


async def a_post(client: Client, comments: int) -> dict[str, str]:
    author = factories.user()
    post = factories.post(author)
    await factories.save(client.database, post, *(factories.comment(post, author) for _ in range(comments)))
    return {"id": to_global_id("Post", post.id)}


@pytest.mark.parametrize("comments", [50, 51, 100])
async def test_the_first_hundred_errors_are_told(client: Client, comments: int) -> None:
    document = MANY.replace("comments {", f"comments(first: {comments}) {{")
    body = await client.execute(document, await a_post(client, comments))
    paths = [
        ["node", name, "nodes", number, "author", "posts"] for name in "ab" for number in range(comments)
    ]
    assert [error["path"] for error in body["errors"][:TOLD]] == paths[:TOLD]
    assert {error["extensions"]["code"] for error in body["errors"][:TOLD]} == {"BAD_USER_INPUT"}
    message = f"Only the first 100 of {2 * comments} errors are told."
    more = [{"message": message, "extensions": {"code": "LIMIT_EXCEEDED"}}]
    assert body["errors"][TOLD:] == (more if comments > 50 else [])
    nulls = {"nodes": [{"author": None}] * comments}
    assert body["data"] == {"node": {"a": nulls, "b": nulls}}


async def schema_of(client: Client, failures: list[Exception]) -> None:
    """Have the client's server answer `{rows {fails}}`, where each row fails in its own way."""

    @strawberry.type
    class Row:
        error: strawberry.Private[Exception]

        @strawberry.field
        def fails(self) -> str | None:
            raise self.error

    @strawberry.type
    class Rows:
        rows: list[Row] = strawberry.field(resolver=lambda: [Row(error=error) for error in failures])

    client.app.state.endpoint = GraphQLEndpoint(
        Schema(Rows, execution_context_class=client.app.state.endpoint.schema.execution_context_class),
        client.database,
        client.app.state.accounts,
        operations=1,
        with_explorer=False,
    )


def logged(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [json.loads(record.getMessage()) for record in caplog.records if record.name == "gazette"]


@pytest.mark.parametrize("number", [LOGGED, LOGGED + 1, 3000])
async def test_nobody_floods_the_log(client: Client, caplog: pytest.LogCaptureFixture, number: int) -> None:
    await schema_of(client, [RuntimeError() for _ in range(number)])
    await client.execute("query Front {rows {fails}}")
    lines = logged(caplog)
    assert [line["path"] for line in lines[:LOGGED]] == [["rows", row, "fails"] for row in range(LOGGED)]
    rest = [(line["event"], line["operation"], line["count"]) for line in lines[LOGGED:]]
    assert rest == ([("internal errors left out", "Front", number - LOGGED)] if number > LOGGED else [])


async def test_what_is_not_told_is_logged(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    await schema_of(client, [*(NotFoundError("Gone.") for _ in range(200)), RuntimeError()])
    body = await client.execute("{rows {fails}}")
    assert len(body["errors"]) == TOLD + 1
    (line,) = logged(caplog)
    assert line["path"] == ["rows", 200, "fails"]


def test_places_are_those_of_graphql_core() -> None:
    chance = random.Random(1)
    for _ in range(500):
        text = "".join(chance.choices(["a", "é", "\n", "\r", "\r\n", "\u2028", "\v"], k=chance.randrange(12)))
        document = DocumentSource(text)
        for position in range(len(text) + 2):
            assert document.get_location(position) == Source(text).get_location(position), (text, position)


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts in which somebody looked for the ends of lines."""
    found: list[str] = []

    class Watched:
        def finditer(self, text: str) -> Any:
            found.append(text)
            return re.compile(r"\r\n|[\n\r]").finditer(text)

    for module, name in ((location, "_re_newline"), (source, "_re_newline"), (gql.source, "_LINE_END")):
        monkeypatch.setattr(module, name, Watched())
    return found


FAILURES: dict[str, Callable[[str], str]] = {
    "fields": lambda lines: MANY.replace("{", "{" + lines, 1),
    "values": lambda lines: f"query ({lines}$ids: [ID!]!) {{nodes(ids: $ids) {{id}}}}",
}


@pytest.mark.parametrize("name", FAILURES)
async def test_lines_are_looked_for_once(client: Client, searches: list[str], name: str) -> None:
    document = FAILURES[name]("\n" * 1000)
    variables = {**await a_post(client, 20), "ids": [{}] * 40}
    body = await client.execute(document, variables)
    assert len(body["errors"]) == 40
    assert {error["locations"][0]["line"] for error in body["errors"]} == {1001}
    assert searches == [document]


async def test_a_field_that_is_repeated_is_looked_for_once(new_url: NewUrl, searches: list[str]) -> None:
    """graphql-core's own executor looks for all its places again with each error."""
    document = MANY.replace("posts(first: 0) {totalCount}", "\n posts(first: 0) {totalCount}" * 2)
    async with Client(create_app(Settings(database_url=new_url()))) as client:
        variables = await a_post(client, 20)
        with answered_once():
            body = await client.execute(document, variables)
    lines = [[place["line"] for place in error["locations"]] for error in body["errors"]]
    assert lines == [[2, 3]] * 20 + [[4, 5]] * 20
    assert searches == [document]
