"""What happened, for those who follow it: a short log, written with the changes themselves.

A row is read in the order of its transaction, and only when no older transaction can add one before it.
By ids alone a reader would pass by what a slower transaction commits later under a lower id.
"""

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.functions import FunctionElement

from db.base import OPTIONS, Base, Entity
from db.types import BigInt, now


class transaction_id(FunctionElement[int]):  # noqa: N801 # SQL functions are written in lower case.
    """The number of the transaction that writes; SQLite, which has one writer at a time, needs none."""

    type = BigInt
    inherit_cache = True


class oldest_transaction_id(FunctionElement[int]):  # noqa: N801
    """The number below which every transaction has ended, as the statement that asks sees it."""

    type = BigInt
    inherit_cache = True


@compiles(transaction_id)
def _transaction_id(element: transaction_id, compiler: Any, **options: Any) -> str:
    return "(pg_current_xact_id()::text::bigint)"


@compiles(oldest_transaction_id)
def _oldest_transaction_id(element: oldest_transaction_id, compiler: Any, **options: Any) -> str:
    return "(pg_snapshot_xmin(pg_current_snapshot())::text::bigint)"


@compiles(transaction_id, "sqlite")
def _transaction_id_on_sqlite(element: transaction_id, compiler: Any, **options: Any) -> str:
    return "0"


@compiles(oldest_transaction_id, "sqlite")
def _oldest_transaction_id_on_sqlite(element: oldest_transaction_id, compiler: Any, **options: Any) -> str:
    return "1"


class EventKind(enum.Enum):
    """What can happen."""

    POST_PUBLISHED = "POST_PUBLISHED"
    POST_UPDATED = "POST_UPDATED"
    COMMENT_ADDED = "COMMENT_ADDED"


class Event(Entity):
    """That something happened. It refers to rows by their keys only, and stays when they go."""

    __tablename__ = "events"

    transaction_id: Mapped[int] = mapped_column(server_default=transaction_id())
    kind: Mapped[EventKind]
    post_id: Mapped[int] = mapped_column(doc="The post that it is about.")
    key: Mapped[int] = mapped_column(doc="Of the post or the comment that is to be shown.")
    created_at: Mapped[datetime] = mapped_column(server_default=now())

    __table_args__ = (
        Index(None, "transaction_id", "id"),
        CheckConstraint("kind IN ('POST_PUBLISHED', 'POST_UPDATED', 'COMMENT_ADDED')", name="kind"),
        OPTIONS,
    )


class Announcement(Base):
    """That a scheduled post is to be announced when it becomes public."""

    __tablename__ = "announcements"

    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True)
    due_at: Mapped[datetime] = mapped_column(index=True)
