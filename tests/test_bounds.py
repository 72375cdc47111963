"""What is kept of documents is bounded: however many different ones come, memory is flat."""

import gc
import os
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from bench.documents import FIELDS, LIMITS, document
from db import rows, selects
from db.statements import SHAPES
from gql import inputs, selection
from gql.context import Context
from gql.execution import executor, kept
from gql.schema import Schema, build_schema
from tests.client import Client
from tests.executors import answered_once

pytestmark = pytest.mark.anyio

# More than any cache has room for: each of them asks for columns and a page of its own.
DIFFERENT = 1100
# Of what the program has and nobody can ask more of: its migrations and its input types.
OF_THE_PROGRAM = {"head_revision", "_checks"}


async def execute(schema: Schema, client: Client, text: str, variables: dict[str, Any] | None = None) -> None:
    context = Context(client.database)
    result = await schema.execute(text, variables, context_value=context)
    await context.close()
    assert not result.errors, result.errors


def cached_functions() -> Iterator[Any]:
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in {"db", "gql"}:
            yield from (
                found
                for found in vars(module).values()
                if hasattr(found, "cache_info") and found.__module__ == name
            )


async def test_many_different_documents_fill_what_is_kept_and_no_more(client: Client) -> None:
    schema = build_schema(limits=LIMITS)
    for number in range(DIFFERENT):
        await execute(schema, client, document(number))
    for found in (schema.documents.kept, selection._kept, executor._plans.operations, executor._plans.plans):
        assert kept.MOST_TEXT - kept.LONGEST_TEXT < found.length <= kept.MOST_TEXT or len(found) == kept.MOST
        assert len(found) <= kept.MOST
    assert selects.page_of_all.cache_info().currsize == SHAPES
    assert rows.row_maker.cache_info().currsize == rows.row_maker.cache_info().maxsize
    for function in cached_functions():
        size, most = function.cache_info().currsize, function.cache_info().maxsize
        if function.__name__ not in OF_THE_PROGRAM:
            assert most is not None, function.__name__
            assert size <= most, function.__name__
    compiled: Any = client.database.read_engine.sync_engine._compiled_cache
    assert len(compiled) <= compiled.size_threshold
    assert not any(count > 100 for count in _prepared(client))


def _prepared(client: Client) -> list[int]:
    """How many statements the driver keeps for each connection that is at hand."""
    lane = client.database.lane
    counted = [len(held.driver._stmt_cache) for held in lane._at_hand] if lane else []
    # Where everything is read in both ways, the other way has taken them.
    assert lane is None or "GAZETTE_TEST_BOTH_LANES" in os.environ or max(counted) > 50
    return counted


async def test_documents_in_use_are_not_those_that_are_dropped(client: Client) -> None:
    schema, often = build_schema(), "{viewer {id}}"
    await execute(schema, client, often)
    first = schema.documents.kept.get(often)
    for number in range(kept.MOST + 10):
        await execute(schema, client, often)
        await execute(schema, client, f"{{a{number}: viewer {{id}}}}")
    assert schema.documents.kept.get(often) is first
    assert "{a0: viewer {id}}" not in schema.documents.kept


async def test_what_is_dropped_leaves_nothing_to_the_garbage_collector(client: Client) -> None:
    """Who writes values into documents sends ever new ones: all would wait while it looks at the old ones."""
    schema, counted = build_schema(), []
    gc.collect()
    gc.disable()
    try:
        with answered_once():
            for number in range(kept.MOST + 100):
                text = f"{{a{number:03}: posts(first: 2) {{nodes {{id title author {{name}}}} totalCount}}}}"
                await execute(schema, client, text)
                if number in (kept.MOST - 1, kept.MOST + 99):
                    counted.append(parts_of_operations())
    finally:
        gc.enable()
    assert counted[0] == counted[1]


def parts_of_operations() -> dict[str, int]:
    """How many there are, by their classes."""
    kinds = (type(found) for found in gc.get_objects())
    modules = ("gql.execution", "gql.documents", "gql.cost", "gql.selection", "graphql.language.ast")
    return Counter(kind.__qualname__ for kind in kinds if str(kind.__module__).startswith(modules))


async def test_long_documents_are_few(client: Client) -> None:
    schema = build_schema()
    for number in range(2 * kept.MOST_TEXT // kept.LONGEST_TEXT):
        text = f"{{a{number}: posts {{nodes {{id}}}}}}"
        await execute(schema, client, text.ljust(kept.LONGEST_TEXT))
    most = kept.MOST_TEXT // kept.LONGEST_TEXT
    assert len(schema.documents.kept) == most
    assert len(selection._kept) == len(executor._plans.operations) == len(executor._plans.plans) == most


async def test_nothing_is_kept_of_a_document_that_is_too_long(client: Client) -> None:
    schema = build_schema()
    text = "{posts {nodes {id}}}" + " " * kept.LONGEST_TEXT
    found = (selection._kept, executor._plans.operations, executor._plans.plans)
    before = [set(each._items) for each in found]
    await execute(schema, client, text)
    assert len(schema.documents.kept) == 0
    assert [set(each._items) for each in found] == before


async def test_each_variant_of_an_operation_takes_the_room_of_one(client: Client) -> None:
    schema = build_schema()
    names = [f"with{field.title()}" for field in FIELDS[:6]]
    declared = ", ".join(f"${name}: Boolean!" for name in names)
    chosen = " ".join(f"{field} @include(if: ${name})" for field, name in zip(FIELDS, names, strict=False))
    text = f"query ({declared}) {{posts {{nodes {{id {chosen}}}}}}}".ljust(kept.LONGEST_TEXT)
    for number in range(2 ** len(names)):
        await execute(schema, client, text, {name: bool(number >> bit & 1) for bit, name in enumerate(names)})
    assert len(executor._plans.plans) == kept.MOST_TEXT // kept.LONGEST_TEXT < 2 ** len(names)
    assert len(schema.documents.kept) == 1


async def test_what_is_looked_for_by_a_filter_makes_no_statement_of_its_own(client: Client) -> None:
    schema = build_schema()
    text = "query ($name: String!) {posts(filter: {author: {username: $name}}) {totalCount}}"
    await execute(schema, client, text, {"name": "ada"})
    before = selects.counts.cache_info().misses, inputs._left.cache_info().misses
    for number in range(50):
        await execute(schema, client, text, {"name": f"user{number}"})
    assert (selects.counts.cache_info().misses, inputs._left.cache_info().misses) == before
