"""Arguments and variables."""

import json
from typing import Any

import pytest
from graphql import GraphQLError, Undefined, parse, print_ast

from tests.agreement import agree
from tests.answers import Operation, operation
from tests.schemas import BoomError, schema_of

pytestmark = pytest.mark.anyio

LANGUAGE = """
scalar Even
scalar Text
enum Color {RED GREEN}
input Filter {
  name: String = "x" tags: [String!] color: Color = GREEN nested: Filter even: Even numbers: [[Int]]
}
input One @oneOf {a: Int b: String}
type Query {
  echo(
    text: String = "default" number: Int flag: Boolean = false list: [Int!] lists: [[Int]] = [[1], [2]]
    filter: Filter filters: [Filter!] = [{name: "f"}] color: Color = RED even: Even one: One
    id: ID float: Float any: Text
  ): String
  need(number: Int!, color: Color! = RED): String
  items: [Item!]!
}
type Item {echo(list: [Int!] = [1], filter: Filter = {tags: ["t"]}, n: Int = 1): String need(n: Int!): String}
"""


def shown(value: Any) -> str:
    return json.dumps(value, default=repr, sort_keys=True)


def echo(source: Any, info: Any, **given: Any) -> str:
    """What was given, in the order in which it was."""
    return f"{source} {[(name, shown(value)) for name, value in given.items()]}"


def change(source: Any, info: Any, **given: Any) -> str:
    """The same, and then changes whatever can be changed."""
    text = echo(source, info, **given)
    for value in given.values():
        if isinstance(value, list):
            value.append("changed")
        elif isinstance(value, dict):
            value["name"] = "changed"
            value.setdefault("tags", []).append("changed")
    return text


def parse_even(value: Any) -> Any:
    if value == 8:
        raise BoomError("eight")
    if value == 6:
        return Undefined
    if value == 4:
        return None
    if not isinstance(value, int) or value % 2:
        raise GraphQLError("not even", extensions={"code": "ODD"})
    return [value]


def built(echo: Any = echo) -> Any:
    items = {"items": lambda *_: ["i", "j", "k"]}
    schema = schema_of(
        LANGUAGE, Query={"echo": echo, "need": echo, **items}, Item={"echo": echo, "need": echo}
    )
    kinds: Any = schema.type_map
    kinds["Even"].parse_value = kinds["Even"].coerce_input_value = parse_even
    kinds["Text"].coerce_input_literal = print_ast
    kinds["Color"].values["RED"].value = ("a", "red")
    kinds["Query"].fields["echo"].args["number"].out_name = "a_number"
    kinds["Filter"].fields["name"].out_name = "a_name"
    return schema


SCHEMA = built()
ARGUMENTS = (
    *(
        "",
        "text: null",
        'text: ""',
        "number: 3",
        "number: null",
        "flag: true",
        "list: [1, 2]",
        "list: 5",
        "list: null",
    ),
    *("list: []", "lists: 5", "lists: [1, [2]]", "lists: [[null], null]", "filter: {}", "filter: null"),
    *(
        "filter: {name: null}",
        'filter: {tags: "one"}',
        "filter: {nested: {nested: {}}}",
        "filters: {}",
        "filters: []",
    ),
    *(
        "color: GREEN",
        "color: RED",
        "even: 2",
        "even: 3",
        "even: 4",
        "even: 6",
        "even: 8",
        "even: null",
        "id: 5",
    ),
    *('id: "x"', "float: 1", "float: 1.5", "one: {a: 1}", 'one: {b: "x"}', "filter: {numbers: 3}"),
    *(
        "filter: {even: 3}",
        'filter: {color: RED, name: "n"} text: "t" number: 1',
        'list: [1, "x"]',
        "one: {}",
    ),
    *(
        'one: {a: 1, b: "x"}',
        "one: {a: null}",
        "number: 99999999999",
        "unknown: 1",
        "color: BLUE",
        "text: RED",
    ),
)


@pytest.mark.parametrize("arguments", ARGUMENTS)
async def test_arguments(arguments: str) -> None:
    """Some of them validation would refuse."""
    given = f"({arguments})" if arguments else ""
    found = operation(SCHEMA, f"{{a: echo{given} b: echo items {{echo}} c: echo{given}}}")
    for _ in range(2):
        await agree(found, exactly=True)


VARIABLES = """
query (
  $text: String, $number: Int = 7, $flag: Boolean! = true, $list: [Int!] = [3], $lists: [[Int]],
  $filter: Filter, $filters: [Filter!], $color: Color = GREEN, $even: Even, $one: One, $id: ID, $float: Float,
  $item: Int = 1, $filter2: Filter = {name: "two"}
) {
  a: echo(
    text: $text, number: $number, flag: $flag, list: $list, lists: $lists, filter: $filter, filters: $filters,
    color: $color, even: $even, one: $one, id: $id, float: $float
  )
  b: echo(
    list: [$item, 2], lists: [[$number], [$item]], filter: {name: $text, nested: {tags: ["a"], color: $color}}
  )
  c: echo(filters: [$filter2, {nested: $filter}])
  items {echo(list: $list, filter: $filter, n: $item) need(n: $number)}
}
"""
GIVEN: tuple[dict[str, Any], ...] = (
    *(
        {},
        {"text": None},
        {"text": "t"},
        {"number": None},
        {"number": 5, "item": 6},
        {"number": 1.0},
        {"number": "1"},
    ),
    *({"flag": False}, {"flag": None}, {"list": 5}, {"list": [1, None]}, {"list": None}, {"list": (1, 2)}),
    *(
        {"lists": [[1], 2, None]},
        {"filter": {}},
        {"filter": {"name": None, "tags": "one"}},
        {"filter": {"x": 1}},
    ),
    *(
        {"filter": {"nested": {"nested": {"color": "RED"}}}},
        {"filters": {"name": "single"}},
        {"filters": [None]},
    ),
    *(
        {"color": "RED"},
        {"color": "BLUE"},
        {"color": None},
        {"even": 2},
        {"even": 3},
        {"even": 8},
        {"even": 4},
    ),
    *(
        {"one": {"a": 1}},
        {"one": {}},
        {"one": {"a": 1, "b": "x"}},
        {"one": {"a": None}},
        {"id": 1},
        {"id": 1.5},
    ),
    *({"float": 1}, {"float": "1"}, {"unknown": 1}, {"item": None}, {"number": 2**31}, {"filter": [1]}),
    *({"text": 5}, {"filter2": None}, {"filter": {"even": 6}}, {"item": 2, "list": [9]}, {"number": True}),
)


async def test_variables_of_one_document() -> None:
    document = parse(VARIABLES)
    for _ in range(2):
        for given in GIVEN:
            await agree(Operation(SCHEMA, document, given), exactly=True)


@pytest.mark.parametrize("given", [{}, {"n": 1}, {"n": None, "f": {"tags": ["a"]}}, {"c": "RED"}])
async def test_variables_in_a_literal_of_a_scalar(given: dict[str, Any]) -> None:
    """It is made with what they are given as, which is not what they come to."""
    text = "{n: $n, list: [$n, [$c], {f: $f}], c: $c, unknown: $unknown, f: $f}"
    document = parse(f"query ($n: Int, $c: Color = GREEN, $f: Filter) {{echo(any: {text})}}")
    for _ in range(2):
        await agree(Operation(SCHEMA, document, given), exactly=True)


def nested(levels: int) -> dict[str, Any]:
    return {"nested": nested(levels - 1)} if levels else {}


@pytest.mark.parametrize("levels", [10, 199, 200, 201, 300])
async def test_variables_that_are_nested_deeply(levels: int) -> None:
    document = parse("query ($f: Filter) {echo(filter: $f)}")
    await agree(Operation(SCHEMA, document, {"f": nested(10)}), exactly=True)
    await agree(Operation(SCHEMA, document, {"f": nested(levels)}), exactly=True, compiled=levels < 200)


@pytest.mark.parametrize(
    "declared", ['$a: Int = 1, $a: String = "x"', "$a: [Int], $a: String!", "$a: Nothing"]
)
async def test_variables_that_validation_would_refuse(declared: str) -> None:
    document = parse(f"query ({declared}) {{echo(text: $a)}}")
    values: tuple[dict[str, Any], ...] = ({}, {"a": 5}, {"a": "text"}, {"a": None})
    for given in values:
        await agree(Operation(SCHEMA, document, given), exactly=True, compiled=False)


@pytest.mark.parametrize(
    "declared", ["$n: Int!", "$n: Int", "$n: Int = 3", "$n: Int = null", "$n: Int! = 4", "$m: Int"]
)
async def test_required_arguments(declared: str) -> None:
    document = parse(f"query ({declared}) {{need(number: $n) items {{need(n: $n)}} other: need(number: 1)}}")
    values: tuple[dict[str, Any], ...] = ({}, {"n": 1}, {"n": None}, {"n": "x"})
    for given in values:
        await agree(Operation(SCHEMA, document, given), exactly=True)
    await agree(operation(SCHEMA, "{need items {need}}"), exactly=True)


CHANGED = (
    '{items {echo(list: [1], filter: {tags: ["a"], nested: {tags: []}})}}',
    "{a: echo(list: [1], lists: [], filters: []) b: echo(list: [1], lists: [], filters: []) items"
    " {echo(list: [1], filter: {tags: []})}}",
    "query ($n: Int = 1) {items {echo(list: [$n], filter: {tags: [], nested: {numbers: [[$n]]}}, n: $n)}}",
    "query ($l: [Int!] = [1]) {items {echo(list: $l, filter: {tags: []})}}",
    'query ($l: [Int!], $f: Filter = {tags: ["f"]}) '
    "{a: echo(list: $l, filter: $f, lists: [], filters: []) b: echo(list: $l, filter: $f, lists: [],"
    " filters: [])}",
)


@pytest.mark.parametrize("document", CHANGED)
async def test_resolvers_that_change_their_arguments(document: str) -> None:
    """Defaults of the schema are left out: those graphql-core itself shares among all operations."""
    found = operation(built(change), document, variables={"l": [5]} if "$l" in document else None)
    for _ in range(2):
        await agree(found, exactly=True)


async def test_variables_are_what_the_caller_gave_and_stay_so() -> None:
    given = {"list": [1], "filter": {"tags": ["a"]}}
    document = parse(VARIABLES)
    kept = json.dumps(given)
    await agree(Operation(SCHEMA, document, given))
    assert json.dumps(given) == kept
