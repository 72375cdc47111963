"""Counts what an attacker would repeat, in this process or, with Redis, together with others."""

import hashlib
import time
from ipaddress import IPv6Address, ip_address
from typing import Any

from limits import RateLimitItemPerHour, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.errors import StorageError

from gql.errors import UnavailableError

_MINUTES = 15
_MAILS_AN_HOUR = 5
_SWEEP = 60  # Seconds.
_PATIENCE = 1  # Seconds for Redis, without which nobody gets in: better to say so than to hang.


class _Memory(MemoryStorage):
    """The library's, which looks through all that is counted with each attempt: once a minute does.

    Otherwise strangers could make it long, by asking for mails to invented addresses, and each attempt slow.
    """

    _swept = 0.0

    async def _MemoryStorage__schedule_expiry(self) -> None:  # noqa: N802 # The library's own name, mangled.
        if time.monotonic() - self._swept >= _SWEEP:
            self._swept = time.monotonic()
            await super()._MemoryStorage__schedule_expiry()  # type: ignore[misc]


class TooManyAttemptsError(Exception):
    """Nothing more is tried for a while."""


class Attempts:
    """Failed log-ins of an account or an address, sign-ups from one, and mails to one, in moving windows."""

    def __init__(self, redis_url: str, *, account: int, address: int, sign_ups: int) -> None:
        self._storage = (
            RedisStorage(
                f"async+{redis_url}",
                wrap_exceptions=True,
                implementation="redispy",
                socket_timeout=_PATIENCE,
                socket_connect_timeout=_PATIENCE,
            )
            if redis_url
            else _Memory()
        )
        self._limiter = MovingWindowRateLimiter(self._storage)
        self._account = RateLimitItemPerMinute(account, _MINUTES, "account")
        self._address = RateLimitItemPerMinute(address, _MINUTES, "address")
        self._sign_ups = RateLimitItemPerHour(sign_ups, 1, "sign-up")

    async def begin(self, account: str, address: str) -> None:
        """Before a password is verified; raises TooManyAttemptsError.

        An account's attempt is counted before its outcome is known, because any number may come at once.
        """
        try:
            if not await self._limiter.test(self._address, network(address)):
                raise TooManyAttemptsError
            if not await self._limiter.hit(self._account, hashed(account)):
                raise TooManyAttemptsError
        except StorageError as error:
            raise UnavailableError("Nobody can log in right now; try again.") from error

    async def end(self, account: str, address: str, *, succeeded: bool) -> None:
        try:
            if succeeded:
                await self.forgive(account)
            else:
                await self._limiter.hit(self._address, network(address))
        except StorageError as error:
            raise UnavailableError("Nobody can log in right now; try again.") from error

    async def forgive(self, account: str) -> None:
        """Forget an account's failures, whose owner has proved who it is."""
        try:
            await self._limiter.clear(self._account, hashed(account))
        except StorageError as error:
            raise UnavailableError("Nobody can log in right now; try again.") from error

    async def may_sign_up(self, address: str) -> bool:
        """Whether somebody at this address may try to make one account more."""
        try:
            return await self._limiter.hit(self._sign_ups, network(address))
        except StorageError as error:
            raise UnavailableError("Nobody can sign up right now; try again.") from error

    async def may_mail(self, email: str, purpose: str) -> bool:
        """Whether this address may get one mail more that a stranger asked for, of this kind."""
        try:
            return await self._limiter.hit(RateLimitItemPerHour(_MAILS_AN_HOUR, 1, purpose), hashed(email))
        except StorageError as error:
            raise UnavailableError("No mail can be sent right now; try again.") from error

    async def close(self) -> None:
        if isinstance(self._storage, RedisStorage):
            bridge: Any = self._storage.bridge  # What all of them have their common base leaves out.
            await bridge.get_connection().aclose()


def hashed(text: str) -> str:
    """Of one length whatever was sent, and nothing to read in Redis."""
    return hashlib.sha256(text.encode()).hexdigest()


def network(address: str) -> str:
    """As it is counted: who has one IPv6 address has the 2^64 of its network."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return hashed(address)
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        # A server that listens on both sees all of IPv4 in one such network.
        parsed = parsed.ipv4_mapped
    return hashed(parsed.packed[:8].hex())
