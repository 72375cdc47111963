"""What an operation costs is counted before it is executed, and what costs too much reads nothing."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    get_introspection_query,
    get_named_type,
    get_nullable_type,
    is_list_type,
)

from bench import queries
from gql.app import create_app
from gql.bounds import DEFAULT_PAGE, Limits
from gql.documents import Document
from gql.schema import Schema, build_schema
from gql.settings import Settings
from tests import factories
from tests.client import Client
from tests.conftest import NewUrl
from tests.queries import FEED

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parent.parent


@pytest.fixture
async def client(new_sqlite_url: NewUrl) -> AsyncIterator[Client]:
    """What is counted before anything is read does not depend on the database."""
    async with Client(create_app(Settings(database_url=new_sqlite_url()))) as client:
        yield client


def valid(schema: Schema, text: str) -> Document:
    """What a document is read as, which has to be valid and within the limits."""

    async def read() -> Document:
        document = await schema.documents.read(text)
        assert await schema.documents.errors(text, document) == [], text
        return document

    return asyncio.run(read())


def cost(text: str, variables: dict[str, Any] | None = None, **limits: int) -> int:
    """Of the first operation of a document, which has to be valid and within the limits."""
    schema = build_schema(limits=Limits(**limits))
    document = valid(schema, text)
    return document.cost(document.operations[0], variables, schema._schema, schema.limits.page)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("{__typename}", 1),
        ("{viewer {id username}}", 1),
        ("{posts {nodes {id}}}", DEFAULT_PAGE),
        ("{posts(first: 7) {nodes {id}}}", 7),
        ("{posts(last: 7) {nodes {id}}}", 7),
        ("{posts(first: null) {nodes {id}}}", DEFAULT_PAGE),
        ("{posts(first: 7) {edges {cursor}}}", 7),
        ("{posts(first: 7) {pageInfo {endCursor}}}", 7),
        ("{posts(first: 7) {totalCount}}", 1),
        ("{posts(first: 7) {totalCount nodes {id}}}", 8),
        ("{posts(first: 7) {nodes {author {id}}}}", 14),
        ("{posts(first: 7) {edges {node {author {id}}}}}", 14),
        ("{posts(first: 7) {nodes {comments(first: 3) {nodes {author {id}}}}}}", 7 + 7 * 3 * 2),
        # As the README says.
        ("{posts(first: 10) {nodes {author {name} comments(first: 5) {nodes {body}}}}}", 70),
        ("{posts(first: 7) {nodes {comments {totalCount}}}}", 14),
        (
            "{a: tags(first: 7) {nodes {id}} b: tags(first: 5) {nodes {id}} users(first: 3) {nodes {id}}}",
            15,
        ),
        ("{posts(first: 7) {nodes {id}} posts(first: 7) {nodes {title}}}", 7),
        (
            "{tags(first: 7) {nodes {...F ...G}}} "
            "fragment F on Tag {posts {totalCount}} fragment G on Tag {...F}",
            14,
        ),
        ('{node(id: "x") {... on Post {author {id}} ... on User {posts(first: 5) {nodes {id}}}}}', 1 + 1 + 5),
        ('{nodes(ids: ["x", "y"]) {... on Post {author {id}}}}', 4),
        ("{posts(first: 7) {nodes {author @skip(if: true) {id}}}}", 14),
        ('mutation {deleteTag(input: {id: "x"}) {deletedTagId}}', 10),
        ('mutation {a: logIn(input: {username: "x", password: "y"}) {viewer {id}} __typename}', 21),
        ('{__type(name: "User") {name} __schema {queryType {name}}}', 200),
    ],
)
def test_nodes_are_counted(document: str, expected: int) -> None:
    assert cost(document) == expected


VARIABLE = "query ($n: Int, $m: Int = 5) {posts(first: $n) {nodes {comments(last: $m) {nodes {id}}}}}"


@pytest.mark.parametrize(
    ("variables", "posts", "comments"),
    [
        (None, DEFAULT_PAGE, 5),
        ({}, DEFAULT_PAGE, 5),
        ({"n": 7}, 7, 5),
        ({"n": 7, "m": 3}, 7, 3),
        ({"n": None, "m": None}, DEFAULT_PAGE, DEFAULT_PAGE),
        ({"n": 7.0}, 7, 5),
        # Refused later; until then they are nothing that makes others cheaper.
        ({"n": -(10**6), "m": 0}, 1, 1),
        ({"n": 1000, "m": 10**30}, 100, DEFAULT_PAGE),
        ({"n": "7", "m": [3]}, DEFAULT_PAGE, DEFAULT_PAGE),
        ({"n": 1e300, "m": True}, DEFAULT_PAGE, 1),
    ],
)
def test_sizes_are_those_of_the_request(variables: dict[str, Any] | None, posts: int, comments: int) -> None:
    assert cost(VARIABLE, variables) == posts + posts * comments


def test_ids_are_counted_in_variables_too() -> None:
    text = "query ($ids: [ID!]!) {nodes(ids: $ids) {id ... on Post {author {id}}}}"
    assert cost(text, {"ids": ["x"] * 30}) == 60
    assert cost(text, {"ids": "x"}) == 2


def test_a_page_that_may_be_larger_counts_as_it_is() -> None:
    assert cost("query ($n: Int) {posts(first: $n) {nodes {id}}}", {"n": 400}, page=1000) == 400


def test_every_list_of_entities_says_how_long_it_is() -> None:
    """By its connection's page, or by the list that it is asked for with: others would count as one."""
    unknown = [
        f"{kind.name}.{name}"
        for kind in build_schema()._schema.type_map.values()
        if isinstance(kind, GraphQLObjectType) and not kind.name.endswith("Connection")
        for name, field in kind.fields.items()
        if is_list_type(get_nullable_type(field.type))
        and isinstance(get_named_type(field.type), GraphQLObjectType | GraphQLInterfaceType)
        and not any(is_list_type(get_nullable_type(argument.type)) for argument in field.args.values())
    ]
    # Not of the database.
    assert [name for name in unknown if not name.startswith("__") and not name.endswith(".userErrors")] == []


NESTED = "{{posts(first: {}) {{nodes {{comments(first: 100) {{nodes {{id}}}}}}}}}}"
BY_VARIABLES = "query ($n: Int, $m: Int) {posts(first: $n) {nodes {comments(first: $m) {nodes {id}}}}}"
MESSAGE = "The operation can come to {:,} nodes; 10,000 are allowed."


async def refused(client: Client, document: str, **variables: int) -> str | None:
    """What is said to an operation that costs too much; nothing is read for it."""
    with client.statements() as statements:
        body = await client.execute(document, variables)
    if "errors" not in body:
        return None
    (error,) = body["errors"]
    assert statements == []
    assert "data" not in body
    assert error["extensions"] == {"code": "LIMIT_EXCEEDED"}
    return str(error["message"])


async def test_exactly_as_much_as_allowed_is_answered_and_more_is_refused(client: Client) -> None:
    await factories.save(client.database, factories.comment(factories.post(factories.user())))
    for _ in range(2):
        assert await refused(client, NESTED.format(99)[:-1] + " viewer {id}}") is None
        assert await refused(client, NESTED.format(99)[:-1] + " viewer {id} tags {totalCount}}") == (
            MESSAGE.format(10_001)
        )
        assert await refused(client, BY_VARIABLES, n=99, m=100) is None
        assert await refused(client, BY_VARIABLES, n=100, m=100) == MESSAGE.format(10_100)
        assert await refused(client, BY_VARIABLES) is None


async def test_connections_side_by_side_and_in_fragments_add_up(client: Client) -> None:
    parallel = "{" + " ".join(f"a{index}: {NESTED.format(10)[1:-1]}" for index in range(9)) + "}"
    assert await refused(client, parallel) is None
    assert await refused(client, f"{parallel[:-1]} b: {NESTED.format(10)[1:]}") == MESSAGE.format(10_100)
    fragment = "fragment F on Query " + NESTED.format(10).replace("{posts", "{#: posts")
    spread = [f"...F{index}" for index in range(10)]
    fragments = [fragment.replace("F", f"F{index}", 1).replace("#", f"a{index}") for index in range(10)]
    assert await refused(client, f"{{{' '.join(spread)}}} {' '.join(fragments)}") == MESSAGE.format(10_100)


async def test_deep_lists_multiply(client: Client) -> None:
    document = "{posts {nodes {comments {nodes {replies {nodes {author {posts {nodes {id}}}}}}}}}}"
    expected = 20 + 20**2 + 20**3 * 2 + 20**4
    assert await refused(client, document) == MESSAGE.format(expected)


def documents() -> list[tuple[str, str, Any]]:
    """What the README, the tests' front ends and the benchmark send, but for what is there to be large."""
    shown = re.findall(r"```graphql\n(?:# \w+\n)?(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    found: list[tuple[str, str, Any]] = [("README", text, {}) for text in shown]
    found += [("tests", FEED, {}), ("tools", get_introspection_query(input_value_deprecation=True), {})]
    for key, operation in queries.gazette(1000, "", middle="", deep="").items():
        if key not in ("Q3", "leaves", "aliases"):
            sent = json.loads(operation.bodies[0])
            found.append(("bench", sent["query"], sent["variables"]))
    return found


def test_what_front_ends_send_is_far_below_every_limit() -> None:
    half = Limits(
        document=25_000,
        tokens=500,
        name=100,
        selections=500,
        depth=6,
        aliases=5,
        root_fields=5,
        directives=10,
        introspections=1,
        introspection_depth=15,
        cost=2000,
    )
    found = documents()
    assert len(found) > 15
    for where, text, variables in found:
        schema = build_schema(limits=half)
        document = valid(schema, text)
        for operation in document.operations:
            assert document.cost(operation, variables, schema._schema, schema.limits.page) <= half.cost, (
                where,
                text,
            )
