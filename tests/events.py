"""A client of streams of Server-Sent Events."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import orjson

from tests.sockets import PATIENCE

EVENTS = {"Accept": "text/event-stream"}
COMPLETE = {"event": "complete", "data": ""}


class Stream:
    """A stream's events, as they come."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._chunks = response.aiter_bytes()
        self._text = b""

    async def block(self) -> bytes | None:
        """What comes until the next empty line; None at the end."""
        while b"\n\n" not in self._text:
            try:
                self._text += await asyncio.wait_for(anext(self._chunks), PATIENCE)
            except StopAsyncIteration:
                assert self._text == b""
                return None
        block, _, self._text = self._text.partition(b"\n\n")
        return block

    async def event(self) -> dict[str, str] | None:
        """The next event; None at the end. Comments are left out."""
        while (block := await self.block()) is not None:
            assert b"\r" not in block
            fields = [line.partition(":") for line in block.decode().split("\n")]
            if event := {name: value.removeprefix(" ") for name, _, value in fields if name}:
                return event
        return None

    async def result(self) -> Any:
        event = await self.event()
        assert event is not None
        assert event["event"] == "next"
        return orjson.loads(event["data"])


@asynccontextmanager
async def stream(
    http: httpx.AsyncClient,
    query: str = "subscription {x}",
    method: str = "POST",
    variables: dict[str, Any] | None = None,
    **headers: str,
) -> AsyncIterator[Stream]:
    headers = {**EVENTS, **{name.replace("_", "-"): value for name, value in headers.items()}}
    body = {"query": query, **({"variables": variables} if variables else {})}
    given: Any = {"json": body} if method == "POST" else {"params": body}
    async with http.stream(method, "/graphql", headers=headers, **given) as response:
        yield Stream(response)
