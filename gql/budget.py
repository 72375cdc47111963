"""What each viewer may spend: nodes, which come back over time, all of them in so many seconds.

It is counted in this process or, with Redis, together with others: there in one round trip, by a script that
nothing else runs between. While Redis is away each process counts for itself, and everybody is served.
"""

import math
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from gql.errors import BudgetExhaustedError
from gql.shared import AwayError, Shared

# Who was not here for the longest time has the whole budget again when another one comes.
_MOST_PAYERS = 50_000

# The time is that of Redis, because processes differ. An unused budget is as good as none, and expires.
_SCRIPT = """
local nodes, seconds, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local held = redis.call('HMGET', KEYS[1], 'left', 'at')
local left, at = tonumber(held[1]) or nodes, tonumber(held[2]) or now
left = math.min(nodes, left + math.max(0, now - at) * nodes / seconds)
local granted = cost <= left
if granted then left = left - cost end
redis.call('HSET', KEYS[1], 'left', string.format('%.6f', left), 'at', string.format('%.6f', now))
redis.call('EXPIRE', KEYS[1], math.ceil((nodes - left) * seconds / nodes) + 1)
return {granted and 1 or 0, string.format('%.6f', left)}
"""


class Spent(NamedTuple):
    """What an operation cost its viewer, and what is left, in nodes."""

    requested: int
    limit: int
    remaining: int
    reset_at: datetime

    @property
    def extensions(self) -> dict[str, Any]:
        """As a response has it."""
        cost = {
            "requested": self.requested,
            "limit": self.limit,
            "remaining": self.remaining,
            "resetAt": f"{self.reset_at:%Y-%m-%dT%H:%M:%SZ}",
        }
        return {"cost": cost}


class Budget:
    """So many nodes for each viewer, all of which come back in so many seconds."""

    def __init__(self, nodes: int, seconds: int, redis_url: str = "") -> None:
        self._nodes, self._seconds = nodes, seconds
        self._memory = _Memory(nodes, seconds)
        without = "budgets are counted by each process for itself"
        self._shared = Shared(redis_url, without) if redis_url else None

    async def spend(self, payer: str, cost: int) -> Spent:
        """Raises BudgetExhaustedError where less is left; then nothing is spent."""
        granted, left = await self._take(payer, cost)
        second = self._seconds / self._nodes
        # The next full second, to be true when it comes.
        full_at = datetime.now(UTC) + timedelta(seconds=(self._nodes - left) * second + 1)
        spent = Spent(cost, self._nodes, int(left), full_at)
        if not granted:
            raise BudgetExhaustedError(
                f"This costs {cost:,} nodes, and {int(left):,} are left for now.",
                retry_after=math.ceil((cost - left) * second),
                more=spent.extensions,
            )
        return spent

    async def close(self) -> None:
        if self._shared:
            await self._shared.close()

    async def _take(self, payer: str, cost: int) -> tuple[bool, float]:
        if self._shared:
            with suppress(AwayError):
                key, given = f"gazette:budget:{payer}", (self._nodes, self._seconds, cost)
                granted, left = await self._shared.run(_SCRIPT, [key], *given)
                return bool(granted), float(left)
        return self._memory.take(payer, cost)


class _Memory:
    """As the script does it."""

    def __init__(self, nodes: int, seconds: int) -> None:
        self._nodes = nodes
        self._each_second = nodes / seconds
        # What is left, and since when; the first is who was not here for the longest time.
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, payer: str, cost: int) -> tuple[bool, float]:
        now = time.monotonic()
        left, at = self._left.pop(payer, (self._nodes, now))
        left = min(self._nodes, left + (now - at) * self._each_second)
        granted = cost <= left
        if granted:
            left -= cost
        self._left[payer] = left, now
        if len(self._left) > _MOST_PAYERS:
            del self._left[next(iter(self._left))]
        return granted, left
