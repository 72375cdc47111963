"""What documents select: fragments, merged fields, conditions, and the order of what comes back."""

import itertools
from typing import Any

import pytest
from graphql import GraphQLSchema, parse
from graphql.execution import Executor

from gql.execution import CompiledExecutor
from tests.agreement import agree
from tests.answers import Operation, answer, operation
from tests.schemas import after, fail, later, schema_of

pytestmark = pytest.mark.anyio

LANGUAGE = """
interface Named {name: String slow(ticks: Int = 1): String friend: Named}
interface Pet {legs: Int}
type Person implements Named {
  name: String slow(ticks: Int = 1): String friend: Named friends: [Named!] age: Int!
  fails: Int mustFail: Int!
}
type Dog implements Named & Pet {
  name: String slow(ticks: Int = 1): String friend: Named legs: Int barks: Boolean!
}
union Thing = Person | Dog
type Query {me: Person you: Named things: [Thing!]! all: [Named] dog: Dog! text(a: String): String}
schema {query: Query}
"""
ANN, REX = "Ann", "Rex"


def type_of(value: Any, *_: Any) -> str:
    return "Dog" if value == REX else "Person"


async def slow(source: Any, _: Any, ticks: int) -> Any:
    return await later(f"{source} after {ticks}", ticks)


def schema() -> GraphQLSchema:
    named = {
        "name": lambda source, _: source,
        "slow": slow,
        "friend": lambda source, _: ANN if source == REX else REX,
    }
    return schema_of(
        LANGUAGE,
        Named={"resolve_type": type_of},
        Thing={"resolve_type": type_of},
        Query={
            "me": ANN,
            "you": after(REX, 2),
            "dog": REX,
            "text": lambda *_, a="none": a,
            "things": lambda *_: (ANN, REX, "Bob"),
            "all": lambda *_: [REX, later(ANN, 2), None, later(REX)],
        },
        Person={**named, "friends": lambda *_: [REX, "Bob"], "age": 7, "fails": fail, "mustFail": fail},
        Dog={**named, "legs": 4, "barks": True},
    )


SCHEMA = schema()
FRAGMENTS = """
fragment N on Named {name friend {name}} fragment P on Person {age ...N friends {...N ...D}}
fragment D on Dog {barks name legs} fragment L on Pet {legs ... on Dog {barks}}
fragment Q on Query {me {...P}}
"""
DOCUMENTS = {
    "aliases": "{b: me {z: name a: name name} a: me {name} me {y: age x: age}}",
    "typename": "{__typename a: __typename me {__typename name} things {__typename t: __typename}"
    " dog {__typename}}",
    "only typename": "{all {__typename}}",
    "merged fields": "{me {name} me {age} dog {name} me {name friend {name}} dog {legs} me {friend {slow}}}",
    "merged deeply": "{me {friend {friend {name}}} ...A} fragment A on Query {me {friend {slow"
    " friend {slow}}}}",
    "merged in fragments": "{you {name ...N ... on Dog {name friend {slow} legs}}}",
    "order of merged fields": "{me {a: name friend {slow} b: name} ... {me {c: name friend {name} a: name}}}",
    "order of slow fields": "{a: text me {c: slow(ticks: 5) name b: slow(ticks: 1) age a:"
    " slow(ticks: 3)} b: text}",
    "inline without type": "{... {... {me {... {name}}}}}",
    "named": "{...Q me {name}}",
    "nested": "{me {...P} you {...N ...D}}",
    "fragment twice": "{me {...N ...N} you {...N}}",
    "interface": "{all {name ... on Person {age} ... on Dog {barks} ...L}}",
    "interface of an interface": "{all {... on Pet {legs} ... on Named {name}}}",
    "union": "{things {... on Person {name age} ... on Dog {name legs} ... on Named {friend {name}}}}",
    "nothing matches": "{me {... on Named {... on Pet {legs}}} things {... on Pet {legs}} all {..."
    " on Dog {barks}}}",
    "different fields by type": "{things {... on Person {x: age} ... on Dog {x: legs}}}",
    "different children by type": "{all {... on Person {friend {name}} ... on Dog {friend {slow}}}}",
    "same key, other arguments by type": "{things {...on Person {s: slow(ticks: 3)} ...on Dog {s:"
    " slow(ticks: 1)}}}",
    "skip": "{me {name @skip(if: true) age @skip(if: false)} dog @skip(if: true) {name}}",
    "include": "{me {name @include(if: true) age @include(if: false)} you @include(if: false) {name}}",
    "both": "{a: text @skip(if: false) @include(if: false) b: text @skip(if: true) @include(if: true)}",
    "nothing is left": "{me {name @skip(if: true)} things {__typename @include(if: false)}}",
    "nothing at all": "{me @skip(if: true) {name}}",
    "conditions of fragments": "{me {...N @skip(if: true) ...P @include(if: true)} ... @skip(if:"
    " true) {dog {name}}}",
    "one of two": "{me {name @skip(if: true)} me {name age}}",
    "skipped and asked for": "{dog {friend @skip(if: true) {name} friend {slow} name}}",
    "fragment skipped once": "{me {...N @skip(if: true)} you {...N} ...Q @skip(if: true) ...Q}",
    "errors with aliases": "{me {a: fails b: mustFail} you {name} b: me {fails fails ...F}} fragment"
    " F on Person {fails}",
    "comments and commas": "# one\n{me,{name,,age}, # two\n}",
    "block string": '{text(a: """\n  many\n    lines\n""")}',
    "no fields that are known": "{nothing me {nothing name}}",
    "keywords": "{class: text None: text lambda: text __a: text me {def: name self: age}}",
}


def with_fragments(document: str) -> str:
    """Only what is used, and what that uses."""
    needed = "".join(FRAGMENTS) if "..." in document else ""
    return f"{document} {needed}"


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_every_form_of_selection(name: str) -> None:
    found = operation(SCHEMA, with_fragments(DOCUMENTS[name]))
    await agree(found)
    # From the plan that was kept.
    await agree(found)


CONDITIONS = """
query ($a: Boolean!, $b: Boolean = true, $c: Boolean) {
  me {name @skip(if: $a) age @include(if: $b) ...N @include(if: $a) ... @skip(if: $b) {slow}}
  you @include(if: $a) {name ...D @skip(if: $b)}
  ... on Query @include(if: $b) {dog {legs @skip(if: $a) @include(if: $b) name}}
  me {age @skip(if: $a) name @include(if: $a)}
  both: text @skip(if: $a) @include(if: $b)
  ...Q @skip(if: $a)
}
"""


@pytest.mark.parametrize("document", [CONDITIONS, CONDITIONS.replace("$a: Boolean!", "$a: Boolean! = false")])
async def test_conditions_by_variables(document: str) -> None:
    parsed = parse(document + FRAGMENTS)
    values: list[dict[str, bool]] = [{}, {"b": True}, {"b": False}]
    for a, b in itertools.product((True, False), values):
        await agree(Operation(SCHEMA, parsed, {"a": a, **b}))
    await agree(Operation(SCHEMA, parsed, {"b": False}))
    await agree(Operation(SCHEMA, parsed, {"a": None}))


@pytest.mark.parametrize(
    "where", ["me {name @skip(if: $a)}", "text @include(if: $a)", "... @include(if: $a) {text}"]
)
@pytest.mark.parametrize("given", [{}, {"a": None}, {"a": True}, {"a": False}])
@pytest.mark.parametrize("declared", ["", "($a: Boolean)", "($a: Boolean = null)", "($a: Boolean = true)"])
async def test_conditions_whose_variable_may_be_missing(
    where: str, given: dict[str, Any], declared: str
) -> None:
    """Validation refuses some of these; to execute them is the same error in both."""
    document = f"query {declared} {{dog {{name}} {where}}}"
    await agree(operation(SCHEMA, document, variables=given), compiled=False)


async def test_a_condition_that_is_a_list() -> None:
    """Validation refuses it; executed, it is an error."""
    document = parse("query ($a: [Int]) {dog {name} text @skip(if: $a)}")
    await agree(Operation(SCHEMA, document, {"a": [1]}), compiled=False)


async def test_more_variants_of_conditions_than_are_kept() -> None:
    names = [f"v{number}" for number in range(7)]
    fields = " ".join(f'{name}: text(a: "{name}") @skip(if: ${name})' for name in names)
    document = parse(f"query ({', '.join(f'${name}: Boolean!' for name in names)}) {{dog {{name}} {fields}}}")
    for values in itertools.product((True, False), repeat=7):
        await agree(Operation(SCHEMA, document, dict(zip(names, values, strict=True))))


async def test_the_same_text_with_other_schemas_and_operations() -> None:
    document = parse("query A {me {name}} query B {dog {legs name}} query C {me {age name}}")
    other: Any = schema()
    other.type_map["Person"].fields["age"].resolve = lambda *_: 8
    for name, found in itertools.product("ABCBA", (SCHEMA, other)):
        await agree(Operation(found, document, name=name))


@pytest.mark.parametrize("name", [None, "A", "B", "Z", ""])
async def test_which_operation_is_executed(name: str | None) -> None:
    await agree(operation(SCHEMA, "query A {dog {name}} query B {me {name}}", name=name), exactly=True)
    await agree(operation(SCHEMA, "query A {dog {name}}", name=name), exactly=True)
    await agree(operation(SCHEMA, "fragment F on Dog {name}", name=name), exactly=True)


INTROSPECTION = {
    "__schema": "{__schema {queryType {name} types {name kind fields {name type {name ofType {name}}}}}}",
    "__type": '{dog {name} __type(name: "Person") {...T} other: __type(name: "Nobody") {name}}'
    " fragment T on __Type {name kind interfaces {name} possibleTypes {name} fields {name args {name"
    " defaultValue}}}",
    "directives": "{__schema {directives {name locations args {name type {name}}}}}",
    "typename in it": "{__schema {__typename types {__typename}}}",
}


@pytest.mark.parametrize("name", INTROSPECTION)
async def test_introspection(name: str) -> None:
    found = await agree(operation(SCHEMA, INTROSPECTION[name]), compiled=False)
    assert found.data
    assert not found.errors


async def test_operations_that_the_schema_does_not_have() -> None:
    for kind in ("mutation", "subscription"):
        await agree(operation(SCHEMA, f"{kind} {{text}}"), exactly=True, compiled=False)


@pytest.mark.parametrize(("depth", "compiled"), [(30, True), (50, False), (80, False), (120, False)])
async def test_deep_documents(depth: int, compiled: bool) -> None:
    """A level takes more frames than one of graphql-core's, which has the deepest to itself."""
    document = "{me" + " {friend" * depth + " {name}" + "}" * depth + "}"
    found = await agree(operation(SCHEMA, document), compiled=compiled)
    assert not found.errors
    spread = "{me {...F0}} " + " ".join(
        f"fragment F{number} on Named {{friend {{...F{number + 1}}}}}" for number in range(depth)
    )
    await agree(operation(SCHEMA, f"{spread} fragment F{depth} on Named {{name}}"), compiled=compiled)
    document = "{me " + "{... on Named " * depth + "{name}" + "}" * depth + "}"
    await agree(operation(SCHEMA, document), compiled=True)


async def test_documents_too_deep_for_python_are_an_error_of_a_field() -> None:
    """Where it is depends on how many frames a level takes."""
    document = operation(SCHEMA, "{text me" + " {friend" * 180 + " {name}" + "}" * 180 + "}")
    for executor in (Executor, CompiledExecutor):
        found = await answer(document, executor)
        assert found.data["text"] == "none"
        assert [str(error.message)[:23] for error in found.errors] == ["maximum recursion depth"]


async def test_large_lists() -> None:
    large = schema_of(
        "type Query {numbers: [Int!]! items: [Item!]!} type Item {id: ID! slow: Int parts: [Int]}",
        Query={"numbers": lambda *_: range(5000), "items": lambda *_: range(1500)},
        Item={
            "id": lambda source, _: source,
            "parts": lambda source, _: range(source % 3),
            "slow": lambda source, _: later(source, source % 3) if source % 2 else source,
        },
    )
    await agree(operation(large, "{numbers items {id parts slow}}"), exactly=True)
