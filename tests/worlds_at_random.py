"""Random schemas whose resolvers do all that resolvers can do, each time the same."""

import asyncio
import random
import zlib
from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLList,
    GraphQLNonNull,
    Undefined,
    build_schema,
    is_abstract_type,
    is_object_type,
)

from tests.schemas import BoomError, later

SCALARS = ("Int", "String", "Float", "Boolean", "ID", "Letter", "Odd")
WRAPS = ("{}", "{}", "{}!", "{}!", "[{}]", "[{}!]", "[{}]!", "[{}!]!", "[[{}!]]", "[[{}]!]!")
ARGUMENTS = "(n: Int = 1, s: String, l: [Int!] = [1], f: Filter)"
HEAD = """
enum Letter {A B}
scalar Odd
input Filter {a: Int = 5 b: [String] f: Filter}
"""
# What a value of a scalar usually is, and what it should not be.
GOOD: dict[str, Sequence[Any]] = {
    "Int": (0, 1, -7, True, 3.0, "5"),
    "String": ("a", "", 5, True, 1.5),
    "Float": (1.5, 2, "2.5", False),
    "Boolean": (True, False, 1, 0.0),
    "ID": ("i", 3, "3"),
    "Letter": ("A", "B"),
    "Odd": (1, 3, [1], {"b": 1, "a": None}),
}
BAD: Sequence[Any] = ("zz", 2**50, float("inf"), [1], {"a": 1}, object, Undefined, b"x", 2, ())


class Thing:
    """An object of the world; without a resolver its fields are methods."""

    def __init__(self, world: "World", kind: str, key: int) -> None:
        self.world, self.kind, self.key = world, kind, key

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        return partial(self.world.resolve_default, self)


class Later:
    """Awaitable, without a complaint where nobody does.

    graphql-core wraps several of them in one coroutine, and a list of them may come when it is not wanted.
    """

    def __init__(self, value: Any, ticks: int) -> None:
        self.value, self.ticks = value, ticks

    def __await__(self) -> Generator[Any, None, Any]:
        return later(self.value, self.ticks).__await__()


def serialize_odd(value: Any) -> Any:
    if isinstance(value, int) and value % 2 == 0:
        raise GraphQLError("even", extensions={"code": "EVEN"})
    return None if value == () else value


class World:
    """A schema, and how everything in it behaves.

    What a resolver does depends on nothing but its type, its field, its object and its arguments.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = r = random.Random(seed)
        self.objects = [f"O{number}" for number in range(r.randint(2, 4))]
        self.interfaces = [f"I{number}" for number in range(r.randint(1, 3))]
        self.unions = [f"U{number}" for number in range(r.randint(0, 2))]
        self.failing = r.choice([0, 0.01, 0.04, 0.15])
        self.slowness = r.choice([0, 0, 0.2, 0.6])
        self.schema = build_schema(self._language())
        self._attach()

    def _fields(self, prefix: str) -> list[str]:
        r = self.random
        kinds = [r.choice(SCALARS) for _ in range(r.randint(2, 4))]
        kinds += r.choices([*self.objects, *self.interfaces, *self.unions], k=r.randint(2, 4))
        return [
            f"{prefix}{number}{ARGUMENTS if r.random() < 0.4 else ''}: {r.choice(WRAPS).format(kind)}"
            for number, kind in enumerate(kinds)
        ]

    def _language(self) -> str:
        r = self.random
        fields = {name: self._fields(name.lower()) for name in self.interfaces}
        parts = [HEAD, *(f"interface {name} {{{' '.join(fields[name])}}}" for name in self.interfaces)]
        for name in self.objects:
            of = [interface for interface in self.interfaces if r.random() < 0.6]
            # `x` is of another type everywhere, and a field of no interface.
            own = [*self._fields(name.lower()), f"x: {r.choice(SCALARS)}"]
            inherited = [field for interface in of for field in fields[interface]]
            implements = f" implements {' & '.join(of)}" if of else ""
            parts.append(f"type {name}{implements} {{{' '.join(inherited + own)}}}")
        parts += [f"union {name} = {' | '.join(r.sample(self.objects, 2))}" for name in self.unions]
        parts += [
            f"type {name} {{{' '.join(self._fields(name[0].lower()))}}}" for name in ("Query", "Mutation")
        ]
        return "\n".join(parts)

    def _attach(self) -> None:
        r = self.random
        types: dict[str, Any] = dict(self.schema.type_map)
        types["Odd"].coerce_output_value = serialize_odd
        abstract = [*self.interfaces, *self.unions]
        undecided = [name for name in abstract if r.random() < 0.3]
        for name in abstract:
            if name not in undecided:
                types[name].resolve_type = self._resolve_type
        for name in self.objects:
            if undecided or r.random() < 0.2:
                types[name].is_type_of = partial(self._is_type_of, name)
        for name in (*self.objects, "Query", "Mutation"):
            for key, field in types[name].fields.items():
                self._attach_field(name, key, field)

    def _attach_field(self, name: str, key: str, field: Any) -> None:
        how = self.random.choice(
            ["default", "each", "each", "slow", "mixed", "column", "slow column", "mixed column"]
        )
        slow = 0.0 if how in ("default", "each", "column") else 1.0 if how.startswith("slow") else 0.5
        field.behaviour = name, key, slow * bool(self.slowness), field.type
        if how == "default":
            return
        field.resolve = partial(self._each, field)
        if how.endswith("column"):
            column = self._slow_column if how == "slow column" and self.slowness else self._column
            field.extensions = {"resolve_column": partial(column, field)}

    def _random(self, *of: Any) -> random.Random:
        return random.Random(zlib.crc32(repr((self.seed, *of)).encode()))

    def resolve_default(self, source: Thing, info: Any, **given: Any) -> Any:
        return self._each(info.parent_type.fields[info.field_name], source, info, **given)

    def _each(self, field: Any, source: Any, info: Any, **given: Any) -> Any:
        name, key, slow, kind = field.behaviour
        r = self._random(name, key, getattr(source, "key", 0), sorted(given.items()))
        if r.random() < slow:
            return self._later(r, kind)
        return self._value(r, kind)

    async def _later(self, r: random.Random, kind: Any) -> Any:
        await later(None, r.choice([0, 1, 1, 2, 5]))
        return self._value(r, kind)

    def _column(self, field: Any, sources: Sequence[Any], info: Any, **given: Any) -> list[Any]:
        values: list[Any] = []
        for source in sources:
            try:
                values.append(self._each(field, source, info, **given))
            except Exception as error:
                values.append(error)
        return values

    async def _slow_column(self, field: Any, sources: Sequence[Any], info: Any, **given: Any) -> list[Any]:
        values = self._column(field, sources, info, **given)
        slow = [index for index, value in enumerate(values) if hasattr(value, "__await__")]
        awaited = await asyncio.gather(*(values[index] for index in slow), return_exceptions=True)
        for index, value in zip(slow, awaited, strict=True):
            values[index] = value
        return values

    def _value(self, r: random.Random, kind: Any, depth: int = 0) -> Any:
        """Of the type, or what goes wrong instead."""
        if isinstance(kind, GraphQLNonNull):
            kind = kind.of_type
        how = r.random() / (self.failing or 0.001)
        if how < 1 and depth == 0 and r.random() < 0.5:
            raise BoomError(f"raised {r.randint(0, 99)}")
        if how < 1:
            return r.choice([None, None, BoomError(f"returned {r.randint(0, 99)}"), *BAD])
        if isinstance(kind, GraphQLList):
            return self._list(r, kind, depth)
        if is_object_type(kind) or is_abstract_type(kind):
            return self._object(r, kind)
        return r.choice(GOOD[kind.name])

    def _list(self, r: random.Random, kind: Any, depth: int) -> Any:
        items = [self._value(r, kind.of_type, depth + 1) for _ in range(r.choice([0, 1, 2, 2, 3]))]
        how = r.random()
        if how < self.slowness * 0.3:
            return [self._item(r, item) if r.random() < 0.5 else item for item in items]
        if how > 0.9:
            kinds: list[Callable[[Any], Any]] = [tuple, iter, lambda items: (item for item in items)]
            return r.choice(kinds)(items)
        return self._stream(items) if self.slowness and how > 0.87 else items

    async def _stream(self, items: Sequence[Any]) -> Any:
        for item in items:
            await later(None)
            yield item

    def _item(self, r: random.Random, item: Any) -> Any:
        return Later(item, r.choice([0, 1, 3]))

    def _object(self, r: random.Random, kind: Any) -> Thing:
        possible = [kind] if is_object_type(kind) else self.schema.get_possible_types(kind)
        names = [found.name for found in possible] or self.objects
        if r.random() < self.failing:
            names = self.objects
        return Thing(self, r.choice(names), r.getrandbits(32))

    def _some_time(self, r: random.Random, value: Any) -> Any:
        if r.random() < self.failing:
            value = BoomError("no type")
        if r.random() < self.slowness:
            return Later(value, r.choice([0, 1, 2]))
        if isinstance(value, Exception):
            raise value
        return value

    def _resolve_type(self, value: Any, info: Any, kind: Any) -> Any:
        r = self._random("type", kind.name, getattr(value, "key", repr(value)))
        name = getattr(value, "kind", None)
        if r.random() < self.failing:
            name = r.choice(["Nobody", None, kind.name, "Int", 5])
        return self._some_time(r, name)

    def _is_type_of(self, name: str, value: Any, info: Any) -> Any:
        r = self._random("is", name, getattr(value, "key", repr(value)))
        return self._some_time(r, getattr(value, "kind", None) == name)

    def root(self) -> Thing:
        return Thing(self, "Query", 0)
