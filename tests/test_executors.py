"""What compares the executors in all other tests notices a difference."""

from typing import Any

import pytest

from gql.execution.strawberry import StrawberryExecutor
from tests import factories
from tests.acting import data_as
from tests.client import Client
from tests.executors import alone, compared
from tests.queries import FEED

pytestmark = pytest.mark.anyio


async def test_queries_are_compared(client: Client) -> None:
    await factories.save(client.database, factories.post(factories.user()))
    before = compared["queries"]
    with client.statements() as sent:
        await client.data(FEED)
    assert compared["queries"] == before + 1
    with client.statements() as sent_again:
        token = alone.set(True)
        await data_as(None, client, FEED)
        alone.reset(token)
    assert compared["queries"] == before + 1
    assert len(sent) == len(sent_again)


async def test_a_difference_fails_the_test(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = StrawberryExecutor.build_response

    def other_order(self: StrawberryExecutor, data: Any) -> Any:
        return answer(self, dict(reversed(data.items())))

    monkeypatch.setattr(StrawberryExecutor, "build_response", other_order)
    await client.data("{posts {totalCount}}")
    with pytest.raises(AssertionError):
        await client.data("{a: posts {totalCount} b: posts {totalCount}}")


async def test_mutations_and_what_is_refused_are_not_compared(client: Client) -> None:
    before = compared["queries"]
    await client.execute("mutation {__typename}")
    await client.execute("{nothing}")
    await client.execute("{")
    assert compared["queries"] == before
