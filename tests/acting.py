"""Operations on behalf of somebody."""

from typing import Any

from gql.context import Context
from gql.policy import Viewer
from gql.schema import schema
from tests.client import Client


async def execute_as(
    viewer: Viewer | None, client: Client, document: str, variables: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The response's body. Nobody sends the operation over HTTP; for a viewer the schema is asked."""
    if viewer is None:
        return await client.execute(document, variables)
    context = Context(client.database, viewer)
    result = await schema.execute(document, variables, context_value=context)
    await context.close()
    return {"data": result.data} | ({"errors": result.errors} if result.errors else {})


async def data_as(
    viewer: Viewer | None, client: Client, document: str, variables: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The data of an operation that has to succeed."""
    body = await execute_as(viewer, client, document, variables)
    assert "errors" not in body, body["errors"]
    data: dict[str, Any] = body["data"]
    return data
