"""A document that asks for too much is refused before it is validated, and before anything is read.

Each limit is tried at its edge: what is exactly as much as allowed is answered, one more is refused.
"""

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest
from graphql import Lexer, Token, get_introspection_query

from gql import cost, limits
from gql.app import create_app
from gql.schema import build_schema
from gql.settings import Limits, Settings
from tests.client import Client
from tests.conftest import NewUrl

pytestmark = pytest.mark.anyio

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
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


def times(number: int, field: str) -> str:
    """The field, each time with another number in place of its `#`."""
    return " ".join(field.replace("#", str(index)) for index in range(number))


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


@contextmanager
def nothing_read(client: Client) -> Iterator[None]:
    with client.statements() as statements:
        yield
    assert statements == []


async def assert_refused(client: Client, document: str, message: str) -> None:
    for accept, status in ((JSON, 200), (GRAPHQL, 400)):
        with nothing_read(client):
            response = await client.http.post(
                "/graphql", json={"query": document}, headers={"Accept": accept}
            )
        assert response.status_code == status
        assert response.json() == {"errors": [{"message": message, "extensions": {"code": "LIMIT_EXCEEDED"}}]}


@pytest.mark.parametrize("name", EDGES)
async def test_so_much_is_allowed_and_one_more_is_refused(client: Client, name: str) -> None:
    document, most, message = EDGES[name]
    for _ in range(2):
        # A second time from what is kept.
        await client.data(document(most), {"ids": []})
        await assert_refused(client, document(most + 1), message)


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


def chain(number: int, of: str) -> str:
    """Each fragment spreads the next one twice."""
    return " ".join(
        f"fragment F{index} on Query {{...F{index + 1} ...F{index + 1}}}" for index in range(number)
    ) + (f" fragment F{number} on Query {{{of}}}")


def overlapping(number: int) -> str:
    fragments = times(number, "fragment F# on Post {author {name}}")
    return f"{{posts {{nodes {{{times(number, '...F#')}}}}}}} {fragments}"


HOSTILE: dict[str, Callable[[int], str]] = {
    "fragments that double": lambda size: f"{{...F0}} {chain(size // 8, 'viewer {id}')}",
    "fragments that double nothing": lambda size: f"{{...F0}} {chain(size // 8, '')}",
    "overlapping fragments": lambda size: overlapping(size // 12),
    "fragments in a circle": lambda size: (
        f"{{...F0}} {times(size // 8, 'fragment F# on Query {...F# ...F0 ...F1}')}"
    ),
    "unknown fragments": lambda size: f"{{{times(size // 2, '...F#')}}}",
    "fragments that nobody spreads": lambda size: f"{{viewer {{id}}}} {chain(size // 8, 'viewer {id}')}",
    "fields of one name": lambda size: f"{{posts {{nodes {{{'author {id} ' * (size // 4)}}}}}}}",
    "fields with arguments": lambda size: (
        f"{{posts {{nodes {{{'comments(first: 1) {totalCount} ' * (size // 9)}}}}}}}"
    ),
    "inline fragments": lambda size: "{viewer {" + "... {id} " * (size // 4) + "}}",
    "many operations": lambda size: (
        times(size // 8, "query A# {...F}") + " fragment F on Query {viewer {id}}"
    ),
    "directives": lambda size: "{viewer {id " + "@a " * (size // 2) + "}}",
}
"""Documents of so many tokens, or a quarter more."""


def looked_at(document: str, allowed: Limits) -> int:
    """How many lines of the checks are run for a document."""
    lines = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal lines
        if frame.f_code.co_filename not in (limits.__file__, cost.__file__):
            return None
        lines += event == "line"
        return trace

    schema = build_schema(limits=allowed)
    previous = sys.gettrace()
    sys.settrace(trace)
    try:
        read = schema.documents.document(document)
        schema.documents.errors(document, read)
    except Exception:  # noqa: S110 # What is said to it is another test's.
        pass
    finally:
        sys.settrace(previous)
    return lines


@pytest.mark.parametrize("name", HOSTILE)
def test_twice_the_document_is_twice_the_work(name: str) -> None:
    generous = Limits(tokens=10_000)
    small, large = (looked_at(HOSTILE[name](size), generous) for size in (800, 1600))
    assert 100 < small < 30 * 800
    assert large < 2.3 * small


def test_what_fragments_come_to_is_looked_at_a_few_times_only() -> None:
    """They may double a few times, in places that differ: within the limits the cost is counted for each."""
    double = (
        "fragment F# on Post {id title slug "
        "author {posts(last: 2) {nodes {...F%}}} tags {nodes {posts {edges {node {...F%}}}}}}"
    )
    fragments = " ".join(double.replace("#", str(level)).replace("%", str(level + 1)) for level in range(5))
    document = f"{{posts {{nodes {{...F0}}}}}} {fragments} fragment F5 on Post {{id {times(15, 'title')}}}"
    schema = build_schema()
    schema.documents.errors(document, schema.documents.document(document))
    assert document in schema.documents.kept
    selected = 3 + 31 * 14 + 32 * 16
    assert looked_at(document, Limits()) < 40 * selected


@pytest.mark.parametrize("name", HOSTILE)
async def test_what_is_hostile_is_refused_and_reads_nothing(client: Client, name: str) -> None:
    with nothing_read(client):
        codes = await client.codes(HOSTILE[name](1400))
    assert codes
    assert codes <= {"LIMIT_EXCEEDED", "GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED", "BAD_USER_INPUT"}


async def test_what_nobody_can_count_is_said_to_be_a_billion(client: Client) -> None:
    message = "The document selects 1,000,000,000 fields and fragments; 2,000 are allowed."
    await assert_refused(client, f"{{...F0}} {chain(150, 'viewer {id}')}", message)


@pytest.mark.parametrize("name", ["fields of one name", "fields with arguments", "overlapping fragments"])
async def test_fields_are_not_compared_without_end(
    client: Client, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """graphql-core compares pairs, and gives up after half a second."""
    message = "The document repeats too many fields to compare them."
    await assert_refused(client, HOSTILE[name](1900), message)
    await client.data(HOSTILE[name](200))


@pytest.mark.parametrize("document", ["{" * 10_000, "{a" * 900, "{posts(first: " + "[" * 900])
async def test_no_nesting_is_too_deep_to_be_refused(client: Client, document: str) -> None:
    assert await client.codes(document) <= {"LIMIT_EXCEEDED", "GRAPHQL_PARSE_FAILED"}
