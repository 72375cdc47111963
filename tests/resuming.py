"""Subscribers of real servers, who come back wherever their connection ends, after what they have got."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import orjson
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Subprotocol

from tests.sockets import PROTOCOL, Socket

_PAUSE = 0.1  # Seconds before somebody who was sent away comes back.


class Subscriber:
    """One subscription, at the first of the addresses until that ends, and then at the next one.

    `told` is all that it was told, and `ends` how its connections ended: with a code, with `complete` or
    `error`, with `ended` (a stream), or without a word, which is None.
    """

    def __init__(self, document: str, variables: dict[str, Any], addresses: Sequence[str]) -> None:
        self.told: list[dict[str, Any]] = []
        self.ends: list[Any] = []
        self._document = document
        self._variables = variables
        self._addresses = addresses

    async def follow(self) -> None:
        for address in itertools.cycle(self._addresses):
            try:
                self.ends.append(await self._follow(address))
            except ConnectionClosed as closed:
                self.ends.append(closed.rcvd and closed.rcvd.code)
            except (OSError, WebSocketException, httpx.HTTPError):
                self.ends.append(None)
            await asyncio.sleep(_PAUSE)

    async def _follow(self, address: str) -> str | None:
        raise NotImplementedError

    @property
    def _after(self) -> str | None:
        return self.told[-1]["eventId"] if self.told else None

    def _take(self, result: dict[str, Any]) -> None:
        assert "errors" not in result, result
        ((_, event),) = result["data"].items()
        self.told.append(event)


class BySocket(Subscriber):
    def __init__(self, *arguments: Any, authorization: str | None = None) -> None:
        super().__init__(*arguments)
        self._authorization = authorization

    async def _follow(self, address: str) -> str | None:
        async with connect(
            f"{address.replace('http', 'ws', 1)}/graphql", subprotocols=[Subprotocol(PROTOCOL)], proxy=None
        ) as connection:
            socket = Socket(connection)
            await socket.begin({"authorization": self._authorization})
            variables = {**self._variables, "after": self._after}
            await socket.subscribe("1", self._document, variables=variables)
            while (message := orjson.loads(await connection.recv()))["type"] == "next":
                self._take(message["payload"])
            return str(message["type"])


class ByStream(Subscriber):
    async def _follow(self, address: str) -> str | None:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": self._after} if self._after else {})
        given = {"query": self._document, "variables": self._variables}
        async with (
            httpx.AsyncClient(timeout=None, trust_env=False) as client,  # noqa: S113 # Events come when they come.
            client.stream("POST", f"{address}/graphql", json=given, headers=headers) as response,
        ):
            response.raise_for_status()
            async for line in response.aiter_lines():
                if line.startswith("data: {"):
                    self._take(orjson.loads(line.removeprefix("data: ")))
                elif line == "event: complete":
                    return "complete"
        return "ended"


@asynccontextmanager
async def following(*subscribers: Subscriber) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(subscriber.follow()) for subscriber in subscribers]
    try:
        yield
        # One that has failed has told why.
        for task in tasks:
            assert not task.done(), task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
