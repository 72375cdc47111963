"""What makes a mutation safe to send again: its key, kept in the transaction of the write itself."""

import dataclasses
import hashlib
from datetime import timedelta
from typing import Any

import orjson
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from strawberry import UNSET

from db.accounts import IdempotencyKey
from db.write import insert_missing
from gql.errors import UserErrorCode, rejected
from gql.tokens import now
from gql.validation import SECRET

KEPT = timedelta(hours=24)


async def claim(
    session: AsyncSession, user_id: int, key: str, mutation: str, given: Any
) -> dict[str, Any] | None:
    """Claim a key, or find what came of the mutation that has claimed it: None means that it is to be done.

    Of two at once the second waits here for the first one's end. A key of something else is rejected.
    """
    await session.execute(
        delete(IdempotencyKey).where(
            IdempotencyKey.user_id == user_id, IdempotencyKey.created_at < now() - KEPT
        )
    )
    row = {"user_id": user_id, "key": key, "mutation": mutation, "input_hash": _hash(given)}
    if await insert_missing(session, IdempotencyKey, [row]):
        return None
    found = await session.scalar(select(IdempotencyKey).filter_by(user_id=user_id, key=key))
    if (
        found is None
        or found.outcome is None
        or (found.mutation, found.input_hash) != (mutation, row["input_hash"])
    ):
        raise rejected(UserErrorCode.KEY_REUSED, "This key was used for something else.", "idempotencyKey")
    return found.outcome


async def keep(session: AsyncSession, user_id: int, key: str, outcome: dict[str, Any]) -> None:
    await session.execute(
        update(IdempotencyKey)
        .where(IdempotencyKey.user_id == user_id, IdempotencyKey.key == key)
        .values(outcome=outcome)
    )


def _hash(given: Any) -> str:
    """Of what the input says, whatever the order of its fields; without the key itself, and without secrets.

    A plain hash of a password would undo what the slow one is for.
    """
    values = {
        field.name: getattr(given, field.name)
        for field in dataclasses.fields(given)
        if field.name != "idempotency_key"
        and not field.metadata.get(SECRET)
        and getattr(given, field.name) is not UNSET
    }
    return hashlib.sha256(orjson.dumps(values, option=orjson.OPT_SORT_KEYS)).hexdigest()
