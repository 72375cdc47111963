"""What resolvers get to know, and what those find that graphql-core has by default."""

import asyncio
from typing import Any

import pytest
from graphql.pyutils import Path

from tests.agreement import agree
from tests.answers import operation
from tests.schemas import BoomError, later, schema_of

pytestmark = pytest.mark.anyio


def info_of(source: Any, info: Any, **given: Any) -> Any:
    """All that graphql-core tells."""
    return {
        "names": [info.field_name, str(info.return_type), str(info.parent_type), given],
        "path": [
            info.path.as_list(),
            info.path.key,
            info.path.typename,
            info.path.prev and info.path.prev.as_list(),
        ],
        "is path": isinstance(info.path, Path),
        "nodes": [(node.loc.start, node.name.value) for node in info.field_nodes],
        "fragments": {name: node.loc.start for name, node in info.fragments.items()},
        "operation": [info.operation.operation.value, info.operation.name and info.operation.name.value],
        "variables": info.variable_values.coerced,
        "context": [info.context["n"], info.root_value],
        "schema": info.schema is INFO,
        "helpers": [info.is_awaitable(later), info.abort_signal, len(info.async_helpers)],
        "fields": list(info._fields),
        "copy": info._replace(field_name="other").field_name,
        "length": len(info),
        "first": info[0],
        "by name": {name: type(getattr(info, name)).__name__ for name in info._fields},
        "is": type(info).__mro__[-3].__name__,
    }


INFO = schema_of(
    """scalar Any interface Node {info(n: Int): Any}
    type Query {info(n: Int): Any items: [[Item]] node: Node self: Query slow: Any}
    type Item implements Node {info(n: Int): Any node: Node slow: Any}""",
    Query={
        "info": info_of,
        "items": lambda *_: [["a"], [], None, ["b", later("c")]],
        "node": "n",
        "self": True,
        "slow": lambda *given: later(info_of(*given)),
    },
    Item={"info": info_of, "node": "m", "slow": lambda *given: later(info_of(*given))},
    Node={"resolve_type": lambda *_: "Item"},
)


async def test_what_a_resolver_gets_to_know() -> None:
    document = """
    query Q($n: Int = 3, $m: [Int] = [1]) {info x: info(n: $n) self {info(n: 4) self {y: info ...F}}
      items {info slow node {info node {z: info}}} node {...G info} slow}
    fragment F on Query {info(n: 4) y: info} fragment G on Node {info}
    query Other {info}
    """
    found = operation(
        INFO, document, variables={"n": 5}, name="Q", root=lambda: "the root", context=lambda: {"n": 1}
    )
    answer = await agree(found, exactly=True)
    assert not answer.errors
    assert answer.data["items"][3][1]["info"]["path"][0] == ["items", 3, 1, "info"]


@pytest.mark.xfail(reason="the tuple has a position in the place of the path")
async def test_information_is_a_tuple() -> None:
    def resolve(_: Any, info: Any) -> Any:
        *_, path = info[:5]
        by_name = {name: str(value) for name, value in info._asdict().items() if "path" in name}
        return [isinstance(path, Path), isinstance(list(info)[4], Path), by_name]

    schema = schema_of("scalar Any type Query {info: Any again: Any}", Query={"info": resolve})
    await agree(operation(schema, "{info x: info}"), exactly=True)


async def test_information_can_be_kept() -> None:
    """Infos of one column are not one object whose path changes."""
    schema = schema_of(
        "type Query {items: [Item]} type Item {keep: Int path: String}",
        Query={"items": lambda *_: [[], [], []]},
        Item={
            "keep": lambda source, info: source.append(info),
            "path": lambda source, _: later(".".join(map(str, source[0].path.as_list()))),
        },
    )
    found = await agree(operation(schema, "{items {keep path}}"))
    assert [item["path"] for item in found.data["items"]] == [f"items.{number}.keep" for number in range(3)]


class Thing:
    """What default resolvers find on an object."""

    name = "attribute"
    nothing = None

    def method(self, info: Any, n: int = 1) -> str:
        return f"{info.field_name} {n}"

    async def slow(self, info: Any) -> str:
        await asyncio.sleep(0)
        return str(info.path.as_list())

    @property
    def fails(self) -> str:
        raise BoomError("property")

    @property
    def missing_inside(self) -> Any:
        return self.nowhere

    def wrong(self) -> str:
        return "takes no info"

    def __getattr__(self, name: str) -> Any:
        if name == "magic":
            return "by magic"
        raise AttributeError(name)


THING = {
    "name": "item",
    "method": lambda info, n=2: f"{info.field_name} {n}",
    "slow": lambda _: later("slow"),
    "fails": BoomError("item"),
    "nothing": None,
    "magic": dict,
    "wrong": lambda: 1,
    "extra": 1,
}


async def test_default_resolvers() -> None:
    schema = schema_of(
        """type Query {things: [Thing] name: String}
        type Thing {name: String method(n: Int): String slow: String fails: String nothing: String
          missing_inside: String wrong: String magic: String absent: String keys: String}""",
        Query={"things": lambda *_: [Thing(), THING, {}, Thing, "text", 5, type("Empty", (), {})()]},
    )
    fields = "name method m: method(n: 3) slow fails nothing missing_inside wrong absent keys"
    await agree(operation(schema, f"{{name things {{{fields}}}}}", root=lambda: {"name": "root"}))
    for resolver in (None, lambda source, info, **_: f"{info.field_name} of {source!s:.4}"):
        more = {"field_resolver": resolver, "type_resolver": None}
        await agree(operation(schema, "{name things {name absent}}", root=Thing, more=more))
