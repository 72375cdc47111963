"""What all tables have in common, and what being public means."""

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Enum, Integer, MetaData, Text, and_, literal_column, text
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column

from db.types import NEVER, BigInt, Json, UtcDateTime, now


class Base(DeclarativeBase):
    """Constraints have names, so that a migration can change them and an error can be mapped to its field."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {
        int: BigInt,
        str: Text,
        datetime: UtcDateTime,
        dict[str, Any]: Json,
        enum.Enum: Enum(enum.Enum, native_enum=False, length=16),
    }


class Entity(Base):
    """What can be read by an id of its own."""

    __abstract__ = True
    # What the database sets comes back with the write itself; reading it later would need a connection.
    __mapper_args__ = {"eager_defaults": True}

    id: Mapped[int] = mapped_column(primary_key=True, sort_order=-1)


class Versioned(Entity):
    """An entity that people edit."""

    __abstract__ = True

    version: Mapped[int] = mapped_column(
        Integer,
        server_default="1",
        sort_order=1,
        doc="Counts the changes; send it back as `expectedVersion` to lose none.",
    )
    created_at: Mapped[datetime] = mapped_column(
        server_default=now(), sort_order=1, doc="When this was created."
    )
    updated_at: Mapped[datetime] = mapped_column(
        server_default=now(), onupdate=now(), sort_order=1, doc="When this was last changed."
    )

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805 # SQLAlchemy calls it with the class.
        # Each UPDATE counts on, and only from the version that was read.
        return {"eager_defaults": True, "version_id_col": cls.version}


# Ids of deleted rows are not given out again, so that an old link never opens something else.
OPTIONS = {"sqlite_autoincrement": True}


def is_public(public_from: Any) -> ColumnElement[bool]:
    """Whether something may be seen by everybody, from its `public_from` column.

    The comparison with NEVER is what partial indexes are made for. Both sides are SQL text and never
    parameters, because a prepared statement's generic plan cannot match a parameter with an index. The
    present comes first: SQLite uses one bound only, and from NEVER it would read past all that is scheduled.
    """
    return and_(public_from <= now(), is_dated(public_from))


def is_dated(public_from: Any) -> ColumnElement[bool]:
    """Whether something is public, or will be one day."""
    dated: ColumnElement[bool] = public_from < literal_column(f"'{NEVER}'", UtcDateTime)
    return dated


def if_dated(column: str) -> dict[str, Any]:
    condition = text(f"{column} < '{NEVER}'")
    return {"postgresql_where": condition, "sqlite_where": condition}
