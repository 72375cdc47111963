"""What nobody needs any more, removed in small transactions, beside servers that run."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, delete, or_, select, tuple_

from db.accounts import IdempotencyKey, MailedToken, RefreshToken
from db.base import Base
from db.engine import Database, DatabaseSettings
from db.models import Session
from db.transactions import Session as Transaction
from db.write import transaction
from gql.idempotency import KEPT
from gql.tokens import SESSION_LIFETIME, now

# Rows that are looked for at once, and of these, rows that one transaction removes.
_FOUND = 10_000
_BATCH = 500
_PAUSE = 0.02  # Seconds between two transactions: on SQLite others may want to write.

Condition = ColumnElement[bool]


async def tidy(settings: DatabaseSettings) -> dict[str, int]:
    """How many rows were removed, by what they were."""
    database = Database(settings)
    try:
        return {name: await _remove(database, model, is_over) for name, model, is_over in _unneeded(now())}
    finally:
        await database.dispose()


def _unneeded(at: datetime) -> list[tuple[str, type[Base], Condition]]:
    """Tokens before sessions: a session's end would remove all of its tokens in one transaction.

    A used token that comes back ends its session, so it is known for as long as a client may think that it is
    good: nobody who comes back in time is to be told less than that there is a thief.
    """
    ended = select(Session.id).where(Session.expires_at <= at)
    used = RefreshToken.used_at < at - SESSION_LIFETIME
    return [
        ("refresh tokens", RefreshToken, or_(used, RefreshToken.session_id.in_(ended))),
        ("sessions", Session, Session.expires_at <= at),
        ("mailed tokens", MailedToken, MailedToken.expires_at <= at),
        ("idempotency keys", IdempotencyKey, IdempotencyKey.created_at < at - KEPT),
    ]


async def _remove(database: Database, model: type[Base], is_over: Condition) -> int:
    removed = 0
    key = model.__table__.primary_key
    while True:
        async with database.reading() as connection:
            found = (await connection.execute(select(*key).where(is_over).limit(_FOUND))).all()
        before = removed
        for start in range(0, len(found), _BATCH):
            removed += await _remove_batch(database, model, is_over, found[start : start + _BATCH])
            await asyncio.sleep(_PAUSE)
        if len(found) < _FOUND or removed == before:
            return removed


async def _remove_batch(
    database: Database, model: type[Base], is_over: Condition, keys: Sequence[Any]
) -> int:
    """What others have locked is left for the next time: so this waits for nobody, and is in no deadlock."""
    columns = model.__table__.primary_key
    is_one = tuple_(*columns).in_([tuple(key) for key in keys])
    # A session may have been renewed meanwhile.
    free = select(*columns).where(is_one, is_over).with_for_update(skip_locked=True)
    statement = delete(model).where(tuple_(*columns).in_(free))

    async def remove(session: Transaction) -> int:
        result = await session.execute(statement, execution_options={"synchronize_session": False})
        assert isinstance(result, CursorResult)  # noqa: S101 # It is one of a DELETE.
        return result.rowcount

    return await transaction(database, remove)
