"""What resolvers make executors wait for: who is waited for, in which order, and what is left at the end."""

import asyncio
from collections.abc import Callable, Generator
from typing import Any

import pytest
from graphql import execute, parse
from graphql.execution import Executor

from gql.execution import CompiledExecutor
from tests.agreement import agree, agree_without_loop
from tests.answers import operation
from tests.schemas import BoomError, after, fail, later, schema_of

pytestmark = pytest.mark.anyio

EXECUTORS = pytest.mark.parametrize("executor", [Executor, CompiledExecutor])


class Custom:
    """Awaitable, and neither a coroutine nor a future."""

    def __init__(self, value: Any, ticks: int = 1) -> None:
        self.value, self.ticks = value, ticks

    def __await__(self) -> Generator[Any, None, Any]:
        return later(self.value, self.ticks).__await__()


class Once:
    """Awaitable once, and not by a task."""

    def __await__(self) -> Generator[Any, None, Any]:
        yield
        return 1


class NoAwaitable:
    """It only looks like one."""

    __await__ = 5


def future_of(value: Any, ticks: int = 1) -> "asyncio.Future[Any]":
    return asyncio.ensure_future(later(value, ticks))


def done(value: Any) -> "asyncio.Future[Any]":
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    if isinstance(value, Exception):
        future.set_exception(value)
    else:
        future.set_result(value)
    return future


KINDS: dict[str, Callable[..., Any]] = {
    "coroutine": later,
    "custom": Custom,
    "future": lambda value, ticks=1: future_of(value, ticks),
    "done": lambda value, ticks=1: done(value),
    "shielded": lambda value, ticks=1: asyncio.shield(future_of(value, ticks)),
    "waited": lambda value, ticks=1: asyncio.wait_for(later(value, ticks), 5),
    "gathered": lambda value, ticks=1: asyncio.gather(later(value, ticks), return_exceptions=True),
}
VALUES: tuple[Any, ...] = (1, None, "x", BoomError("boom"))


@pytest.mark.parametrize("kind", list(KINDS))
async def test_every_kind_of_awaitable(kind: str) -> None:
    make = KINDS[kind]
    schema = schema_of(
        "type Query {a: Int b: Int! items: [Item] list: [Int] slow: [Item!]} type Item {a: Int b: Int!}",
        Query={
            "a": lambda *_: make(1),
            "b": lambda *_: make(2, 2),
            "items": lambda *_: VALUES,
            "list": lambda *_: [make(value, 2) for value in VALUES],
            "slow": lambda *_: make([make(1), 2]),
        },
        Item={"a": lambda source, _: make(source), "b": lambda source, _: make(source, 3)},
    )
    for document in ("{a b}", "{items {a}}", "{items {b}}", "{items {a b} list}", "{slow {a b} list b}"):
        await agree(operation(schema, document))


async def test_what_only_looks_awaitable() -> None:
    schema = schema_of(
        "type Query {a: Int b: Int c: [Int]}",
        Query={"a": lambda *_: Once(), "b": lambda *_: NoAwaitable(), "c": lambda *_: [NoAwaitable(), 1]},
    )
    for document in ("{a}", "{b}", "{c}", "{a b c}"):
        await agree(operation(schema, document))


async def test_without_an_event_loop_coroutines_are_an_error_or_left_alone() -> None:
    schema = schema_of("type Query {a: Int b: Int! c: Int!}", Query={"a": after(1), "b": fail, "c": 1})
    await asyncio.to_thread(agree_without_loop, operation(schema, "{c}"))


def shared_schema(make: Callable[[], Any]) -> Any:
    """All fields of an operation are given one and the same awaitable, which is in its context."""

    def resolve(_: Any, info: Any) -> Any:
        return (
            info.context.setdefault("shared", None)
            or info.context.update(shared=make())
            or info.context["shared"]
        )

    return schema_of(
        """type Query {a: Int b: Int c: Int! item: Item items: [Item] list: [Int]}
        type Item {value: Int must: Int! fails: Int!}""",
        Query={
            "a": resolve,
            "b": resolve,
            "c": resolve,
            "item": True,
            "items": lambda *_: [1, 2, 3],
            "list": lambda source, info: [resolve(source, info), 1, resolve(source, info)],
        },
        Item={"value": resolve, "must": resolve, "fails": after(BoomError("a sibling"), 1)},
    )


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("ticks", [0, 1, 3])
async def test_one_future_for_several_fields(value: Any, ticks: int) -> None:
    schema = shared_schema(lambda: asyncio.shield(future_of(value, ticks)))
    for document in (
        "{a b}",
        "{a x: a item {value}}",
        "{items {value}}",
        "{items {must}}",
        "{list a}",
        "{a c}",
    ):
        await agree(operation(schema, document, context=dict))


async def test_a_field_that_fails_does_not_cancel_what_others_await() -> None:
    """graphql-core would cancel the one future of all of them, and the operation with it."""
    schema = shared_schema(lambda: future_of(1, 5))
    document = "{one: item {fails value} item {value} a}"
    result: Any = execute(schema, parse(document), context_value={}, executor_class=CompiledExecutor)
    found = await result
    assert found.data == {"one": None, "item": {"value": 1}, "a": 1}
    assert [error.path for error in found.errors] == [["one", "fails"]]


async def test_a_slow_value_holds_up_nobody_else() -> None:
    """Events in their order: what is below the fast ones is done before the slow one is even there."""
    events: list[str] = []
    gate = asyncio.Event()

    async def child(source: str, *_: Any) -> str:
        if source == "slow":
            await gate.wait()
        await asyncio.sleep(0)
        events.append(f"child of {source}")
        return source

    async def name(source: str, *_: Any) -> str:
        await asyncio.sleep(0)
        events.append(f"name of {source}")
        if len(events) == 8:
            gate.set()
        return source

    schema = schema_of(
        "type Query {items: [Item]} type Item {child: Child} type Child {name: String child: Child}",
        Query={"items": lambda *_: ["a", "slow", "b"]},
        Item={"child": child},
        Child={"name": name, "child": lambda source, _: later(source + source[0])},
    )
    document = parse("{items {child {name child {name child {name}}}}}")
    await asyncio.wait_for(execute(schema, document, executor_class=CompiledExecutor), 5)  # type: ignore[arg-type]
    assert len(events) == 12
    assert [event for event in events[:8] if "slow" in event] == []


async def test_what_is_ready_together_stays_together() -> None:
    """Loaders batch what they are asked for in one tick of the event loop."""
    batches: list[list[str]] = []
    waiting: list[tuple[str, asyncio.Future[str]]] = []

    def load(key: str, *_: Any) -> "asyncio.Future[str]":
        loop = asyncio.get_running_loop()
        if not waiting:
            loop.call_soon(lambda: loop.call_soon(dispatch))
        waiting.append((key, loop.create_future()))
        return waiting[-1][1]

    def dispatch() -> None:
        batch, waiting[:] = waiting[:], []
        batches.append([key for key, _ in batch])
        for key, future in batch:
            future.set_result(key)

    schema = schema_of(
        "type Query {items: [Item] other: [Item]} type Item {child: Item name: String}",
        Query={"items": lambda *_: later(["a", "b"]), "other": lambda *_: later(["c"])},
        Item={"child": load, "name": load},
    )
    found = operation(schema, "{items {child {name child {name}}} other {child {name child {name}}}}")
    await agree(found)
    # Two runs: each had a batch for each level, of all three.
    assert [len(batch) for batch in batches] == [3, 6, 3] * 2


@EXECUTORS
async def test_resolvers_see_the_context_variables_of_their_caller(executor: type[Executor[Any]]) -> None:
    async def timed(*_: Any) -> str:
        async with asyncio.timeout(5):
            await asyncio.sleep(0)
        task = asyncio.current_task()
        return task.get_name()[:4] if task else "none"

    schema = schema_of("type Query {a: String b: String}", Query={"a": timed, "b": timed})
    result: Any = execute(schema, parse("{a b}"), executor_class=executor)
    assert (await result).data == {"a": "Task", "b": "Task"}
