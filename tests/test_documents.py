"""A document is parsed and validated once, and asked for what has to hold before it is executed each time."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from graphql import get_introspection_query
from strawberry.extensions import SchemaExtension
from strawberry.types.execution import ExecutionResult

from gql.app import create_app
from gql.context import Context
from gql.documents import SHORT
from gql.limits import parse_within
from gql.mutations import Mutation
from gql.query import Query
from gql.relay import entities
from gql.rules import mistakes
from gql.schema import Schema, build_schema
from gql.settings import Settings
from tests.client import Client
from tests.executors import answered_once
from tests.following import PATIENCE

pytestmark = pytest.mark.anyio

NOBODY = "{viewer {id}}"
INVALID = "{viewer {no such: fields ... on Post {title}}}"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    counted: Counter[str] = Counter()

    def counting(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            counted[name] += 1
            return original(*arguments, **named)

        return call

    monkeypatch.setattr("gql.documents.parse_within", counting("parse", parse_within))
    monkeypatch.setattr("gql.schema.mistakes", counting("validate", mistakes))
    return counted


async def execute(
    schema: Schema, client: Client, document: str, name: str | None = None, *, invalid: bool = False
) -> ExecutionResult:
    context = Context(client.database)
    if invalid:
        context = _WithInvalidToken(client.database)
    result = await schema.execute(document, context_value=context, operation_name=name)
    await context.close()
    return result


async def test_others_are_answered_while_a_long_document_is_looked_at(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def slow(*given: Any, **options: Any) -> Any:
        begun.set()
        assert may_end.wait(timeout=60)
        return mistakes(*given, **options)

    monkeypatch.setattr("gql.schema.mistakes", slow)
    schema = build_schema()
    long = asyncio.create_task(execute(schema, client, NOBODY.ljust(SHORT + 1)))
    assert await asyncio.to_thread(begun.wait, 60)
    monkeypatch.setattr("gql.schema.mistakes", mistakes)
    assert (await execute(schema, client, NOBODY)).data == {"viewer": None}
    assert not long.done()
    may_end.set()
    assert (await long).data == {"viewer": None}


async def test_who_waits_for_a_long_document_takes_no_place(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def slow(*given: Any, **options: Any) -> Any:
        begun.set()
        assert may_end.wait(timeout=60)
        return mistakes(*given, **options)

    async with Client(create_app(settings.model_copy(update={"operations": 1}))) as client:
        assert await client.data(NOBODY) == {"viewer": None}
        monkeypatch.setattr("gql.schema.mistakes", slow)
        long = asyncio.create_task(client.data(NOBODY.ljust(SHORT + 1)))
        assert await asyncio.to_thread(begun.wait, 60)
        known = asyncio.create_task(client.data(NOBODY))
        await asyncio.wait({known}, timeout=PATIENCE)
        may_end.set()
        assert known.done()
        assert await known == await long == {"viewer": None}


class _WithInvalidToken(Context):
    has_invalid_token = True


def said(result: ExecutionResult) -> list[Any]:
    return [error.formatted for error in result.errors or ()]


async def test_a_document_that_comes_again_is_neither_parsed_nor_validated_again(
    client: Client, calls: Counter[str]
) -> None:
    schema = build_schema()
    for _ in range(3):
        assert (await execute(schema, client, NOBODY)).data == {"viewer": None}
    assert calls == {"parse": 1, "validate": 1}
    await execute(schema, client, NOBODY + " ")
    assert calls == {"parse": 2, "validate": 2}


async def test_an_invalid_one_is_answered_the_same_each_time(client: Client, calls: Counter[str]) -> None:
    schema = build_schema()
    for document in (INVALID, "{viewer {", "{viewer {id}} fragment F on Post {id}", ""):
        first, second = [said(await execute(schema, client, document)) for _ in range(2)]
        assert first
        assert first == second


async def test_a_document_too_long_to_be_kept_is_still_right_each_time(
    client: Client, calls: Counter[str]
) -> None:
    schema = build_schema()
    with answered_once():
        for _ in range(2):
            assert (await execute(schema, client, NOBODY + " " * 20_000)).data == {"viewer": None}
    assert calls == {"parse": 2, "validate": 2}


async def test_what_one_schema_allows_another_may_not(client: Client) -> None:
    document = get_introspection_query()
    open_one, closed = build_schema(), build_schema(introspection=False)
    for _ in range(2):
        assert not (await execute(open_one, client, document)).errors
        refused = said(await execute(closed, client, document))
        assert refused
        assert "introspection has been disabled" in refused[0]["message"]
    # The other way round too.
    assert not (await execute(open_one, client, document)).errors


seen: list[str] = []


class Watching(SchemaExtension):
    def on_operation(self) -> Iterator[None]:
        seen.append("begins")
        yield
        seen.append("ends")


@pytest.fixture
def watched() -> Schema:
    seen.clear()
    return Schema(Query, Mutation, types=list(entities.values()), extensions=[Watching])


async def test_an_extension_of_the_schema_runs(watched: Schema, client: Client) -> None:
    with answered_once():
        for _ in range(2):
            assert (await execute(watched, client, NOBODY)).data == {"viewer": None}
    assert seen == ["begins", "ends"] * 2


MUTATION = 'createPost(input: {title: "A", body: ""}) {post {id}}'


@pytest.mark.parametrize(
    ("document", "invalid", "message"),
    [
        ("query A {viewer {id}} query B {viewer {id}}", False, "`operationName` has to say"),
        (NOBODY, True, "The access token is not valid"),
        ('{user(by: {username: "\\u0000"}) {id}}', False, "A string cannot contain the character NUL."),
        (
            "mutation {" + f"{MUTATION} " * 21 + "}",
            False,
            "The document has 21 root fields; 20 are allowed.",
        ),
    ],
    ids=["no name", "an invalid token", "NUL", "too many root fields"],
)
async def test_what_is_refused_is_refused_before_an_extension_runs(
    watched: Schema, client: Client, document: str, invalid: bool, message: str
) -> None:
    for _ in range(2):
        result = await execute(watched, client, document, invalid=invalid)
        assert result.errors
        assert result.errors[0].message.startswith(message)
    assert seen == []
