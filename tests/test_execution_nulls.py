"""Nulls, errors and lists: every kind of value where every kind of type is expected."""

import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from graphql import GraphQLError, Undefined

from tests.agreement import agree, agree_without_loop
from tests.answers import operation
from tests.schemas import BoomError, after, fail, later, schema_of

pytestmark = pytest.mark.anyio

WRAPS = (
    *("{}", "{}!", "[{}]", "[{}!]", "[{}]!", "[{}!]!"),
    *("[[{}]]", "[[{}!]]", "[[{}]!]", "[[{}!]!]!", "[[[{}!]]!]"),
)


def numbers_then_boom() -> Iterator[int]:
    yield 1
    raise BoomError("generator")


async def asynchronous(*items: Any) -> AsyncIterator[Any]:
    for item in items:
        await later(None)
        if isinstance(item, GraphQLError):
            raise item
        yield item


SYNCHRONOUS: dict[str, Callable[[], Any]] = {
    "value": lambda: 1,
    "null": lambda: None,
    "undefined": lambda: Undefined,
    "error": lambda: BoomError("returned"),
    "GraphQL error": lambda: GraphQLError("returned", extensions={"code": "X"}),
    "no Int": lambda: "x",
    "too big": lambda: 2**31,
    "list": lambda: [1, 2],
    "empty": list,
    "list with null": lambda: [1, None, 2],
    "list with error": lambda: [1, BoomError("item"), None],
    "list with two errors": lambda: [BoomError("first"), 1, BoomError("second")],
    "list with no Int": lambda: [1, "x", 2],
    "lists": lambda: [[1], [], [2, 3]],
    "lists with nulls": lambda: [[1, None], None, [2]],
    "lists with errors": lambda: [[1], [BoomError("inner"), 2], BoomError("outer")],
    "list and value": lambda: [[1], 2],
    "three deep": lambda: [[[1, None], None], [[2]], [[], ["x"]]],
    "tuple": lambda: (1, 2),
    "tuples": lambda: ((1,), [2], ()),
    "set": lambda: {1},
    "frozen set": lambda: frozenset([2]),
    "dict": lambda: {1: 2},
    "keys": lambda: {1: 2, 3: 4}.keys(),
    "generator": lambda: (number for number in range(3)),
    "generator that fails": numbers_then_boom,
    "map": lambda: map(int, "12"),
    "range": lambda: range(3),
    "text": lambda: "12",
    "bytes": lambda: b"12",
}
ASYNCHRONOUS: dict[str, Callable[[], Any]] = {
    "awaited value": lambda: later(1),
    "awaited null": lambda: later(None),
    "awaited error": lambda: later(BoomError("raised later")),
    "awaited no Int": lambda: later("x", 2),
    "awaited list": lambda: later([1, 2]),
    "awaited list with null": lambda: later([1, None]),
    "list of awaitables": lambda: [later(1, 3), later(2, 1), 3],
    "list with awaited null": lambda: [later(1, 2), later(None), 2],
    "list with awaited errors": lambda: [later(BoomError("slow"), 3), later(BoomError("fast"), 1), 2],
    "awaitables and an error": lambda: [later(1), BoomError("now"), later(BoomError("later"))],
    "awaited list of awaitables": lambda: later([later(1), later(None, 2)]),
    "lists of awaitables": lambda: [[later(1), 2], later([later(3)]), [later(None)]],
    "awaited awaitable": lambda: later(later(1)),
    "async generator": lambda: asynchronous(1, 2),
    "async generator with null": lambda: asynchronous(1, None),
    "async generator that fails": lambda: asynchronous(1, GraphQLError("generator")),
    "async generator of awaitables": lambda: asynchronous(later(1), 2),
    "async generators": lambda: [asynchronous(1), asynchronous(), [2]],
}
VALUES = SYNCHRONOUS | ASYNCHRONOUS

# Asked for: with nullable and required parents above, and siblings on both sides.
OUTER = """
type Query {before: Int outer: Outer must: Outer! outers: [Outer] musts: [Outer!] after: Int}
type Outer {before: Int inner: Inner must: Inner! after: Int}
"""
LEAVES = OUTER + "type Inner {before: Int value: WRAPPED again: WRAPPED after: Int}"
SELECTIONS = (
    "{before outer {inner {before value after} after} after}",
    "{before outer {before must {value again} after} after}",
    "{must {must {value}} after}",
    "{outers {before must {value} inner {again}} after}",
    "{musts {must {value} before} after}",
)


def leaves(wrap: str, value: Callable[[], Any]) -> Any:
    # Roots need not be other than True to have fields.
    one, two = {"outer": True, "must": True}, {"outers": (1, 2), "musts": [1, 2]}
    return schema_of(
        LEAVES.replace("WRAPPED", wrap.format("Int")),
        Query={**one, **two, "before": 0, "after": 9},
        Outer={"inner": True, "must": True, "before": 0, "after": after(9)},
        Inner={"value": lambda *_: value(), "again": lambda *_: value(), "before": 0, "after": 9},
    )


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("name", VALUES)
async def test_every_value_where_every_type_is_expected(wrap: str, name: str) -> None:
    schema = leaves(wrap, VALUES[name])
    for selection in SELECTIONS:
        await agree(operation(schema, selection))


@pytest.mark.parametrize("wrap", WRAPS)
async def test_all_values_in_one_column(wrap: str) -> None:
    """One field of many parents: each has another kind of value."""
    schema = schema_of(
        f"type Query {{all: [Thing]! must: [Thing!]}} type Thing {{value: {wrap.format('Int')} name:"
        f" String}}",
        Query={"all": lambda *_: list(VALUES), "must": lambda *_: list(SYNCHRONOUS)},
        Thing={"value": lambda source, _: VALUES[source](), "name": lambda source, _: source},
    )
    await agree(operation(schema, "{all {name value}}"))
    await agree(operation(schema, "{all {value} must {name value}}"))
    await agree(operation(schema, "{must {value name}}"))


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("name", SYNCHRONOUS)
def test_values_without_an_event_loop(wrap: str, name: str) -> None:
    schema = schema_of(
        f"type Query {{outer: Outer}} type Outer {{value: {wrap.format('Int')} other: Int}}",
        Query={"outer": True},
        Outer={"value": lambda *_: VALUES[name](), "other": 1},
    )
    agree_without_loop(operation(schema, "{outer {value other} again: outer {other value}}"))


NESTED = """
type Query {first: Item list: LIST last: Item}
type Item {name: String! fails: Int failsAlways: Int! slow: Int slowly: Int! list: LIST child: Item must:
  Item!}
"""


def child(source: Any, *_: Any) -> Any:
    return f"{source}c"


def items(source: Any, *_: Any) -> list[Any]:
    return [f"{source}{number}" for number in range(3)]


def fails_in_the_middle(source: Any, *_: Any) -> int:
    if str(source).endswith("1"):
        raise BoomError(f"boom of {source}")
    return 1


async def fails_slowly(source: Any, *_: Any) -> int:
    return int(await later(fails_in_the_middle(source), len(str(source))))


def nested(wrap: str) -> Any:
    return schema_of(
        NESTED.replace("LIST", wrap.format("Item")),
        Query={"first": "a", "list": lambda *_: ["l0", None, "l1", "l2"][:: 2 if "Item!" in wrap else 1]},
        Item={
            "name": lambda source, _: source,
            "fails": fail,
            "failsAlways": fails_in_the_middle,
            "slow": fails_slowly,
            "slowly": fails_slowly,
            "list": items,
            "child": child,
            "must": child,
        },
    )


INNER = (
    "name fails",
    "failsAlways name",
    "fails failsAlways",
    "slow fails",
    "slowly fails",
    "slowly failsAlways",
)
PATHS = (
    "{}",
    "child {{{} name}}",
    "must {{{}}}",
    "must {{must {{{}}}}}",
    "list {{{}}}",
    "list {{list {{{}}}}}",
)


@pytest.mark.parametrize("wrap", ["[{}]", "[{}!]", "[{}]!", "[{}!]!"], ids=["[T]", "[T!]", "[T]!", "[T!]!"])
@pytest.mark.parametrize("inner", INNER)
async def test_errors_below_lists_of_objects(wrap: str, inner: str) -> None:
    schema = nested(wrap)
    documents = [f"{{first {{name}} list {{{path.format(inner)} name}} last {{name}}}}" for path in PATHS]
    found = [await agree(operation(schema, document)) for document in documents]
    assert any(answer.errors for answer in found)


@pytest.mark.parametrize(("first", "second"), [*itertools.permutations(PATHS[:5], 2)])
async def test_errors_in_several_branches(first: str, second: str) -> None:
    for wrap in ("[{}!]", "[{}]!"):
        schema = nested(wrap)
        for one, two in itertools.product(INNER, repeat=2):
            document = f"{{list {{a: child {{{first.format(one)}}} b: child {{{second.format(two)}}}}}}}"
            await agree(operation(schema, document))


async def test_nulls_of_a_whole_answer() -> None:
    schema = schema_of(
        "type Query {a: Int! b: Int! c: Int d: Int! e: Int}",
        Query={"a": 1, "b": fail, "c": fail, "d": after(BoomError("later"), 2), "e": after(1, 3)},
    )
    for document in ("{a b}", "{a b c}", "{c b a}", "{a c}"):
        await agree(operation(schema, document), exactly=True)
        agree_without_loop(operation(schema, document))
    for document in ("{a d}", "{d b}", "{b d}", "{e d c}", "{c e d b}", "{d e}"):
        found = await agree(operation(schema, document))
        assert found.data is None


async def test_an_error_knows_all_nodes_of_its_field() -> None:
    schema = schema_of(
        "type Query {item: Item} type Item {fails: Int item: Item must: Int!}",
        Query={"item": True},
        Item={"fails": fail, "item": True, "must": None},
    )
    document = """
    query {item {fails ...F} ... {item {fails item {must}}}}
    fragment F on Item {fails
      item {must}}
    """
    found = await agree(operation(schema, document), exactly=True)
    assert [len(error.locations or ()) for error in found.errors] == [3, 2]


class KeyboardError(BaseException):
    """As KeyboardInterrupt is: no error of a field."""


@pytest.mark.parametrize("is_slow", [False, True])
async def test_what_is_no_exception_ends_everything(is_slow: bool) -> None:
    def stop(*_: Any) -> Any:
        raise KeyboardError

    async def stop_later(*_: Any) -> Any:
        await later(None)
        raise KeyboardError

    schema = schema_of(
        "type Query {a: Int b: Int c: Int}",
        Query={"a": 1, "b": stop_later if is_slow else stop, "c": after(1)},
    )
    with pytest.raises(KeyboardError):
        await agree(operation(schema, "{a b c}"))


async def test_returned_errors_that_are_no_exceptions_are_values() -> None:
    schema = schema_of(
        "type Query {a: String b: String c: Int}",
        Query={"a": KeyboardError("a value"), "b": BoomError, "c": KeyboardError()},
    )
    await agree(operation(schema, "{c}"), exactly=True)


async def test_data_is_not_what_resolvers_returned() -> None:
    kept, rows = [1, 2, 3], [[1], [2]]
    schema = schema_of("type Query {a: [Int] b: [[Int]]}", Query={"a": lambda *_: kept, "b": lambda *_: rows})
    found = operation(schema, "{a b c: a d: b}")
    for _ in range(2):
        answer = await agree(found)
        assert answer.data["a"] is not kept
        assert answer.data["b"][0] is not rows[0]
    assert (kept, rows) == ([1, 2, 3], [[1], [2]])
