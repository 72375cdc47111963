"""Types that are found out while executing, and the coercion of what resolvers return."""

import enum
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from graphql import GraphQLError, GraphQLScalarType, Undefined

from tests.agreement import agree
from tests.answers import operation
from tests.schemas import BoomError, later, schema_of

pytestmark = pytest.mark.anyio

PETS = """
interface Pet {name: String}
interface Walker implements Pet {name: String}
type Cat implements Pet {name: String lives: Int!}
type Dog implements Pet & Walker {name: String barks: Boolean}
type Stone {name: String}
union CatOrDog = Cat | Dog
type Query {pet: Pet must: Pet! pets: [Pet] allPets: [Pet!] either: [CatOrDog]! walkers: [Walker] cats: [Cat]}
"""
DOCUMENTS = (
    "{pet {name __typename} pets {name ...C ... on Dog {barks}}} fragment C on Cat {lives}",
    "{either {__typename ... on Cat {name} ...D} must {name}} fragment D on Dog {name barks}",
    "{allPets {name} walkers {name} cats {name lives}}",
    "{pets {__typename}}",
)


class Cat:
    __typename = "Cat"
    name = "Tom"


class Kitten(Cat):
    """Its class has a name of its own, and its parent's type."""


class NoKind:
    __typename = 5


SOURCES: dict[str, Any] = {
    "cat": {"name": "Tom", "__typename": "Cat"},
    "dog": {"__typename": "Dog", "name": "Rex"},
    "stone": {"__typename": "Stone"},
    "unknown": {"__typename": "Nobody"},
    "no name": {"__typename": 7},
    "interface": {"__typename": "Pet"},
    "none": {"name": "?"},
    "object": Cat(),
    "kitten": Kitten(),
    "scalar": {"__typename": "Int"},
    "text": "Cat",
    "number": 5,
    "no kind": NoKind(),
}


def later_some(source: Any, value: Any) -> Any:
    """Asynchronous for some of the sources only."""
    return later(value, len(str(source)) % 4) if "a" in str(source) else value


def by_name(source: Any, *_: Any) -> Any:
    return source.get("__typename") if isinstance(source, dict) else getattr(source, "_Cat__typename", None)


def raising(source: Any, *_: Any) -> Any:
    if "Tom" in str(source):
        raise BoomError("what is it?")
    return by_name(source)


RESOLVE_TYPE: dict[str, Callable[..., Any] | None] = {
    "default": None,
    "by name": by_name,
    "later": lambda source, *_: later(by_name(source)),
    "sometimes later": lambda source, *_: later_some(source, by_name(source)),
    "raising": raising,
    "raising later": lambda source, *_: later(
        BoomError("later") if "Tom" in str(source) else by_name(source)
    ),
    "always Cat": lambda *_: "Cat",
    "nothing": lambda *_: None,
    "undefined": lambda *_: Undefined,
    "a type": lambda source, info, _: info.schema.get_type("Cat"),
    "by info": lambda _, info, kind: (
        "Dog" if info.field_name == "walkers" or kind.name == "CatOrDog" else "Cat"
    ),
    "an error": lambda *_: BoomError("returned"),
}


def is_cat(source: Any, *_: Any) -> Any:
    return isinstance(source, Cat) or (isinstance(source, dict) and source.get("__typename") == "Cat")


def cat_fails(source: Any, *_: Any) -> Any:
    if isinstance(source, Cat):
        raise BoomError("no cat")
    return is_cat(source)


IS_TYPE_OF: dict[str, Callable[..., Any]] = {
    "right": is_cat,
    "truthy": lambda source, *_: [source] if is_cat(source) else "",
    "later": lambda source, *_: later(is_cat(source)),
    "sometimes later": lambda source, *_: later_some(source, is_cat(source)),
    "raising": cat_fails,
    "raising later": lambda source, *_: later(
        BoomError("later") if isinstance(source, Cat) else is_cat(source)
    ),
    "never": lambda *_: False,
    "an error": lambda *_: BoomError("is true"),
}


def pets(resolve_type: Any = None, is_type_of: Any = None) -> Any:
    abstract = {"resolve_type": resolve_type} if resolve_type else {}
    concrete = {"is_type_of": is_type_of} if is_type_of else {}
    several = {name: lambda *_: list(SOURCES.values()) for name in ("pets", "either", "walkers", "cats")}
    return schema_of(
        PETS,
        Pet=abstract,
        Walker=abstract,
        CatOrDog=abstract,
        Cat={**concrete, "lives": 9, "name": lambda source, _: getattr(source, "name", "a cat")},
        Query={
            **several,
            "pet": lambda *_: SOURCES["cat"],
            "must": lambda *_: later(SOURCES["object"]),
            "allPets": lambda *_: [SOURCES["cat"], SOURCES["dog"], SOURCES["object"]],
        },
    )


# An exception that is returned, and not raised, is to graphql-core a value like any other here.
RETURNED = "an error"


@pytest.mark.parametrize("resolve_type", [*list(RESOLVE_TYPE)[:-1], RETURNED])
@pytest.mark.parametrize("is_type_of", [None, *list(IS_TYPE_OF)[:-1], RETURNED])
async def test_types_that_are_found_out(resolve_type: str, is_type_of: str | None) -> None:
    schema = pets(RESOLVE_TYPE[resolve_type], IS_TYPE_OF[is_type_of] if is_type_of else None)
    for document in DOCUMENTS:
        await agree(operation(schema, document))


@pytest.mark.parametrize("is_type_of", [*list(IS_TYPE_OF)[:-1], RETURNED])
async def test_types_asked_one_after_the_other(is_type_of: str) -> None:
    schema = pets(None, IS_TYPE_OF[is_type_of])
    schema.type_map["Dog"].is_type_of = lambda source, _: later_some(source, True)
    for document in DOCUMENTS:
        await agree(operation(schema, document))


class Color(enum.Enum):
    RED = "red"
    GREEN = ["no", "hash"]


def serialize(value: Any) -> Any:
    if value == "boom":
        raise BoomError("no such value")
    if value == "graphql":
        raise GraphQLError("no such value", extensions={"code": "X"})
    return {"none": None, "undefined": Undefined, "list": [1, [2]], "dict": {"z": 1, "a": None}}.get(
        str(value), value
    )


class Text(str):
    """A text of a class of its own."""


class Number(int):
    def __str__(self) -> str:
        return "a number"


class Odd:
    """It has what is asked for by name, and is nothing of it."""

    def __str__(self) -> str:
        return "odd"

    def __int__(self) -> int:
        return 3


class Raising:
    def __str__(self) -> str:
        raise BoomError("no text")

    __int__ = __float__ = __bool__ = __hash__ = __str__  # type: ignore[assignment]


LEAVES: tuple[Any, ...] = (
    *(
        0,
        1,
        -1,
        2**31 - 1,
        -(2**31),
        2**31,
        -(2**31) - 1,
        2**53 + 1,
        10**400,
        True,
        False,
        1.0,
        1.5,
        -0.0,
        1e300,
    ),
    *(math.nan, math.inf, "", "0", "1", "-1", "1.5", "1e3", "true", "false", "x", " 1 ", "RED", "red", "B"),
    *(b"1", Decimal(1), Decimal("1.5"), Decimal("NaN"), 1j, (), (1,), [], [1], {}, {"a": 1}, set()),
    *(Color.RED, Color.GREEN, Color, int, len, Text("5"), Text("RED"), Number(5), Odd(), Raising(), object),
    *("boom", "graphql", "none", "undefined", "list", "dict", None, Undefined, ..., BoomError("as a value")),
    *("ä\u0000\ud800", "\U0001f600" * 3, range(2), frozenset(), NotImplemented, Number(2**40)),
)
LEAF_TYPES = ("Int", "Float", "String", "Boolean", "ID", "Letter", "Color", "Any")


@pytest.mark.parametrize("nullable", ["", "!"], ids=["nullable", "required"])
@pytest.mark.parametrize("kind", LEAF_TYPES)
async def test_every_value_as_every_leaf(kind: str, nullable: str) -> None:
    """Each alone, in one column with all others, and in a list."""
    schema = schema_of(
        f"""scalar Any enum Letter {{A B}} enum Color {{RED GREEN}}
        type Query {{all: [Item]! one(n: Int!): Item item: Item list: [{kind}{nullable}] good: [Item]!}}
        type Item {{value: {kind}{nullable} again: {kind}}}""",
        Query={
            "all": lambda *_: range(len(LEAVES)),
            "one": lambda *_, n: n,
            "list": lambda *_: LEAVES,
            "good": lambda *_: range(4),
        },
        Item={"value": lambda source, _: LEAVES[source], "again": lambda source, _: LEAVES[source]},
    )
    scalar: GraphQLScalarType = schema.type_map["Any"]  # type: ignore[assignment]
    scalar.coerce_output_value = serialize
    colors: Any = schema.type_map["Color"]
    colors.values["RED"].value, colors.values["GREEN"].value = Color.RED, Color.GREEN
    await agree(operation(schema, "{all {value again}}"))
    await agree(operation(schema, "{list}"))
    await agree(operation(schema, "{good {value again}}"))
    for number in range(len(LEAVES)):
        await agree(operation(schema, f"{{one(n: {number}) {{value}}}}"))


async def test_a_column_of_one_kind_and_one_that_is_not() -> None:
    """What may be decided once for a whole column has to be right for its last value too."""
    columns: dict[str, list[Any]] = {
        "Int": [1, 2, 2**31, 3],
        "Float": [1.0, 2.0, math.inf],
        "String": ["a", Text("b"), 1],
        "Boolean": [True, 1, "no"],
        "ID": ["a", 1, 1.0],
    }
    for kind, values in columns.items():
        for order in (values, values[::-1]):
            schema = schema_of(f"type Query {{v: [{kind}]}}", Query={"v": lambda *_, order=order: order})
            await agree(operation(schema, "{v}"), exactly=True)


async def test_output_types_that_are_asked_once_each() -> None:
    """`is_type_of` gets the info of the field, of whatever depth of lists."""
    seen: list[Any] = []

    def is_type_of(source: Any, info: Any) -> bool:
        seen.append(
            (source, info.field_name, info.path.as_list(), str(info.parent_type), str(info.return_type))
        )
        return True

    schema = schema_of(
        "type Query {items: [[Item!]]} type Item {name: String child: Item}",
        Query={"items": lambda *_: [["a", "b"], None, ["c"]]},
        Item={"name": lambda source, _: source, "child": "d", "is_type_of": is_type_of},
    )
    await agree(operation(schema, "{items {name child {name}}}"))
    assert sorted(map(repr, seen[: len(seen) // 2])) == sorted(map(repr, seen[len(seen) // 2 :]))
    assert len(seen) == 12
