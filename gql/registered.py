"""Apollo's automatic persisted queries: documents that any client may register, so as to send a hash later.

They are a cache and no more, in this process and, with Redis, for others: whoever asks for one that is gone
sends it again.
"""

from contextlib import suppress

from gql.execution import Kept
from gql.shared import AwayError, Shared

_MOST = 4096
_LONGEST = 2**17  # Characters; longer ones are sent in full each time.
_ROOM = 2**22  # Characters of all, those that were used last.
_SECONDS = 24 * 3600  # After which what nobody uses is gone from Redis.

# Texts by their hashes, with the length of all; and when each was used last, counted in uses.
_KEYS = ("{gazette:documents}:texts", "{gazette:documents}:uses")
_USED = """
local function used(hash)
  redis.call('ZADD', KEYS[2], redis.call('HINCRBY', KEYS[1], 'uses', 1), hash)
  for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, ARGV[1]) end
end
"""
_GET = f"""{_USED}
local text = redis.call('HGET', KEYS[1], ARGV[2])
if text then used(ARGV[2]) end
return text
"""
_PUT = f"""{_USED}
local hash, text, room, most = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
if redis.call('HSETNX', KEYS[1], hash, text) == 1 then
  redis.call('HINCRBY', KEYS[1], 'length', #text)
end
used(hash)
while tonumber(redis.call('HGET', KEYS[1], 'length')) > room or redis.call('ZCARD', KEYS[2]) > most do
  local oldest = redis.call('ZPOPMIN', KEYS[2])[1]
  redis.call('HINCRBY', KEYS[1], 'length', -redis.call('HSTRLEN', KEYS[1], oldest))
  redis.call('HDEL', KEYS[1], oldest)
end
"""


class Registered:
    """Documents by the SHA-256 of their texts, whose keeping nobody relies on."""

    def __init__(self, redis_url: str = "") -> None:
        self._memory: Kept[str] = Kept(_MOST, _LONGEST, _ROOM)
        without = "registered documents are kept by each process for itself"
        self._shared = Shared(redis_url, without) if redis_url else None

    async def text(self, hash_: str) -> str | None:
        text = self._memory.get(hash_)
        if text is None and self._shared:
            with suppress(AwayError):
                found = await self._shared.run(_GET, _KEYS, _SECONDS, hash_)
                if found is not None:
                    text = found.decode()
                    self._memory.put(hash_, text, len(text))
        return text

    async def keep(self, hash_: str, text: str) -> None:
        """Whoever calls it has looked at the hash, and at what limits there are."""
        self._memory.put(hash_, text, len(text))
        if self._shared and len(text) <= _LONGEST:
            with suppress(AwayError):
                await self._shared.run(_PUT, _KEYS, _SECONDS, hash_, text, _ROOM, _MOST)

    async def close(self) -> None:
        if self._shared:
            await self._shared.close()
