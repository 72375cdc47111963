"""Random operations on a Strawberry schema, and how Strawberry is told to compile."""

import random
from typing import Any

import pytest
import strawberry
from graphql import GraphQLError, parse, validate
from strawberry.execution.is_awaitable import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gql.execution import counts
from gql.execution.strawberry import StrawberryExecutor
from tests.agreement import agree_as
from tests.answers import Operation
from tests.documents_at_random import Documents
from tests.strawberry_world import Light, Mutation, Query, schema
from tests.test_execution_fuzz import SEED, N

pytestmark = pytest.mark.anyio

_PARTS = 5


async def check(document: str, values: dict[str, Any], *, exactly: bool = False) -> None:
    """Once as Strawberry calls graphql-core, and once as anybody else does."""
    for more in ({"is_awaitable": optimized_is_awaitable}, {}):
        operation = Operation(
            schema._schema,
            parse(document),
            values,
            root=Query,
            context=lambda: {"owners": True, "count": 0},
            more=more,
        )
        await agree_as(operation, StrawberryGraphQLCoreExecutionContext, StrawberryExecutor, exactly=exactly)


@pytest.mark.parametrize("part", range(_PARTS))
async def test_random_operations(part: int) -> None:
    for seed in range(SEED + part, SEED + max(N // 4, _PARTS), _PARTS):
        documents = Documents(schema._schema, random.Random(seed))
        document = documents.document()
        values = documents.values()
        try:
            await check(document, values)
        except AssertionError:
            print(f"SEED={seed}: {document}\n{values}")  # noqa: T201 # Shown of a test that fails.
            raise


DOCUMENTS = (
    "{person {secret slowSecret loud odd letter} fixed}",
    "{everything {__typename number next {number} far {number} squared}}",
    "{everything {number slowlySquared ... on Person {pets {note path owner {maybe}}}}}",
    "{things {... on Person {stuff {__typename}} ... on PersonBox {contents {number loud}}}}",
    "{all {... on Dog {stream owner {secret}}} light {squared slowlySquared}}",
    "{box(f: {a: 2, b: [null], f: {}}) {content {pets(f: {f: {a: null}}) {note}} contents(n: 3) {number}}}",
    "{box(f: {}) {count}}",
    "mutation {count a: count(n: 2) add(l: [1]) {number slowlySquared} b: count add(l: [1]) {secret}}",
)


@pytest.mark.parametrize("document", DOCUMENTS)
async def test_every_kind_of_field(document: str) -> None:
    assert validate(schema._schema, parse(document)) in ([], None) or "add" in document
    await check(document, {})


class Compiled(strawberry.Schema):
    def process_errors(self, errors: list[GraphQLError], execution_context: Any = None) -> None:
        return


@pytest.mark.parametrize("document", DOCUMENTS)
async def test_schemas_that_execute_themselves(document: str) -> None:
    stock = Compiled(Query, Mutation, types=[Light], config=schema.config)
    compiled = Compiled(
        Query, Mutation, types=[Light], config=schema.config, execution_context_class=StrawberryExecutor
    )
    before = counts["compiled"]
    found = [
        await each.execute(document, context_value={"owners": True, "count": 0}, root_value=Query())
        for each in (stock, compiled)
    ]
    assert counts["compiled"] == before + 1
    assert repr(found[0].data) == repr(found[1].data)
    assert bool(found[0].errors) == bool(found[1].errors)
