"""Trusted documents, as far as a process has to know them.

It knows all ids, and so an unknown one costs no statement of its own: all ids are read again then, once a
second at most, however many such requests come. Texts are read when they are asked for, and kept.
"""

import asyncio
import hashlib
import math
import re
import time

from db import documents
from db.engine import Database
from gql.execution import Kept

_PREFIX = "sha256:"
_HASH = re.compile(r"[0-9a-f]{64}")
# As the proposal for GraphQL over HTTP has them: reserved prefixes other than that one mean nothing yet.
_ID = re.compile(r"(?:x-[A-Za-z0-9._~-]+:)?[A-Za-z0-9._~-]+")

_FRESH = 30  # Seconds after which a document that was removed is not known any more.
_PAUSE = 1  # Seconds after which one that was added is, at the latest.
_MOST = 4096
_ROOM = 2**23  # Characters of texts.


def plain_id(identifier: str) -> str | None:
    """An id as it is kept, which is without `sha256:`; None where it cannot be one."""
    if identifier.startswith(_PREFIX):
        identifier = identifier.removeprefix(_PREFIX)
        return identifier if is_hash(identifier) else None
    fits = len(identifier) <= documents.LONGEST_ID and _ID.fullmatch(identifier)
    return identifier if fits else None


def is_hash(identifier: str) -> bool:
    return _HASH.fullmatch(identifier) is not None


def hash_of(text: str) -> str:
    """The SHA-256 of a document, by which GraphQL over HTTP and Apollo know it."""
    return hashlib.sha256(text.encode()).hexdigest()


class Trusted:
    """The documents in the database. To ask for one may raise DatabaseUnavailableError."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._hashes: dict[str, str] | None = None  # By the ids.
        self._texts: Kept[str] = Kept(_MOST, _ROOM, _ROOM)
        self._reading: asyncio.Task[None] | None = None
        self._read_at = -math.inf

    async def text(self, identifier: str) -> str | None:
        """A document by one of its ids; None where there is none."""
        hash_ = await self._hash(identifier)
        if hash_ is None:
            return None
        text = self._texts.get(hash_)
        if text is None:
            text = await documents.text_of(self._database, hash_)
            if text is not None:
                self._texts.put(hash_, text, len(text))
        return text

    async def has(self, text: str) -> bool:
        return await self._hash(hash_of(text)) is not None

    async def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})

    async def _hash(self, identifier: str) -> str | None:
        known = self._hashes.get(identifier) if self._hashes else None
        age = time.monotonic() - self._read_at
        if age > (_FRESH if known else _PAUSE):
            # Who waits may go away, and the others wait on.
            await asyncio.shield(self._read_again())
            known = self._hashes.get(identifier) if self._hashes else None
        return known

    def _read_again(self) -> "asyncio.Task[None]":
        """One reading at a time is for all who wait."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
            # It may be that nobody waits: then an absent database is for the next one to find out.
            self._reading.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._reading

    async def _read(self) -> None:
        begun_at = time.monotonic()
        self._hashes = await documents.hashes(self._database)
        self._read_at = begun_at
