"""Column types that mean the same on SQLite and on PostgreSQL."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Date,
    DateTime,
    Dialect,
    Float,
    Integer,
    Interval,
    Numeric,
    String,
    Time,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateIndex
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

# SQLite knows an autoincrementing primary key only by the name INTEGER.
BigInt = BigInteger().with_variant(Integer, "sqlite")
Json = JSON().with_variant(JSONB, "postgresql")

_LAST = datetime.max.replace(tzinfo=UTC)
NEVER = "infinity"  # PostgreSQL's own last moment; as text, on SQLite, it sorts behind every date.


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC: timestamptz on PostgreSQL, fixed-width text on SQLite.

    The text always has six digits of microseconds, because SQLite compares it letter by letter.
    NEVER is read as the last datetime there is, in UTC. A naive datetime raises ValueError.
    """

    impl = DateTime(timezone=True)
    cache_ok = True
    python_type = datetime

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(String(26) if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime needs its offset from UTC")
        if dialect.name != "sqlite":
            return value
        # strftime() writes years before 1000 without their zeros.
        utc = value.astimezone(UTC).replace(tzinfo=None)
        return NEVER if value == _LAST else utc.isoformat(" ", "microseconds")

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if dialect.name != "sqlite":
            # asyncpg reads the infinities, the last moment and the first, without an offset.
            return value if value.tzinfo else value.replace(tzinfo=UTC)  # type: ignore[no-any-return]
        return _LAST if value == NEVER else datetime.fromisoformat(value + "+00:00")

    def process_result_column(self, values: Sequence[Any], dialect: Dialect) -> Sequence[Any]:
        """The same for all values of a column: nearly always they are right as they come."""
        if dialect.name != "sqlite" and all([value is None or value.tzinfo for value in values]):  # noqa: C419
            return values  # A list is built in half the time that a generator takes.
        return [self.process_result_value(value, dialect) for value in values]

    def coerce_compared_value(self, op: Any, value: Any) -> Any:
        return self


_SHORT = (Boolean, Integer, Float, Numeric, Date, Time, Interval, Uuid, UtcDateTime)


def is_short(kind: TypeEngine[Any]) -> bool:
    """Whether no value takes more than some hundred characters, as JSON and texts without a length may."""
    return isinstance(kind, _SHORT) or (isinstance(kind, String) and kind.length is not None)


class now(FunctionElement[datetime]):  # noqa: N801 # SQL functions are written in lower case.
    """The database's current time, as UtcDateTime stores it: milliseconds are SQLite's finest."""

    type = UtcDateTime()
    inherit_cache = True


@compiles(now)
def _now(element: now, compiler: Any, **options: Any) -> str:
    return "now()"


@compiles(now, "sqlite")
def _now_on_sqlite(element: now, compiler: Any, **options: Any) -> str:
    return "(strftime('%Y-%m-%d %H:%M:%f', 'now') || '000')"


@compiles(CreateIndex, "sqlite")
def _index_on_sqlite(element: CreateIndex, compiler: Any, **options: Any) -> str:
    # NULL is the smallest value there as it is, and to say so in an index is a syntax error.
    return str(compiler.visit_create_index(element, **options)).replace(" NULLS FIRST", "")
