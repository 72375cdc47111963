"""Trusted documents: what our own front ends ask, kept under the ids by which they ask for it."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import Dialect, ForeignKey, String, bindparam, delete, literal, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from db import read
from db.base import Base
from db.engine import Database
from db.statements import SHAPES, Statement
from db.types import now
from db.write import insert_missing

LONGEST_ID = 128

_HASH = String(64)
# SQLite takes some 32,000 parameters in a statement, PostgreSQL twice as many.
_AT_ONCE = 1000


class TrustedDocument(Base):
    """A document, by the SHA-256 of its text."""

    __tablename__ = "trusted_documents"

    hash: Mapped[str] = mapped_column(_HASH, primary_key=True)
    text: Mapped[str]
    added_at: Mapped[datetime] = mapped_column(server_default=now())


class DocumentId(Base):
    """Another id of a document: tools also name them by MD5, by SHA-1, or as somebody likes."""

    __tablename__ = "document_ids"

    id: Mapped[str] = mapped_column(String(LONGEST_ID), primary_key=True)
    hash: Mapped[str] = mapped_column(ForeignKey("trusted_documents.hash", ondelete="CASCADE"), index=True)


class Stored(NamedTuple):
    """A document as it is listed."""

    hash: str
    text: str
    added_at: datetime
    other_ids: list[str]


class IdTakenError(Exception):
    """An id is that of another document already; `args` has the id."""


async def hashes(database: Database) -> dict[str, str]:
    """The hash of each document by each of its ids, of which it is one."""
    ids, found = await read.run(database, _hashes(database.dialect), {})
    return dict(zip(ids, found, strict=True))


async def text_of(database: Database, hash_: str) -> str | None:
    """A document's text, None where it is not there, or not any more."""
    (texts,) = await read.run(database, _text(database.dialect), {"hash": hash_})
    return next(iter(texts), None)


@lru_cache(maxsize=SHAPES)
def _hashes(dialect: Dialect) -> Statement:
    own = select(TrustedDocument.hash.label("id"), TrustedDocument.hash)
    both = union_all(own, select(DocumentId.id, DocumentId.hash)).subquery()
    return Statement(select(both.c.id, both.c.hash), dialect)


@lru_cache(maxsize=SHAPES)
def _text(dialect: Dialect) -> Statement:
    return Statement(select(TrustedDocument.text).where(TrustedDocument.hash == bindparam("hash")), dialect)


async def stored(database: Database) -> list[Stored]:
    """All documents, those that were added last at the end."""
    documents = select(TrustedDocument.hash, TrustedDocument.text, TrustedDocument.added_at)
    ordered = documents.order_by(TrustedDocument.added_at, TrustedDocument.hash)
    rows = await read.fetch(database, ordered)
    found = {hash_: Stored(hash_, text, added_at, []) for hash_, text, added_at in rows}
    for other in await read.fetch(database, select(DocumentId.hash, DocumentId.id).order_by(DocumentId.id)):
        if other.hash in found:
            found[other.hash].other_ids.append(other.id)
    return list(found.values())


async def add(session: AsyncSession, texts: Mapping[str, str], ids: Mapping[str, str]) -> int:
    """Add texts by their hashes, and other ids of hashes; how many texts there were not yet.

    Raises IdTakenError. What is there stays: an old client goes on to mean by an id what it always did.
    """
    added = 0
    rows = [{"hash": hash_, "text": text} for hash_, text in texts.items()]
    for start in range(0, len(rows), _AT_ONCE):
        added += len(await insert_missing(session, TrustedDocument, rows[start : start + _AT_ONCE]))
    named = [{"id": id_, "hash": hash_} for id_, hash_ in ids.items()]
    for start in range(0, len(named), _AT_ONCE):
        part = named[start : start + _AT_ONCE]
        await insert_missing(session, DocumentId, part)
        meant = select(DocumentId.id, DocumentId.hash).where(DocumentId.id.in_([row["id"] for row in part]))
        for row in await session.execute(meant):
            if ids[row.id] != row.hash:
                raise IdTakenError(row.id)
    return added


async def remove(session: AsyncSession, id_: str) -> bool:
    """Remove the document of an id, with its other ids; whether there was one."""
    meant = select(DocumentId.hash).where(DocumentId.id == id_)
    statement = delete(TrustedDocument).where(
        or_(TrustedDocument.hash == id_, TrustedDocument.hash.in_(meant))
    )
    return bool((await session.execute(statement.returning(literal(1)))).all())
