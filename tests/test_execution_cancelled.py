"""What is not needed any more is cancelled, and nothing of it is left."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest
from graphql import execute, parse

from gql.execution import CompiledExecutor
from tests.agreement import agree
from tests.answers import answer, operation
from tests.schemas import BoomError, after, fail, later, schema_of

pytestmark = pytest.mark.anyio

LANGUAGE = """
type Query {item: Item must: Item! items: [Item] musts: [Item!]! fails: Int failsAlways: Int! value(n: Int
  = 1): Int}
type Item {value(n: Int = 1): Int must(n: Int = 1): Int! fails: Int failsAlways: Int! now: Int! item: Item
  items: [Item!]}
"""


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
