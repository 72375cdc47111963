"""Requests for the schema, right and nearly right ones, which hypothesis makes smaller where one fails."""

import json
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLInputObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_composite_type,
    is_enum_type,
    is_input_object_type,
    is_leaf_type,
    is_list_type,
    is_required_argument,
    is_required_input_field,
)
from hypothesis import strategies as st

from tests.fuzzing import ODD, TEXTS

_ALIASES = "abcd"
_PAGES = ("first", "last")
# What stands for an id or a cursor of the world that is there when the request is sent.
_PLACES = st.builds(
    "@{}:{}@".format,
    st.sampled_from(["User", "Post", "Comment", "Tag", "Session", "Nothing", "cursor"]),
    st.integers(0, 9),
)
_MOMENTS = st.datetimes().map(lambda moment: moment.isoformat() + "Z")
_CONDITIONS = [" @skip(if: false)", " @include(if: true)", " @skip(if: true)", " @skip(if: $null)"]
_HEADS = [
    "query",
    "query Q",
    "query Q @skip(if: true)",
    "subscription",
    "query Q query Q",
    "fragment Q on Query",
]


@dataclass
class Request:
    """What is sent, before its places are filled in."""

    viewer: str
    query: str
    variables: Any
    name: Any
    media_type: str

    def body(self) -> bytes:
        sent = {"query": self.query, "variables": self.variables, "operationName": self.name}
        return json.dumps(sent).encode()


@dataclass
class Writer:
    """Writes one document."""

    schema: GraphQLSchema
    draw: st.DrawFn
    declared: dict[str, str] = field(default_factory=dict)
    given: dict[str, Any] = field(default_factory=dict)
    fragments: dict[str, str] = field(default_factory=dict)
    aliases: int = 0

    def __post_init__(self) -> None:
        # Most make no mistake, or few would be executed.
        self.is_careful = self.draw(st.sampled_from([True, True, False]))

    def chance(self, percent: int) -> bool:
        # The smallest is no: what is simpler is without it.
        return self.draw(st.integers(0, 99)) > 99 - percent

    def mistake(self, percent: int) -> bool:
        return not self.is_careful and self.chance(percent)

    def document(self) -> str:
        is_mutation = self.chance(25)
        root = self.schema.mutation_type if is_mutation else self.schema.query_type
        assert root
        depth = self.draw(st.sampled_from([1, 2, 3, 4, 5, 14]))
        body = self.selection(root, depth)
        declared = ", ".join(f"${name}: {kind}" for name, kind in self.declared.items())
        head = "mutation" if is_mutation else "query"
        if self.mistake(5):
            head = self.draw(st.sampled_from(_HEADS))
        text = " ".join([head, f"({declared})" if declared else "", body, *self.fragments.values()])
        return self.spoiled(text) if self.mistake(5) else text

    def spoiled(self, text: str) -> str:
        """With some characters in place of others."""
        place, length = self.draw(st.integers(0, len(text))), self.draw(st.integers(0, 5))
        return text[:place] + self.draw(TEXTS | st.sampled_from([*'{}()[]:!$@"#\n'])) + text[place + length :]

    def selection(self, kind: Any, depth: int) -> str:
        parts = [self.part(kind, depth) for _ in range(self.draw(st.integers(1, 2 if depth > 3 else 3)))]
        return "{" + " ".join(parts) + "}"

    def part(self, kind: Any, depth: int) -> str:
        how = self.draw(st.integers(0, 99))
        if how > 94 and not self.is_careful:
            return self.draw(
                st.sampled_from(["nothing", "id {id}", "posts", "__schema {types {name}}", "..."])
            )
        if how > 90:
            return "__typename" + self.directives()
        if how > 78 and depth:
            condition = self.condition(kind)
            inner = self.selection(self.schema.type_map.get(condition, kind), depth - 1)
            return f"...{f' on {condition}' if condition else ''}{self.directives()} {inner}"
        if how > 70 and depth:
            return f"...{self.fragment(kind, depth)}{self.directives()}"
        return self.field(kind, depth) if getattr(kind, "fields", None) else "__typename"

    def condition(self, kind: Any) -> str:
        """A type that may fit, or one that cannot."""
        fitting: list[str] = ["", kind.name]
        if is_abstract_type(kind):
            fitting += [found.name for found in self.schema.get_possible_types(kind)]
        else:
            fitting += [found.name for found in kind.interfaces]
        others = [name for name, found in self.schema.type_map.items() if is_composite_type(found)]
        return self.draw(st.sampled_from(fitting + (others if self.mistake(20) else [])))

    def fragment(self, kind: Any, depth: int) -> str:
        """The name of one that is new or was written before, in which case it may spread itself."""
        name = f"F{self.draw(st.integers(0, 2))}" + (kind.name if not self.mistake(10) else "")
        if name not in self.fragments and not self.mistake(5):
            self.fragments[name] = ""
            inner = self.selection(kind, depth - 1)
            self.fragments[name] = f"fragment {name} on {kind.name} {inner}"
        elif self.is_careful and not self.fragments[name]:
            return f" on {kind.name} {{__typename}}"
        return name

    def field(self, kind: Any, depth: int) -> str:
        leaves = [name for name, found in kind.fields.items() if is_leaf_type(get_named_type(found.type))]
        deeper = [name for name in kind.fields if name not in leaves]
        names = deeper if deeper and depth and (self.chance(60) or not leaves) else leaves or deeper
        name = self.draw(st.sampled_from(names))
        found = kind.fields[name]
        inner = "" if name in leaves else " " + self.selection(get_named_type(found.type), max(depth - 1, 0))
        arguments = self.arguments(found)
        alias = ""
        if self.chance(10) or (arguments and not self.mistake(10)):
            self.aliases += 1
            alias = f"{self.draw(st.sampled_from(_ALIASES))}{self.aliases if not self.mistake(10) else ''}: "
        return f"{alias}{name}{arguments}{self.directives()}{inner}"

    def arguments(self, found: Any) -> str:
        written = [
            f"{name}: {self.argument(name, argument.type)}"
            for name, argument in found.args.items()
            if (is_required_argument(argument) and not self.mistake(2)) or self.chance(25)
        ]
        if self.mistake(2):
            written.append("nothing: 1")
        return f"({', '.join(written)})" if written else ""

    def argument(self, name: str, kind: Any) -> str:
        value = self.value(kind, name)
        # Keys of JSON may be no names.
        has_json = "attributes" in getattr(get_named_type(kind), "fields", ())
        if not self.chance(30) and not (self.is_careful and has_json):
            return literal(value)
        variable = f"v{len(self.declared)}"
        declared = (
            str(kind) if not self.mistake(4) else self.draw(st.sampled_from(["Int", "[ID]", "Post", "No!"]))
        )
        # With a default it may be null where its value may not.
        is_nulled = declared.endswith("!") and value is not None and self.chance(10)
        default = f" = {literal(self.value(kind, name))}" if is_nulled or self.mistake(20) else ""
        self.declared[variable] = (declared.removesuffix("!") if is_nulled else declared) + default
        if is_nulled:
            self.given[variable] = None
        elif not self.mistake(3):
            self.given[variable] = value.plain() if isinstance(value, _Enum) else plain(value)
        return f"${variable}"

    def value(self, kind: Any, name: str = "") -> Any:
        """What the type takes, mostly."""
        if self.mistake(3):
            return self.draw(ODD)
        if not str(kind).endswith("!") and self.chance(8):
            return None
        kind = get_nullable_type(kind)
        if is_list_type(kind):
            return [self.value(kind.of_type, name) for _ in range(self.draw(st.integers(0, 3)))]
        if is_enum_type(kind):
            return _Enum(
                self.draw(st.sampled_from([*kind.values, *(["NOTHING"] if self.mistake(20) else [])]))
            )
        if is_input_object_type(kind):
            return self.input(kind)
        return self.draw(_scalar(kind.name, name))

    def input(self, kind: GraphQLInputObjectType) -> dict[str, Any]:
        names = list(kind.fields)
        if kind.is_one_of and not self.mistake(5):
            chosen = [self.draw(st.sampled_from(names))]
        else:
            chosen = [
                name
                for name, found in kind.fields.items()
                if (is_required_input_field(found) and not self.mistake(3)) or self.chance(35)
            ]
        values = {name: self.value(kind.fields[name].type, name) for name in chosen}
        if kind.is_one_of and self.is_careful and None in values.values():
            return {chosen[0]: self.draw(TEXTS)}
        return {**values, "nothing": 1} if self.mistake(2) else values

    def directives(self) -> str:
        if not self.chance(8):
            return ""
        if self.is_careful:
            written = self.draw(st.sampled_from(_CONDITIONS))
            if "$null" in written:
                self.declared["null"], self.given["null"] = "Boolean = false", None
            return written
        conditions = ["true", "false", "$v0", "1", "null"]
        names = ["skip", "include", "include", "deprecated", "oneOf", "nothing"]
        several = st.builds(" @{}(if: {})".format, st.sampled_from(names), st.sampled_from(conditions))
        return "".join(self.draw(st.lists(several, min_size=1, max_size=2)))


class _Enum(str):
    """A name without quotation marks."""

    def plain(self) -> str:
        return str(self)


def _scalar(kind: str, name: str) -> st.SearchStrategy[Any]:
    if kind == "Int":
        fitting = st.integers(0, 4) if name in _PAGES else st.integers(1, 3)
        return fitting | fitting | st.sampled_from([0, -1, 100, 101, 2**31 - 1, -(2**31)])
    return {
        "ID": _PLACES | _PLACES | TEXTS,
        "Boolean": st.booleans(),
        "DateTime": _MOMENTS | TEXTS,
        "JSON": st.dictionaries(TEXTS, ODD, max_size=2),
    }.get(kind, (_PLACES | TEXTS) if name in ("after", "before") else TEXTS)


def plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return str(value) if isinstance(value, _Enum) else value


def literal(value: Any) -> str:
    """As a document has it, whatever the value is."""
    if isinstance(value, _Enum):
        return value
    if isinstance(value, list):
        return f"[{', '.join(literal(item) for item in value)}]"
    if isinstance(value, dict):
        # A name that is none is a document that is none.
        return "{" + ", ".join(f"{name or '_'}: {literal(item)}" for name, item in value.items()) + "}"
    if isinstance(value, str | bool) or value is None:
        return json.dumps(value, ensure_ascii=False)
    return str(value)


@st.composite
def requests(draw: st.DrawFn, schema: GraphQLSchema, viewers: tuple[str, ...]) -> Request:
    writer = Writer(schema, draw)
    query = writer.document()
    variables: Any = writer.given if not writer.mistake(3) else draw(ODD)
    name = draw(st.sampled_from(["Q", "", 5])) if writer.mistake(5) else None
    media_type = draw(st.sampled_from(["application/json", "application/graphql-response+json"]))
    return Request(draw(st.sampled_from(viewers)), query, variables, name, media_type)
