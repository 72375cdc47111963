"""Tables that nobody reads through the API: what proves who somebody is, and what was done already.

Tokens are long and random, so a plain SHA-256 of one is kept: enough to recognise it, useless to a thief.
"""

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, PrimaryKeyConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base
from db.types import now

_TOKEN_HASH = String(64)


class RefreshToken(Base):
    """One link of a session's chain: each use makes the next one."""

    __tablename__ = "refresh_tokens"
    __mapper_args__ = {"eager_defaults": True}

    token_hash: Mapped[str] = mapped_column(_TOKEN_HASH, primary_key=True)
    session_id: Mapped[int] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), index=True)
    used_at: Mapped[datetime | None]


class Purpose(enum.Enum):
    """What a token that was sent by mail is good for."""

    RESET_PASSWORD = "RESET_PASSWORD"  # noqa: S105 # A name, not a password.
    VERIFY_EMAIL = "VERIFY_EMAIL"


class MailedToken(Base):
    """A token that was sent to an address. It is deleted by its use."""

    __tablename__ = "mailed_tokens"

    token_hash: Mapped[str] = mapped_column(_TOKEN_HASH, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    purpose: Mapped[Purpose]
    email: Mapped[str] = mapped_column(String(254), doc="Where it was sent.")
    expires_at: Mapped[datetime]

    __table_args__ = (
        Index(None, "user_id", "purpose"),
        CheckConstraint("purpose IN ('RESET_PASSWORD', 'VERIFY_EMAIL')", name="purpose"),
    )


class IdempotencyKey(Base):
    """That a mutation was executed, and what came of it, so that it is done once and answered twice."""

    __tablename__ = "idempotency_keys"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(64))
    mutation: Mapped[str] = mapped_column(String(64))
    input_hash: Mapped[str] = mapped_column(_TOKEN_HASH)
    outcome: Mapped[dict[str, Any] | None] = mapped_column(doc="The ids of what the payload shows.")
    created_at: Mapped[datetime] = mapped_column(server_default=now())

    __table_args__ = (PrimaryKeyConstraint("user_id", "key"), Index(None, "user_id", "created_at"))
