"""Resolvers of whole columns: they give what the resolvers of single objects beside them would."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import strawberry
from graphql import GraphQLError, execute, parse
from graphql.execution import Executor
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gql.execution import CompiledExecutor
from gql.execution.strawberry import StrawberryExecutor
from tests.agreement import agree, agree_as
from tests.answers import answer, operation
from tests.schemas import BoomError, Column, fail, later, schema_of

pytestmark = pytest.mark.anyio

LANGUAGE = """
type Query {items: [Item] one: Item lists: [[Item!]] must: [Item!]!}
type Item {value(n: Int = 1): WRAPPED child: Item children: [Item!] name: String! fails: Int!}
"""


def value_of(source: Any, n: int) -> Any:
    """Values, errors and nulls, by the last character of the source."""
    values: dict[str, Any] = {"a": n, "b": None, "c": BoomError(f"of {source}"), "d": "no Int", "e": 2**31}
    return values.get(str(source)[-1:], n + 1)


def one_value(source: Any, _: Any, n: int) -> Any:
    return value_of(source, n)


async def one_slow_value(source: Any, _: Any, n: int) -> Any:
    return await later(value_of(source, n), 2)


def whole(sources: Sequence[Any], _: Any, n: int) -> list[Any]:
    return [value_of(source, n) for source in sources]


async def slow_whole(sources: Sequence[Any], info: Any, n: int) -> list[Any]:
    await later(None, 2)
    return whole(sources, info, n)


def with_awaitables(sources: Sequence[Any], info: Any, n: int) -> list[Any]:
    return [
        later(value_of(source, n), number % 3) if number % 2 else value_of(source, n)
        for number, source in enumerate(sources)
    ]


def as_future(sources: Sequence[Any], info: Any, n: int) -> Any:
    return asyncio.ensure_future(slow_whole(sources, info, n))


def children(source: Any, *_: Any) -> list[str]:
    return [f"{source}{letter}" for letter in "abc"[: len(str(source))]]


COLUMNS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "whole": (whole, one_value),
    "awaited": (slow_whole, one_slow_value),
    "of awaitables": (with_awaitables, one_slow_value),
    "tuple": (lambda *given, **more: tuple(whole(*given, **more)), one_value),
    "future": (as_future, one_slow_value),
}


def schema(column: Callable[..., Any], one: Callable[..., Any], wrap: str = "Int") -> Any:
    return schema_of(
        LANGUAGE.replace("WRAPPED", wrap),
        Query={
            "items": lambda *_: ["a", "b", None, "c", "d", "e", "f"],
            "one": "a",
            "must": lambda *_: ["f", "a"],
            "lists": lambda *_: [["a", "f"], None, [], ["b"]],
        },
        Item={
            "value": Column(column, one),
            "name": lambda source, _: source,
            "fails": fail,
            "child": Column(
                lambda sources, _: [f"{source}x" for source in sources], lambda source, _: f"{source}x"
            ),
            "children": Column(
                lambda sources, _: later([children(source) for source in sources]),
                lambda source, _: later(children(source)),
            ),
        },
    )


DOCUMENTS = (
    "{items {value name}}",
    "{one {value a: value(n: 5)} must {value} lists {value name}}",
    "{items {child {value child {name value}} children {value children {name value(n: 3)}}}}",
    "{must {children {value} fails}}",
    "query ($n: Int) {items {value(n: $n) b: value}}",
    "{items {name @skip(if: true)} items {value}}",
    '{items {value(n: "x")}}',
)


@pytest.mark.parametrize("wrap", ["Int", "Int!"])
@pytest.mark.parametrize("name", COLUMNS)
async def test_a_column_gives_what_each_would(name: str, wrap: str) -> None:
    found = schema(*COLUMNS[name], wrap)
    for document in DOCUMENTS:
        given = {"n": 7} if "$n" in document else None
        await agree(operation(found, document, variables=given))


@pytest.mark.parametrize("name", COLUMNS)
async def test_a_column_is_asked_once(name: str) -> None:
    """For all objects at once, in their order, with the arguments and with an info."""
    column, one = COLUMNS[name]
    asked: list[tuple[Any, ...]] = []

    def recording(sources: Sequence[Any], info: Any, **given: Any) -> Any:
        asked.append((list(sources), info.field_name, str(info.parent_type), info.context, given))
        return column(sources, info, **given)

    found = schema(recording, one)
    document = "{items {value(n: 2)} one {a: value b: value}}"
    await answer(operation(found, document, context=lambda: "context"), CompiledExecutor)
    assert asked == [
        (["a", "b", "c", "d", "e", "f"], "value", "Item", "context", {"n": 2}),
        (["a"], "value", "Item", "context", {"n": 1}),
        (["a"], "value", "Item", "context", {"n": 1}),
    ]
    await answer(operation(found, document), Executor)
    assert len(asked) == 3


WRONG: dict[str, Callable[..., Any]] = {
    "too short": lambda sources, *_, **__: [1] * (len(sources) - 1),
    "too long": lambda sources, *_, **__: [1] * (len(sources) + 1),
    "later too short": lambda *_, **__: later([1]),
    "no list": lambda *_, **__: 5,
    "null": lambda *_, **__: None,
    "later no list": lambda *_, **__: later(None),
    "raises": fail,
    "raises later": lambda *_, **__: later(BoomError("later")),
    "raises GraphQLError": lambda *_, **__: later(GraphQLError("later", extensions={"code": "X"})),
}


@pytest.mark.parametrize("wrap", ["Int", "Int!"])
@pytest.mark.parametrize("name", WRONG)
async def test_a_column_that_is_wrong_is_an_error_of_each(name: str, wrap: str) -> None:
    found = await answer(
        operation(schema(WRONG[name], one_value, wrap), "{items {name value}}"), CompiledExecutor
    )
    assert not found.left
    paths = [["items", number, "value"] for number in (0, 1, 3, 4, 5, 6)]
    assert [error.path for error in found.errors] == paths
    nothing = None if wrap == "Int!" else "an object without the value"
    rows = [row if row is None or "value" not in row else row["value"] for row in found.data["items"]]
    assert rows == [None] * 7
    assert (found.data["items"][0] is None) == (nothing is None)


async def test_a_column_for_one_object_and_for_none() -> None:
    lengths: list[int] = []

    def counting(sources: Sequence[Any], *_: Any, **__: Any) -> list[int]:
        lengths.append(len(sources))
        return [1] * len(sources)

    found = schema_of(
        "type Query {none: [Item] one: [Item] value: Int} type Item {value: Int}",
        Query={"none": lambda *_: [], "one": lambda *_: [1], "value": Column(counting, lambda *_: 1)},
        Item={"value": Column(counting, lambda *_: 1)},
    )
    await agree(operation(found, "{none {value} one {value} value}"))
    assert [length for length in lengths if length] == [1, 1]


async def test_columns_of_an_interface_are_those_of_its_types() -> None:
    found = schema_of(
        """interface Named {name: String} type A implements Named {name: String} type B implements Named
          {name: String}
        type Query {all: [Named]}""",
        Query={"all": lambda *_: ["a1", "b1", "a2", "c", "b2"]},
        Named={"resolve_type": lambda source, *_: source[0].upper()},
        A={
            "name": Column(
                lambda sources, _: [f"A {source}" for source in sources], lambda source, _: f"A {source}"
            )
        },
        B={"name": lambda source, _: f"B {source}"},
    )
    await agree(operation(found, "{all {__typename name}}"), exactly=True)


async def test_an_awaited_column_below_a_null_is_not_left() -> None:
    waits = asyncio.Event()
    ended: list[str] = []

    async def endless(sources: Sequence[Any], *_: Any, **__: Any) -> list[Any]:
        try:
            await waits.wait()
        finally:
            ended.append("yes")
        return list(sources)

    found = schema_of(
        "type Query {item: Item} type Item {items: [Item!] value: Int fails: Int!}",
        Query={"item": True},
        Item={
            "items": lambda *_: [1, 2],
            "value": Column(endless, fail),
            "fails": lambda *_: later(BoomError("boom"), 3),
        },
    )
    before = asyncio.all_tasks()
    result: Any = execute(found, parse("{item {items {value} fails}}"), executor_class=CompiledExecutor)
    assert (await asyncio.wait_for(result, 5)).data == {"item": None}
    assert ended == ["yes"]
    assert asyncio.all_tasks() - before == set()


def doubled(sources: Sequence[Any], info: strawberry.Info, by: int = 2) -> list[int]:
    return [source.number * by for source in sources]


async def slowly_doubled(sources: Sequence[Any], info: strawberry.Info, by: int = 2) -> list[Any]:
    await later(None)
    return [BoomError("two") if source.number == 2 else source.number * by for source in sources]


def double(self: Any, by: int = 2) -> int:
    return int(self.number * by)


async def slow_double(self: Any, by: int = 2) -> int:
    return int(await later(BoomError("two") if self.number == 2 else self.number * by))


@strawberry.type
class Number:
    number: int
    double: int = strawberry.field(resolver=double, metadata={"resolve_column": doubled})
    slow_double: int | None = strawberry.field(
        resolver=slow_double, metadata={"resolve_column": slowly_doubled}
    )


@strawberry.type
class Numbers:
    @strawberry.field
    def numbers(self, count: int = 3) -> list[Number]:
        return [Number(number=number) for number in range(count)]


async def test_columns_of_strawberry_fields() -> None:
    schema = strawberry.Schema(Numbers)._schema
    for document in (
        "{numbers {number double slowDouble}}",
        "{numbers(count: 4) {a: double(by: 3) slowDouble(by: 5)}}",
    ):
        found = operation(schema, document)
        answer = await agree_as(
            found, StrawberryGraphQLCoreExecutionContext, StrawberryExecutor, exactly=True
        )
        assert answer.data["numbers"][3 - 1]["slowDouble"] is None
