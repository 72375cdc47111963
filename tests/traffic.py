"""Reads and writes all the time, while something goes wrong, and what became of them."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from tests.readers import Readers, reading_at
from tests.server import Server
from tests.writers import Writers, figures, writing

BETWEEN = 30  # Mutations that are acknowledged before a fault, and after it.
TWO = ("gql", "serve", "--workers", "2")

logger = logging.getLogger(__name__)


@asynccontextmanager
async def traffic(server: Server, url: str) -> AsyncIterator[tuple[Writers, Readers]]:
    """Reads and writes, all the time, and some have succeeded."""
    async with (
        writing(server.address, url) as writers,
        reading_at(server.address, writers.post_id) as readers,
    ):
        await writers.acknowledgements(BETWEEN)
        yield writers, readers


async def recovery(writers: Writers, readers: Readers) -> dict[str, float]:
    """How many seconds from now on until each is answered again, and that it goes on."""
    since = time.monotonic()

    def written() -> int:
        return len(writers.acknowledged)

    def read() -> int:
        return readers.counts["right"]

    async def seconds(count: Callable[[], int], more: int) -> float:
        wanted = count() + more
        while count() < wanted:
            assert time.monotonic() < since + 60
            await asyncio.sleep(0.005)
        return round(time.monotonic() - since, 2)

    reads, writes = await asyncio.gather(seconds(read, 1), seconds(written, 1))
    await asyncio.gather(seconds(read, BETWEEN), seconds(written, BETWEEN))
    return {"seconds to read again": reads, "seconds to write again": writes}


async def assert_kept(url: str, writers: Writers, readers: Readers, **more: Any) -> None:
    """Report the figures, and hold them to the promise: nothing wrong, nothing lost, nothing done twice."""
    found = await figures(url, writers.acknowledged)
    failed = {"unavailable": writers.unavailable, "unanswered": writers.unanswered}
    logger.info("writes %s, reads %s, %s", found | failed, dict(readers.counts), more)
    assert found == dict.fromkeys(found, 0) | {"acknowledged": len(writers.acknowledged)}
    assert readers.counts["wrong"] == 0
