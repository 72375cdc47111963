"""Documents that were written to hurt are refused after work that grows with their length, and no faster."""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Callable
from types import FrameType
from typing import Any

import pytest
from graphql import Node, Token

from abuse.documents import DOCUMENTS, chain, overlapping, times
from gql import cost, documents, limits
from gql.app import create_app
from gql.bounds import Limits
from gql.errors import Asked
from gql.responses import answer_of
from gql.schema import build_schema
from gql.settings import Settings
from tests.client import Client
from tests.conftest import NewUrl
from tests.limits import assert_refused, nothing_read

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client(new_sqlite_url: NewUrl) -> AsyncIterator[Client]:
    """What is refused is refused before there is a difference between databases."""
    async with Client(create_app(Settings(database_url=new_sqlite_url()))) as client:
        yield client


HOSTILE: dict[str, Callable[[int], str]] = {
    "fragments that double": lambda size: f"{{...F0}} {chain(size // 8, 'viewer {id}')}",
    "fragments that double nothing": lambda size: f"{{...F0}} {chain(size // 8, '')}",
    "overlapping fragments": lambda size: overlapping(size // 12, "author {name}"),
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


@pytest.fixture
def _in_this_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where lines can be counted."""
    monkeypatch.setattr(documents, "SHORT", 10**9)


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
        read = asyncio.run(schema.documents.read(document))
        if not asyncio.run(schema.documents.errors(document, read)):
            read.cost(read.operations[0], {}, schema._schema, allowed.page)
    except Exception:  # noqa: S110 # What is said to it is another test's.
        pass
    finally:
        sys.settrace(previous)
    return lines


@pytest.mark.usefixtures("_in_this_thread")
@pytest.mark.parametrize("name", HOSTILE)
def test_twice_the_document_is_twice_the_work(name: str) -> None:
    generous = Limits(tokens=10_000)
    small, large = (looked_at(HOSTILE[name](size), generous) for size in (800, 1600))
    assert 100 < small < 30 * 800
    assert large < 2.3 * small


@pytest.mark.usefixtures("_in_this_thread")
def test_what_fragments_come_to_is_looked_at_a_few_times_only() -> None:
    """They may double a few times, in places that differ: within the limits the cost is counted for each."""
    double = (
        "fragment F# on Post {id title slug "
        "author {posts(last: 2) {nodes {...F%}}} tags {nodes {posts {edges {node {...F%}}}}}}"
    )
    fragments = " ".join(double.replace("#", str(level)).replace("%", str(level + 1)) for level in range(5))
    document = f"{{posts {{nodes {{...F0}}}}}} {fragments} fragment F5 on Post {{id {times(15, 'title')}}}"
    schema = build_schema()
    assert asyncio.run(schema.documents.errors(document, asyncio.run(schema.documents.read(document)))) == []
    assert document in schema.documents.kept
    selected = 3 + 31 * 14 + 32 * 16
    assert looked_at(document, Limits()) < 40 * selected


@pytest.mark.usefixtures("_in_this_thread")
def test_only_the_operation_that_is_executed_is_counted() -> None:
    doubling = " ".join(
        f"fragment F{level} on PostConnection {{...F{level + 1} ...F{level + 1}}}" for level in range(8)
    )
    fragments = f"{doubling} fragment F8 on PostConnection {{totalCount}}"
    one, many = (
        looked_at(f"{times(number, 'query Q# {posts {...F0}}')} {fragments}", Limits()) for number in (1, 150)
    )
    # The others are looked at for their shape only.
    assert one > 2_000, one
    assert many < one + 150 * 150, (one, many)


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


@pytest.mark.usefixtures("_in_this_thread")
@pytest.mark.parametrize(
    "name",
    [
        "10,000 braces",
        "fields in fields",
        "10,000 directives",
        "600 aliases, within the tokens",
        "1,000 times a field",
        "900 unknown fields",
        "500 unknown arguments",
        "2^150 fragments",
        "45,000 comments, within the characters",
        "a name of 90,000 characters",
        "200 operations",
    ],
)
async def test_what_is_refused_is_gone_at_once(name: str) -> None:
    """Left to the garbage collector, a few such documents would hold up everybody while it looks at them."""
    schema = build_schema()
    gc.collect()
    gc.disable()
    try:
        before = parts_of_documents()
        answer_of(await schema.execute(DOCUMENTS[name][0]), "application/json", Asked("test"))
        assert parts_of_documents() == before
    finally:
        gc.enable()


def parts_of_documents() -> int:
    return sum(isinstance(found, Node | Token) for found in gc.get_objects())
