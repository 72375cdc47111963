"""What processes have in common in Redis, as long as it is there."""

import logging
import time
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

logger = logging.getLogger("gazette")

_PATIENCE = 0.2  # Seconds for Redis.
_REST = 5  # Seconds for which Redis is not asked after it was away.


class AwayError(Exception):
    """Redis does not answer, or did not a moment ago."""


class Shared:
    """Runs scripts in Redis: each is one round trip, and nothing else runs between its commands."""

    def __init__(self, url: str, without: str) -> None:
        """`without` is for the log: what is so while Redis is away."""
        self._redis = Redis.from_url(
            url,
            socket_timeout=_PATIENCE,
            socket_connect_timeout=_PATIENCE,
            retry=Retry(NoBackoff(), 0),
        )
        self._without = without
        self._scripts: dict[str, Any] = {}
        self._asks_again = 0.0

    async def run(self, script: str, keys: Sequence[str], *arguments: Any) -> Any:
        """Raises AwayError."""
        if time.monotonic() < self._asks_again:
            raise AwayError
        found = self._scripts.get(script)
        if found is None:
            found = self._scripts[script] = self._redis.register_script(script)
        try:
            return await found(keys=keys, args=arguments)
        except (RedisError, OSError) as error:
            now = time.monotonic()
            if now >= self._asks_again:
                logger.warning("%s, without Redis: %s", self._without, error)
            self._asks_again = now + _REST
            raise AwayError from error

    async def close(self) -> None:
        await self._redis.aclose()
