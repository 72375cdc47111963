"""Passwords: which are good enough, and their hashes."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from typing import TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from db.text import fold, normal
from gql.errors import UnavailableError
from gql.places import left

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
    folded = fold(password)
    if folded in _COMMON or len(set(folded)) < 4:
        return "This password is one of the first that are tried."
    if folded in {fold(part) for name in names for part in (name, name.partition("@")[0])}:
        return "A password cannot be the name or the address."
    return None


class Passwords:
    """Hashes and verifies a few at a time: one takes a core for some 50 ms, and 19 MiB."""

    def __init__(self, threads: int) -> None:
        # Of its own: a client that leaves stops nobody's thread, and must not make room for one more of them.
        self._threads = ThreadPoolExecutor(threads, "password")
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
        # Waiting here the operation needs no place: a burst of log-ins is not to keep everybody from reading.
        async with left():
            self._waiting += 1
            try:
                return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)
            finally:
                self._waiting -= 1


def _normal(password: str) -> str:
    """Keyboards differ in how they compose an accent. What is longer than any password stays too long."""
    return normal(password)[: LONGEST + 1]
