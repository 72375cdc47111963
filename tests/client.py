"""A client as front ends are: GraphQL over HTTP."""

from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import httpx
from fastapi import FastAPI

from db.engine import Database
from db.models import Session, User
from gql.schema import schema
from gql.tokens import Claims
from tests.sent import Sent, sent


class Client:
    """Sends operations to an application, and counts the statements that it sends to the database."""

    def __init__(self, app: FastAPI, **headers: str) -> None:
        self.app = app
        self.database: Database = app.state.database
        # An unexpected exception is the test's failure, not a response of 500.
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://gazette", headers=headers
        )

    async def __aenter__(self) -> Self:
        self._stack = AsyncExitStack()
        await self._stack.enter_async_context(self.app.router.lifespan_context(self.app))
        await self._stack.enter_async_context(self.http)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def viewing(self, user: User) -> "Client":
        """The same application for somebody who is logged in; it is closed with this one."""
        session = Session(
            owner_id=user.id, user_agent="test", expires_at=datetime.now(UTC) + timedelta(days=1)
        )
        async with self.database.writing() as writing:
            writing.add(session)
        token = self.app.state.accounts.tokens.access(Claims(user.id, session.id))
        client = Client(self.app, Authorization=f"Bearer {token}")
        await self._stack.enter_async_context(client.http)
        client._stack = self._stack
        return client

    async def mutate(self, name: str, selection: str = "", /, **given: Any) -> dict[str, Any]:
        """The payload of a mutation; its user errors are its codes with their paths."""
        field = schema._schema.mutation_type.fields[name]  # type: ignore[union-attr]
        kind = field.args["input"].type
        document = (
            f"mutation ($input: {kind}) {{{name}(input: $input) {{{selection} userErrors {{code path}}}}}}"
        )
        data = await self.data(document, {"input": given})
        payload: dict[str, Any] = data[name]
        payload["userErrors"] = [
            (error["code"], ".".join(error["path"][1:])) for error in payload["userErrors"]
        ]
        return payload

    async def send(self, query: str, variables: dict[str, Any] | None = None, **more: Any) -> httpx.Response:
        return await self.http.post("/graphql", json={"query": query, "variables": variables, **more})

    async def execute(
        self, query: str, variables: dict[str, Any] | None = None, **more: Any
    ) -> dict[str, Any]:
        """The response's body, whatever is in it."""
        body: dict[str, Any] = (await self.send(query, variables, **more)).json()
        return body

    async def data(self, query: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        """The data of an operation that has to succeed."""
        body = await self.execute(query, variables)
        assert "errors" not in body, body["errors"]
        data: dict[str, Any] = body["data"]
        return data

    async def codes(self, query: str, variables: dict[str, Any] | None = None) -> set[str]:
        """The codes of an operation's errors; none when it succeeds."""
        body = await self.execute(query, variables)
        return {error["extensions"]["code"] for error in body.get("errors", [])}

    @contextmanager
    def statements(self) -> Iterator[list[Sent]]:
        """What is sent to the database's read lane meanwhile."""
        with sent(self.database) as found:
            yield found
