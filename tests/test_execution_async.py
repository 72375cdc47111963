"""What resolvers make executors wait for: who is waited for, in which order, and what is left at the end."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from typing import Any

import pytest
from graphql import execute, parse
from graphql.execution import Executor

from gql.execution import CompiledExecutor
from tests.agreement import agree, agree_without_loop
from tests.answers import answer, operation
from tests.schemas import BoomError, after, fail, later, schema_of

pytestmark = pytest.mark.anyio

EXECUTORS = pytest.mark.parametrize("executor", [Executor, CompiledExecutor])

LANGUAGE = """
type Query {item: Item must: Item! items: [Item] musts: [Item!]! fails: Int failsAlways: Int! value(n: Int = 1): Int}
type Item {value(n: Int = 1): Int must(n: Int = 1): Int! fails: Int failsAlways: Int! now: Int! item: Item items: [Item!]}
"""


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


# What ends with an exception after it was cancelled.
UNSEEN = pytest.mark.xfail(reason="nobody looks at exceptions of what was dropped")


@pytest.mark.parametrize("kind", [*list(KINDS)[:-1], pytest.param("gathered", marks=UNSEEN)])
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
    found: Any = await execute(schema, parse(document), context_value={}, executor_class=CompiledExecutor)
    assert found.data == {"one": None, "item": {"value": 1}, "a": 1}
    assert [error.path for error in found.errors] == [["one", "fails"]]


class Endless:
    """Resolvers that wait until they are cancelled, and say so."""

    def __init__(self) -> None:
        self.begun = self.cancelled = 0

    async def resolve(self, *_: Any, **__: Any) -> Any:
        self.begun += 1
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            # What takes its time to clean up is waited for.
            await asyncio.sleep(0)
            self.cancelled += 1
            raise


def endless_schema(endless: Endless) -> Any:
    items = lambda *_: [1, 2, 3]  # noqa: E731 # The same three everywhere.
    return schema_of(
        LANGUAGE,
        Query={
            "item": True,
            "must": True,
            "items": items,
            "musts": items,
            "fails": fail,
            "failsAlways": after(BoomError(), 3),
        },
        Item={
            "value": endless.resolve,
            "must": endless.resolve,
            "fails": after(BoomError(), 2),
            "now": fail,
            "failsAlways": after(BoomError(), 3),
            "item": True,
            "items": items,
        },
    )


NULLED = (
    "{item {value failsAlways}}",
    "{item {failsAlways value}}",
    "{must {value failsAlways}}",
    "{failsAlways item {value must}}",
    "{musts {value failsAlways}}",
    "{items {value failsAlways} item {items {failsAlways item {value item {must}}}}}",
    "{item {item {value} items {items {failsAlways}} failsAlways must}}",
    "{item {value now}}",
    "{must {value now}}",
    "{item {items {value now}}}",
)


@pytest.mark.parametrize("document", NULLED)
async def test_what_is_below_a_null_does_not_run_on(document: str) -> None:
    """With what hangs forever graphql-core and this have to come to an end, and nothing is left."""
    endless = Endless()
    before = asyncio.all_tasks()
    result: Any = execute(endless_schema(endless), parse(document), executor_class=CompiledExecutor)
    if isinstance(result, Awaitable):
        result = await asyncio.wait_for(result, 5)
    assert result.errors
    assert asyncio.all_tasks() - before == set()
    assert endless.cancelled == 2 * endless.begun


@pytest.mark.parametrize("ticks", [1, 2, 3, 5, 8])
@pytest.mark.parametrize(
    "document", ["{item {value}}", "{items {value must}}", "{item {items {value} item {must}}}"]
)
async def test_a_cancelled_operation_leaves_nothing(document: str, ticks: int) -> None:
    endless = Endless()
    before = asyncio.all_tasks()
    result: Any = execute(endless_schema(endless), parse(document), executor_class=CompiledExecutor)
    task = asyncio.ensure_future(result)
    for _ in range(ticks):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() - before == set()
    assert endless.cancelled == 2 * endless.begun


@UNSEEN
async def test_an_error_while_something_is_cancelled_is_nobodys() -> None:
    async def stubborn(*_: Any) -> Any:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise BoomError("while cancelled") from None

    schema = schema_of(
        "type Query {item: Item} type Item {slow: Int fails: Int! items: [Item]}",
        Query={"item": True},
        Item={"slow": stubborn, "fails": after(BoomError("boom"), 3), "items": lambda *_: [1, 2]},
    )
    for document in ("{item {slow fails}}", "{item {items {slow} fails}}"):
        found = await answer(operation(schema, document), CompiledExecutor)
        assert found.data == {"item": None}
        assert ["item", "fails"] in [error.path for error in found.errors]
        # The event loop would log exceptions that nobody looked at.
        assert not found.left


async def test_a_value_that_comes_when_its_place_is_null_is_not_left() -> None:
    """What it holds would have had to be awaited too."""
    schema = schema_of(
        "type Query {item: Item} type Item {list: [Int] fails: Int! other: Int!}",
        Query={"item": True},
        Item={
            "list": lambda *_: later([later(1), later(2)], 2),
            "fails": lambda *_: later(BoomError("boom"), 2),
            "other": lambda *_: later(BoomError("boom"), 3),
        },
    )
    for document in (
        "{item {list fails}}",
        "{item {fails list}}",
        "{item {list other}}",
        "{item {other list}}",
    ):
        await agree(operation(schema, document))


async def test_a_deadline_ends_an_operation() -> None:
    endless = Endless()
    result: Any = execute(endless_schema(endless), parse("{items {value}}"), executor_class=CompiledExecutor)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(result, 0.05)
    assert endless.cancelled == 2 * endless.begun == 6


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
