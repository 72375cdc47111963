"""Random operations on random schemas.

`SEED=1 pytest tests/test_execution_fuzz.py` repeats a run, `N=50000` makes it a long one.
"""

import os
import random
import secrets
from collections.abc import Iterator

import pytest
from graphql import parse

from gql.execution import counts
from tests.agreement import agree
from tests.answers import Operation
from tests.documents_at_random import Documents
from tests.worlds_at_random import World

pytestmark = pytest.mark.anyio

N = int(os.environ.get("N", "2000"))
SEED = int(os.environ.get("SEED", secrets.randbits(32)))
_PARTS = 10
_DOCUMENTS = 10  # So many for each schema.


def seeds(part: int) -> Iterator[int]:
    return iter(range(SEED + part, SEED + max(N // _DOCUMENTS, _PARTS), _PARTS))


@pytest.mark.parametrize("part", range(_PARTS))
async def test_random_operations(part: int) -> None:
    print(f"SEED={SEED} N={N}")  # noqa: T201 # Shown of a test that fails.
    for seed in seeds(part):
        await check(seed)


async def check(seed: int) -> None:
    world = World(seed)
    for number in range(_DOCUMENTS):
        documents = Documents(world.schema, random.Random(f"{seed} {number}"))
        text = documents.document()
        document = parse(text)
        # The second time there is a plan, maybe of other values.
        for _ in range(3 if documents.variables else 1):
            values = documents.values()
            try:
                await agree(Operation(world.schema, document, values, root=world.root))
            except AssertionError:
                print(f"World({seed}), document {number}: {text}\n{values}")  # noqa: T201
                raise


async def test_most_operations_are_compiled() -> None:
    before = counts.copy()
    await check(SEED)
    assert counts["compiled"] > before["compiled"]
    assert counts["stock"] == before["stock"]
