"""What tests of limits have in common, and settings for tests that ask for more than a front end does."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.client import Client

_NAMES = ("document", "token", "selection", "depth", "alias", "root_field", "directive", "cost")

UNLIMITED: dict[str, Any] = {
    **{f"{name}_limit": 10**12 for name in _NAMES},
    "deadline": 600,
    "statement_seconds": 0,
}
"""Arguments of Settings."""

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"


@contextmanager
def nothing_read(client: Client) -> Iterator[None]:
    with client.statements() as statements:
        yield
    assert statements == []


async def assert_refused(client: Client, document: str, message: str) -> None:
    for accept, status in ((JSON, 200), (GRAPHQL, 400)):
        with nothing_read(client):
            response = await client.http.post(
                "/graphql", json={"query": document}, headers={"Accept": accept}
            )
        assert response.status_code == status
        assert response.json() == {"errors": [{"message": message, "extensions": {"code": "LIMIT_EXCEEDED"}}]}
