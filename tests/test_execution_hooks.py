"""What surrounds execution: mutations in their order, and what only graphql-core's own executor can do."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from graphql import (
    AbortController,
    ExecutionHooks,
    GraphQLDeferDirective,
    GraphQLError,
    GraphQLStreamDirective,
    execute,
    parse,
    specified_directives,
    subscribe,
)
from graphql.execution import Executor, MiddlewareManager

from gql.execution import CompiledExecutor, counts
from tests.agreement import agree
from tests.answers import Operation, answer, operation
from tests.schemas import BoomError, Column, after, fail, later, schema_of

pytestmark = pytest.mark.anyio

EXECUTORS = pytest.mark.parametrize("executor", [Executor, CompiledExecutor])


class Counter:
    """What mutations change; it remembers who did what, in which order."""

    def __init__(self) -> None:
        self.number = 0
        self.events: list[str] = []

    def add(self, by: int) -> "Counter":
        self.number += by
        self.events.append(f"add {by}")
        return self


def add(_: Any, info: Any, by: int) -> Counter:
    return info.context.add(by)  # type: ignore[no-any-return]


async def add_slowly(_: Any, info: Any, by: int) -> Counter:
    await later(None, 5 - by % 5)
    return add(_, info, by)


async def number(counter: Counter, *_: Any) -> int:
    found = counter.number
    await later(None, 3)
    counter.events.append(f"number {found}")
    return counter.number


def failing(_: Any, info: Any, **__: Any) -> Any:
    info.context.events.append("fail")
    raise BoomError("boom")


async def failing_slowly(*given: Any, **more: Any) -> Any:
    await later(None, 2)
    return failing(*given, **more)


LANGUAGE = """
type Query {number: Int}
type Mutation {add(by: Int!): Counter slowly(by: Int!): Counter! fail: Int failAlways: Int! failSlowly: Int!
  nothing: Int! counters: [Counter!] whole(by: Int!): Counter}
type Counter {number: Int! now: Int! fails: Int failsAlways: Int! again: Counter}
"""
SCHEMA = schema_of(
    LANGUAGE,
    Mutation={
        "add": add,
        "slowly": add_slowly,
        "fail": failing,
        "failAlways": failing,
        "failSlowly": failing_slowly,
        "nothing": None,
        "counters": lambda _, info: [info.context.add(1), info.context.add(2)],
        "whole": Column(lambda sources, info, by: later([info.context.add(by) for _ in sources]), add),
    },
    Counter={
        "number": number,
        "now": lambda source, _: source.number,
        "fails": fail,
        "again": lambda source, _: source,
        "failsAlways": after(BoomError("later"), 2),
    },
)
MUTATIONS = (
    "{a: add(by: 1) {now} b: add(by: 2) {now} c: slowly(by: 3) {now} d: add(by: 4) {now}}",
    "{a: slowly(by: 4) {number} b: slowly(by: 1) {number now} c: add(by: 2) {number again {number}}}",
    "{a: add(by: 1) {number fails} fail b: add(by: 2) {now}}",
    "{fail a: add(by: 1) {now} failAlways b: add(by: 2) {now}}",
    "{a: slowly(by: 1) {now} failSlowly b: add(by: 2) {now}}",
    "{failSlowly a: add(by: 2) {now}}",
    "{nothing a: add(by: 2) {now}}",
    "{a: slowly(by: 1) {failsAlways} b: add(by: 2) {now}}",
    "{a: add(by: 1) {failsAlways number} b: add(by: 2) {now}}",
    "{counters {number} a: add(by: 1) {now} counters {now}}",
    "{a: add(by: 1) {now} ...M a: add(by: 1) {number}} fragment M on Mutation {b: add(by: 2) {now}}",
    "{__typename a: add(by: 1) {now} b: __typename}",
    "{a: add(by: 1) @skip(if: true) {now} b: add(by: 2) @include(if: true) {now}}",
    "{a: whole(by: 1) {now} b: whole(by: 2) {number} c: add(by: 3) {now}}",
    "{a: add {now} b: add(by: 1) {now}}",
    "($by: Int! = 3) {a: add(by: $by) {now} b: slowly(by: $by) {number}}",
)


@pytest.mark.parametrize("document", MUTATIONS)
async def test_mutations_run_one_after_the_other(document: str) -> None:
    made: list[Counter] = []

    def context() -> Counter:
        made.append(Counter())
        return made[-1]

    await agree(operation(SCHEMA, f"mutation {document}", context=context), exactly=True)
    assert made[0].events == made[1].events


async def test_a_cancelled_mutation_begins_no_other() -> None:
    counter = Counter()
    document = parse("mutation {a: slowly(by: 1) {now} b: add(by: 1) {now}}")
    result: Any = execute(SCHEMA, document, context_value=counter, executor_class=CompiledExecutor)
    task = asyncio.ensure_future(result)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0)
    assert counter.events == []


def middle(resolve: Any, source: Any, info: Any, **given: Any) -> Any:
    value = resolve(source, info, **given)
    return value + 1 if isinstance(value, int) else value


FEED = """
interface Node {id: Int} type Item implements Node {id: Int slow: Int must: Int! items: [Node]}
type Query {items: [Node] item: Item} type Subscription {items: Item}
"""


async def events(*_: Any) -> AsyncIterator[Any]:
    for number in range(3):
        await asyncio.sleep(0)
        yield {"items": number}


def feed(*directives: Any) -> Any:
    schema = schema_of(
        FEED,
        Query={"items": lambda *_: [1, 2], "item": 3},
        Item={
            "id": lambda source, _: source,
            "items": lambda source, _: [source, later(source)],
            "slow": lambda source, _: later(source, source),
            "must": lambda source, _: None if source == 2 else 1,
        },
        Node={"resolve_type": lambda *_: "Item"},
    )
    schema.directives = (*specified_directives, *directives)
    schema.subscription_type.fields["items"].subscribe = events  # type: ignore[union-attr]
    return schema


DOCUMENT = "{items {id ... on Item {slow must items {id}}} item {id slow}}"


@pytest.mark.parametrize(
    "middleware", [(), [], [middle], MiddlewareManager(), MiddlewareManager(middle, middle)]
)
async def test_middleware(middleware: Any) -> None:
    found = operation(feed(), DOCUMENT, more={"middleware": middleware})
    before = counts["compiled"]
    answer = await agree(found, compiled=False)
    layers = len(getattr(middleware, "middlewares", middleware))
    # The item itself is a number, too.
    assert answer.data["item"]["id"] == 3 + 2 * layers
    assert counts["compiled"] == before + (not layers)


async def test_signals_and_hooks() -> None:
    finished: list[Any] = []
    controller = AbortController()
    options: tuple[dict[str, Any], ...] = (
        {"abort_signal": controller.signal},
        {"hooks": ExecutionHooks(finished.append)},
        {"hide_suggestions": True},
        {"max_coercion_errors": 1},
        {"is_awaitable": lambda value: hasattr(value, "__await__")},
        {"is_async_iterable": lambda value: hasattr(value, "__aiter__")},
        {"is_awaitable": lambda _: False, "field_resolver": lambda *_: 1},
    )
    for more in options:
        await agree(operation(feed(), "{items {id} item {id}}", more=more), compiled=False)
    assert len(finished) == 2
    controller.abort()
    aborted = operation(feed(), DOCUMENT, more={"abort_signal": controller.signal})
    raised = [(await answer(aborted, executor)).raised for executor in (Executor, CompiledExecutor)]
    assert repr(raised[0]) == repr(raised[1]) != "None"


@EXECUTORS
async def test_subscriptions(executor: type[Executor[Any]]) -> None:
    stream: Any = subscribe(feed(), parse("subscription {items {id slow}}"), executor_class=executor)
    if asyncio.iscoroutine(stream):
        stream = await stream
    found = [result.data async for result in stream]
    assert found == [{"items": {"id": number, "slow": number}} for number in range(3)]


DEFERRED = (
    '{items {id ... @defer {id}} item {id ...F @defer(label: "f")}} fragment F on Item {slow}',
    "{items @stream(initialCount: 1) {id}}",
    "query ($no: Boolean = false) {item {... @defer(if: $no) {id slow}} items @stream(if: $no) {id}}",
)


@pytest.mark.parametrize("document", DEFERRED)
async def test_defer_and_stream_are_ignored_where_they_are_not_known(document: str) -> None:
    await agree(operation(feed(), document), compiled=False)


@EXECUTORS
@pytest.mark.parametrize("document", DEFERRED)
async def test_a_schema_that_defers_is_refused(executor: type[Executor[Any]], document: str) -> None:
    with pytest.raises(GraphQLError):
        execute(feed(GraphQLDeferDirective, GraphQLStreamDirective), parse(document), executor_class=executor)


DIRECTIVES = """directive @mark(n: Int) repeatable on
  QUERY | FIELD | FRAGMENT_SPREAD | INLINE_FRAGMENT | VARIABLE_DEFINITION"""


@pytest.mark.parametrize(
    "document",
    [
        "query @mark(n: 1) {item {id}}",
        "{item @mark {id @mark @mark(n: 2)}}",
        "{item {...F @mark ... @mark {id}}} fragment F on Item {slow}",
        "query ($n: Int @mark) {item @mark(n: $n) {id @skip(if: false) @mark}}",
    ],
)
async def test_directives(document: str) -> None:
    schema = schema_of(f"{DIRECTIVES} {FEED}", Query={"item": {"id": 1, "slow": 2}, "items": lambda *_: []})
    await agree(operation(schema, document), compiled=False)


async def test_errors_that_do_not_spread() -> None:
    document = "query @experimental_disableErrorPropagation {items {... on Item {must id slow}}}"
    found = await agree(operation(feed(), document), exactly=True, compiled=False)
    assert found.data["items"][1] == {"must": None, "id": 2, "slow": 2}


class Shouting(CompiledExecutor):
    """A subclass with what graphql-core lets subclasses change."""

    def __init__(self, *args: Any, volume: int = 1, **more: Any) -> None:
        super().__init__(*args, **more)
        self.volume = volume

    def build_resolve_info(self, *given: Any) -> Any:
        return super().build_resolve_info(*given)._replace(context=f"louder {self.volume}")

    def build_response(self, data: Any) -> Any:
        response: Any = super().build_response(data)
        response.data = {**(data or {}), "volume": self.volume}
        return response


async def test_subclasses() -> None:
    schema = schema_of(
        "type Query {a: String b: String}", Query={"a": lambda _, info: info.context, "b": after("b")}
    )
    for document in ("{a}", "{a b}"):
        for volume in (1, 2):
            found = await answer(Operation(schema, parse(document), more={"volume": volume}), Shouting)
            assert not found.errors
            assert (found.data["a"], found.data["volume"]) == (f"louder {volume}", volume)


async def test_how_operations_ran_is_counted() -> None:
    before = counts.copy()
    await answer(operation(feed(), DOCUMENT), CompiledExecutor)
    await answer(operation(feed(), DOCUMENT, more={"middleware": [middle]}), CompiledExecutor)
    assert {name: counts[name] - before[name] for name in ("compiled", "stock")} == {
        "compiled": 1,
        "stock": 1,
    }
