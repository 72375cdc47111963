"""What our own documentation and front ends ask for stays far below every limit."""

import re
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import pytest
from graphql import (
    FragmentDefinitionNode,
    FragmentSpreadNode,
    Node,
    OperationDefinitionNode,
    parse,
    print_ast,
    visit,
)
from graphql.language import Visitor

from gql.approval import complaints
from gql.bounds import Limits
from gql.schema import build_schema

ROOT = Path(__file__).parent.parent
# Of each kind where they are, and how a document begins and ends there.
SOURCES = {
    "README.md": r"```graphql\n(.*?)```",
    "docs/clients.md": r"graphql\(`(.*?)`",
    "gql/explorer/static/examples.js": r"= `([^`]*\{.*?)`",
    "examples/reader/src/*.ts*": r"graphql\(`(.*?)`",
    "examples/reader/src/session.ts": r"= `(.*?)`",
}
# Others are a part of one, to look at.
BEGINS = re.compile(r"\s*(#.*\s+)*(\{|query|mutation|subscription|fragment)")
FAR = 3
"""How many times as much every limit allows; a page is no more than it is."""
NOT_OF_DOCUMENTS = {"page", "answer"}


def definitions(pattern: str) -> list[Node]:
    texts = [path.read_text() for path in sorted(ROOT.glob(pattern))]
    found = [found for text in texts for found in re.findall(SOURCES[pattern], text, re.DOTALL)]
    documents = [text for text in found if BEGINS.match(text)]
    return [definition for text in documents for definition in parse(text).definitions]


def operations() -> Iterator[tuple[str, str]]:
    """Each with the fragments that it needs."""
    for pattern in SOURCES:
        found = definitions(pattern)
        fragments = {node.name.value: node for node in found if isinstance(node, FragmentDefinitionNode)}
        for node in found:
            if isinstance(node, OperationDefinitionNode):
                needed = spread(node, fragments)
                yield pattern, "\n".join(print_ast(part) for part in (node, *needed.values()))


def spread(node: Node, fragments: dict[str, FragmentDefinitionNode]) -> dict[str, FragmentDefinitionNode]:
    found: dict[str, FragmentDefinitionNode] = {}

    class Spreads(Visitor):
        def enter_fragment_spread(self, spread: FragmentSpreadNode, *_: object) -> None:
            name = spread.name.value
            if name not in found:
                found[name] = fragments[name]
                visit(fragments[name], Spreads())

    visit(node, Spreads())
    return found


OPERATIONS = list(operations())
LIMITS = Limits()


def a_part(name: str, parts: int) -> Limits:
    return replace(LIMITS, **{name: getattr(LIMITS, name) // parts})


@pytest.mark.parametrize("name", sorted({field.name for field in fields(Limits)} - NOT_OF_DOCUMENTS))
def test_ours_take_a_part_of_what_is_allowed(name: str) -> None:
    # Levels and names are few: half of them is far.
    parts = 2 if "depth" in name else FAR
    schema = build_schema(limits=a_part(name, parts))
    refused = {(where, text): list(complaints(schema, text)) for where, text in OPERATIONS}
    assert {key: found for key, found in refused.items() if found} == {}


def test_there_are_some_of_each_source() -> None:
    assert {where for where, _ in OPERATIONS} == set(SOURCES)
    assert len(OPERATIONS) > 25


@pytest.mark.parametrize("name", ["tokens", "selections", "depth", "cost"])
def test_a_hundredth_of_what_is_allowed_would_not_do(name: str) -> None:
    """So that what is looked at is what there is."""
    schema = build_schema(limits=a_part(name, 100))
    assert any(list(complaints(schema, text)) for _, text in OPERATIONS)
