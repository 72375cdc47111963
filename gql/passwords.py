"""Passwords: which are good enough, and their hashes."""

import asyncio
from collections.abc import Callable
from importlib.resources import files
from typing import TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from db.text import normal
from gql.errors import UnavailableError

T = TypeVar("T")

SHORTEST = 10
LONGEST = 128
_MOST_WAITING = 100

_COMMON = frozenset(files("gql").joinpath("common_passwords.txt").read_text("utf-8").splitlines())
# The least that OWASP recommends: 19 MiB, two passes, one lane.
_HASH = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19456, parallelism=1),))
# What is compared where there is no account, so that it takes as long.
_NOBODY = _HASH.hash("nobody has this password")


def weakness(password: str, *names: str) -> str | None:
    """Why this password is refused, or None. The names are what everybody would try: username and address."""
    if not SHORTEST <= len(_normal(password)) <= LONGEST:
        return f"A password has {SHORTEST} to {LONGEST} characters."
    folded = password.casefold()
    if folded in _COMMON or len(set(folded)) < 4:
        return "This password is one of the first that are tried."
    if folded in {name.casefold() for name in names} | {name.partition("@")[0].casefold() for name in names}:
        return "A password cannot be the name or the address."
    return None


class Passwords:
    """Hashes and verifies in threads, a few at a time: one takes a core for some 50 ms, and 19 MiB."""

    def __init__(self, threads: int) -> None:
        self._threads = asyncio.Semaphore(threads)
        self._waiting = 0

    async def hash(self, password: str) -> str:
        return await self._run(_HASH.hash, _normal(password))

    async def verify(self, password: str, password_hash: str | None) -> tuple[bool, str | None]:
        """Whether it is right, and a new hash where the old one has weaker parameters than are used now.

        Where there is no hash, or one that nothing matches, it takes as long and is wrong.
        """
        is_right, new_hash = await self._run(
            _HASH.verify_and_update, _normal(password), password_hash or _NOBODY
        )
        return (is_right, new_hash) if password_hash else (False, None)

    async def _run(self, function: Callable[..., T], *arguments: str) -> T:
        if self._waiting >= _MOST_WAITING:
            raise UnavailableError("Too many people log in right now; try again.")
        self._waiting += 1
        try:
            async with self._threads:
                return await asyncio.to_thread(function, *arguments)
        finally:
            self._waiting -= 1


def _normal(password: str) -> str:
    """Keyboards differ in how they compose an accent. What is longer than any password stays too long."""
    return normal(password)[: LONGEST + 1]
