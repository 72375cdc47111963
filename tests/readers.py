"""Readers who know the right answer, and count what they get instead of it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

QUERY = "query ($id: ID!) {node(id: $id) {id ... on Post {title author {posts {totalCount}}}}}"


class Readers:
    """Several at once, who read the same all the time."""

    def __init__(self, address: str, post_id: str) -> None:
        self._client = httpx.AsyncClient(base_url=address, timeout=30)
        self._body = {"query": QUERY, "variables": {"id": post_id}}
        self._right: Any = None
        self._answers, self._refusals = asyncio.Semaphore(0), asyncio.Semaphore(0)
        self.counts: Counter[str] = Counter()

    async def answers(self, number: int) -> None:
        """Wait until so many more were answered."""
        for _ in range(number):
            await asyncio.wait_for(self._answers.acquire(), 60)

    async def refusals(self, number: int) -> None:
        """Wait until so many more were answered with 503."""
        for _ in range(number):
            await asyncio.wait_for(self._refusals.acquire(), 60)

    async def read(self) -> None:
        try:
            response = await self._client.post("/graphql", json=self._body)
        except httpx.TransportError:
            self.counts["unanswered"] += 1
            await asyncio.sleep(0.1)
            return
        answer = response.json()
        if response.status_code == 503:
            assert "retry-after" in response.headers
            self.counts["unavailable"] += 1
            self._refusals.release()
            await asyncio.sleep(0.1)
            return
        self._right = self._right or answer
        self.counts["right" if answer == self._right else "wrong"] += 1
        self._answers.release()

    async def read_on(self) -> None:
        while True:
            await self.read()


@asynccontextmanager
async def reading_at(address: str, post_id: str, number: int = 4) -> AsyncIterator[Readers]:
    """So many read all the time."""
    readers = Readers(address, post_id)
    async with readers._client:
        await readers.read()
        assert readers.counts == {"right": 1}
        tasks = [asyncio.create_task(readers.read_on()) for _ in range(number)]
        try:
            yield readers
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(error) for error in ended} == {asyncio.CancelledError}
