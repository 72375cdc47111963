"""Pages by keyset: a page is a range of an index, however deep it lies."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    bindparam,
    false,
    select,
    true,
    tuple_,
    union,
)

from db.base import Entity
from db.rows import expression

Position = tuple[Any, int]
"""Where a row stands in an order: its value of the order's column, and its id."""

Rewrite = Callable[[ColumnElement[Any]], ColumnElement[Any]]


@dataclass(frozen=True, slots=True)
class Order:
    """Rows by one column, those that tie by their id in the same direction; NULL is the smallest value."""

    column: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """At most `limit` rows strictly between two positions: the first, or when `backward` the last of them."""

    limit: int
    order: Order
    backward: bool = False
    after: Position | None = None
    before: Position | None = None


class Keyset:
    """A page's order and bounds as SQL, over a model's table or over what `rewrite` puts in its place."""

    def __init__(self, model: type[Entity], page: Page, rewrite: Rewrite = lambda column: column) -> None:
        column, key = expression(model, page.order.column), expression(model, "id")
        self.nullable = bool(getattr(column, "nullable", False))
        self.ties = column is not key
        self.column, self.id = rewrite(column), rewrite(key)
        self.page = page

    def order_by(self, rows: FromClause | None = None) -> list[ColumnElement[Any]]:
        """How to read the page, a backward one from its end; over `rows` by the names of their columns."""
        column, key = self.column, self.id
        if rows is not None:
            column, key = rows.c[self.page.order.column], rows.c.id
        descending = self.page.order.descending != self.page.backward
        columns = [column, key] if self.ties else [key]
        ordered: list[ColumnElement[Any]] = [part.desc() if descending else part.asc() for part in columns]
        if self.nullable:
            # Said only where it matters: elsewhere it would keep PostgreSQL from using a plain index.
            ordered[0] = ordered[0].nulls_last() if descending else ordered[0].nulls_first()
        return ordered

    def ranges(self) -> list[ColumnElement[bool]]:
        """The page's bounds as conditions, each of which is one range of the order's index."""
        lower, upper = self.page.after, self.page.before
        if self.page.order.descending:
            lower, upper = upper, lower
        if not self.nullable or (lower is None and upper is None):
            return [and_(true(), *self._bounds(lower, upper))]
        return list(self._ranges_with_nulls(lower, upper)) or [false()]

    def _bounds(self, lower: Position | None, upper: Position | None) -> Iterator[ColumnElement[bool]]:
        place: Any = tuple_(self.column, self.id) if self.ties else self.id
        if lower is not None:
            yield place > self._literal(lower)
        if upper is not None:
            yield place < self._literal(upper)

    def _literal(self, position: Position) -> Any:
        value, key = position
        bound_key = bindparam(None, key, self.id.type)
        return tuple_(bindparam(None, value, self.column.type), bound_key) if self.ties else bound_key

    def _ranges_with_nulls(
        self, lower: Position | None, upper: Position | None
    ) -> Iterator[ColumnElement[bool]]:
        """NULL compares with nothing: rows without a value are a range of their own, before all others."""
        if lower is None or lower[0] is None:
            bounds = [self.id > lower[1]] if lower else []
            if upper and upper[0] is None:
                bounds.append(self.id < upper[1])
            yield and_(self.column.is_(None), *bounds)
        if upper is None or upper[0] is not None:
            above_nulls = lower if lower and lower[0] is not None else None
            yield and_(self.column.is_not(None), *self._bounds(above_nulls, upper))


def bounded(
    columns: Sequence[ColumnElement[Any]],
    source: FromClause,
    alternatives: Sequence[ColumnElement[bool]],
    keyset: Keyset,
    parents: FromClause | None = None,
) -> Select[Any]:
    """The page's rows in the order they are read, which takes no more rows of the index than it has.

    A row has to satisfy any one of the alternatives. A page is read for each of them and each range of the
    bounds; UNION puts them together, and drops what was found twice. An OR would be no range of any index.

    The columns include the order's, by the names of the model's attributes. `parents` is the table of another
    FROM to which the alternatives may refer.
    """
    # The number is a part of the SQL text: a generic plan that does not know it may sort the whole table.
    limit: Any = bindparam("limit", keyset.page.limit, unique=True, literal_execute=True)
    parts = [
        select(*columns)
        .select_from(source)
        .where(and_(alternative, condition))
        .order_by(*keyset.order_by())
        .limit(limit)
        .correlate(parents)
        for alternative in alternatives
        for condition in keyset.ranges()
    ]
    if len(parts) == 1:
        return parts[0]
    rows = union(*(select(part.subquery()) for part in parts)).subquery()
    return select(rows).order_by(*keyset.order_by(rows)).limit(limit)
