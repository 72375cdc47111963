"""A document that asks for too much is refused before it is validated, and before anything is read.

Each limit is tried at its edge: what is exactly as much as allowed is answered, one more is refused.
"""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from graphql import Lexer, Token, get_introspection_query

from abuse.documents import times
from gql.app import create_app
from gql.settings import Settings
from tests.client import Client
from tests.conftest import NewUrl
from tests.limits import assert_refused, nothing_read

pytestmark = pytest.mark.anyio

FULL_INTROSPECTION = get_introspection_query(
    specified_by_url=True,
    directive_is_repeatable=True,
    schema_description=True,
    input_value_deprecation=True,
    experimental_directive_deprecation=True,
    one_of=True,
)


@pytest.fixture
async def client(new_sqlite_url: NewUrl) -> AsyncIterator[Client]:
    """What a document may ask for does not depend on the database."""
    async with Client(create_app(Settings(database_url=new_sqlite_url()))) as client:
        yield client


def deep(levels: int) -> str:
    """A level of posts, then in turn of authors and posts, the last one a leaf."""
    names = ["posts", *("author" if level % 2 else "posts(first: 1)" for level in range(1, levels - 1))]
    text = "id"
    for name in reversed(names):
        text = f"{name} {{edges {{node {{{text}}}}}}}" if "posts" in name else f"{name} {{{text}}}"
    return f"{{{text}}}"


def types_of(levels: int) -> str:
    return "{ofType " * (levels - 1) + "{name}" + "}" * (levels - 1)


def padded(length: int) -> str:
    return "{viewer {id}}".ljust(length)


EDGES: dict[str, tuple[Callable[[int], str], int, str]] = {
    "characters": (padded, 100_000, "The document has 100,001 characters; 100,000 are allowed."),
    "tokens": (
        # A default that is not used: the ids come with the request.
        lambda number: f"query ($ids: [ID!]! = [{'0 ' * (number - 26)}]) {{nodes(ids: $ids) {{id}}}}",
        2000,
        "The document has more than 2,000 tokens, with comments.",
    ),
    "comments": (
        lambda number: "{viewer {id}}" + "#\n" * (number - 6),
        2000,
        "The document has more than 2,000 tokens, with comments.",
    ),
    "a name": (
        lambda length: f"{{viewer {{{'a' * length}: id}}}}",
        200,
        "The document has a name of 201 characters; 200 are allowed.",
    ),
    "the name of an operation": (
        lambda length: f"query {'a' * length} {{viewer {{id}}}}",
        200,
        "The document has a name of 201 characters; 200 are allowed.",
    ),
    "depth": (deep, 12, "The document is 13 levels deep; 12 are allowed."),
    "depth by fragments": (
        lambda levels: f"{{viewer {{...F}}}} fragment F on User {deep(levels - 1)}",
        12,
        "The document is 13 levels deep; 12 are allowed.",
    ),
    "aliases": (
        lambda number: f"{{viewer {{{times(number, 'a#: id')}}}}}",
        15,
        "The document has 16 aliases; 15 are allowed.",
    ),
    "aliases by fragments": (
        lambda number: (
            f"{{viewer {{...F posts {{nodes {{author {{...F}}}}}} {times(number - 14, 'b#: id')}}}}} "
            f"fragment F on User {{{times(7, 'a#: id')}}}"
        ),
        15,
        "The document has 16 aliases; 15 are allowed.",
    ),
    "root fields": (
        lambda number: "{" + "viewer {id} " * number + "}",
        20,
        "The document has 21 root fields; 20 are allowed.",
    ),
    "root fields by fragments": (
        lambda number: (
            "{...F ... {...F} "
            + "viewer {id} " * (number - 18)
            + "} fragment F on Query {"
            + "viewer {id} " * 9
            + "}"
        ),
        20,
        "The document has 21 root fields; 20 are allowed.",
    ),
    "directives": (
        lambda number: "{viewer {" + "id @skip(if: false) " * number + "}}",
        50,
        "The document has 51 directives; 50 are allowed.",
    ),
    "directives on fragments": (
        lambda number: (
            f"{{viewer {{{'...F @include(if: true) ' * 25} {'id @skip(if: false) ' * (number - 50)}}}}} "
            "fragment F on User {id @skip(if: false)}"
        ),
        50,
        "The document has 51 directives; 50 are allowed.",
    ),
    "introspections": (
        lambda number: f"{{{times(number, 'a#: __schema {queryType {name}}')}}}",
        5,
        "The document asks for the schema 6 times; 5 are allowed.",
    ),
    "introspections by fragments": (
        lambda number: (
            f"{{...F ... {{...F}} {times(number - 4, 'b#: __schema {description}')}}} "
            f"fragment F on Query {{{times(2, 'a#: __schema {description}')}}}"
        ),
        5,
        "The document asks for the schema 6 times; 5 are allowed.",
    ),
    "introspection's depth by fragments": (
        lambda levels: (
            '{...F} fragment F on Query {__type(name: "User") {ofType {...G}}} '
            f"fragment G on __Type {types_of(levels - 2)}"
        ),
        20,
        "The document asks 21 levels deep for the schema; 20 are allowed.",
    ),
    "introspection's depth": (
        lambda levels: f'{{__type(name: "User") {types_of(levels - 1)}}}',
        20,
        "The document asks 21 levels deep for the schema; 20 are allowed.",
    ),
}
"""A document that asks for so much, how much is allowed, and what is said to one more."""


@pytest.mark.parametrize("name", EDGES)
async def test_so_much_is_allowed_and_one_more_is_refused(client: Client, name: str) -> None:
    document, most, message = EDGES[name]
    for _ in range(2):
        # A second time from what is kept.
        await client.data(document(most), {"ids": []})
        await assert_refused(client, document(most + 1), message)


async def test_what_is_nested_too_deep_is_refused_as_such(client: Client) -> None:
    """Long before it has too many tokens, and before Python's stack is at its end."""
    for document in ("{a" * 300, "{posts(first: " + "[" * 300):
        await assert_refused(client, document, "The document is nested too deeply.")


async def test_comments_and_tokens_are_counted_together(client: Client) -> None:
    document = EDGES["tokens"][0](1500) + "#\n" * 501
    await assert_refused(client, document, EDGES["tokens"][2])


async def test_no_more_is_read_than_is_allowed(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    read = 0
    original = Lexer.read_next_token

    def count(lexer: Lexer, start: int) -> Token:
        nonlocal read
        read += 1
        return original(lexer, start)

    monkeypatch.setattr(Lexer, "read_next_token", count)
    for document in (
        "#\n" * 40_000 + "{viewer {id}}",
        "{viewer {id " + "#\n" * 40_000,
        "{" * 40_000,
        "{a" * 40_000,
    ):
        read = 0
        assert await client.codes(document) <= {"LIMIT_EXCEEDED", "GRAPHQL_PARSE_FAILED"}
        assert read <= 2010


async def test_each_limit_is_a_setting(new_sqlite_url: NewUrl) -> None:
    lower = Settings(
        database_url=new_sqlite_url(),
        document_limit=90,
        token_limit=40,
        name_limit=50,
        selection_limit=8,
        depth_limit=3,
        alias_limit=1,
        root_field_limit=2,
        directive_limit=1,
        introspection_limit=1,
        introspection_depth=3,
        cost_limit=101,
    )
    async with Client(create_app(lower)) as client:
        await client.data("{a: viewer {id} __schema {queryType @skip(if: true) {name}}}")
        for document, message in {
            padded(91): "The document has 91 characters; 90 are allowed.",
            "{viewer {id}}" + "#\n" * 35: "The document has more than 40 tokens, with comments.",
            f"{{viewer {{{'a' * 51}: id}}}}": "The document has a name of 51 characters; 50 are allowed.",
            "{viewer {" + "id " * 8 + "}}": "The document selects 9 fields and fragments; 8 are allowed.",
            deep(4): "The document is 4 levels deep; 3 are allowed.",
            "{a: viewer {b: id}}": "The document has 2 aliases; 1 are allowed.",
            "{viewer {id} viewer {id} viewer {id}}": "The document has 3 root fields; 2 are allowed.",
            "{viewer @skip(if: true) {id @skip(if: true)}}": "The document has 2 directives; 1 are allowed.",
            "{__schema {types {fields {name}}}}": (
                "The document asks 4 levels deep for the schema; 3 are allowed."
            ),
            "{posts(first: 51) {nodes {author {id}}}}": (
                "The operation can come to 102 nodes; 101 are allowed."
            ),
        }.items():
            await assert_refused(client, document, message)


@pytest.mark.parametrize(
    "options", [{}, {"type_depth": 7}, {"one_of": True, "input_value_deprecation": True}]
)
async def test_tools_can_ask_for_the_whole_schema(client: Client, options: dict[str, Any]) -> None:
    data = await client.data(get_introspection_query(**options))
    assert len(data["__schema"]["types"]) > 50


async def test_the_whole_schema_can_be_asked_for_once_but_not_fifty_times(client: Client) -> None:
    await client.data(FULL_INTROSPECTION)
    fields, _, fragments = FULL_INTROSPECTION.partition("fragment FullType")
    inner = fields[fields.index("__schema") : fields.rindex("}")]
    for name in ("a#: ", ""):
        document = f"{{{times(50, f'{name}{inner}')}}} fragment FullType{fragments}"
        assert await client.codes(document) == {"LIMIT_EXCEEDED"}


async def test_introspection_in_circles_is_refused(client: Client) -> None:
    circle = "{__schema {types " + "{fields {type " * 3 + "{name}" + "}}" * 3 + "}}"
    assert await client.codes(circle) == {"GRAPHQL_VALIDATION_FAILED"}
    assert await client.codes("{__schema {types {...F}}} fragment F on __Type {ofType {...F}}") == {
        "GRAPHQL_VALIDATION_FAILED"
    }


async def test_batches_are_refused(client: Client) -> None:
    with nothing_read(client):
        response = await client.http.post("/graphql", json=[{"query": "{viewer {id}}"}] * 2)
    assert response.status_code == 400


@pytest.mark.parametrize(
    "document",
    [
        "query " + "Q" * 200 + "{nodes(ids: [" + times(500, "$v#") + "]) {id}}",
        "{viewer {" + times(900, "a#") + "}}",
        f'{{posts(first: "{"a" * 90_000}") {{totalCount}}}}',
        f'query "{"a" * 90_000}" {{viewer {{id}}}}',
    ],
    ids=["an operation with variables", "fields", "a literal", "a text where a name is"],
)
async def test_errors_do_not_repeat_a_document(client: Client, document: str) -> None:
    response = await client.send(document)
    assert "errors" in response.json()
    assert len(response.content) < 10_000


@pytest.mark.parametrize("suggestions", [False, True])
async def test_errors_suggest_no_names_unless_they_shall(new_sqlite_url: NewUrl, suggestions: bool) -> None:
    settings = Settings(database_url=new_sqlite_url(), suggestions=suggestions)
    async with Client(create_app(settings)) as client:
        for document, variables in (
            ("{postz {id}}", {}),
            ("{posts(frist: 1) {totalCount}}", {}),
            ("{posts {nodes {... on Pots {id}}}}", {}),
            ("query ($by: UserBy!) {user(by: $by) {id}}", {"by": {"usernam": "ada"}}),
        ):
            body = await client.execute(document, variables)
            assert ("Did you mean" in body["errors"][0]["message"]) is suggestions
