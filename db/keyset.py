"""Pages by keyset: a page is a range of an index, however deep it lies."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Select,
    and_,
    bindparam,
    false,
    literal_column,
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
    is_ahead: bool = False  # Known of a shape, which has no values.

    def shape(self) -> "Page":
        """What the SQL depends on: of a bound, whether there is one and whether its value is NULL; and of the
        bound from which the page is read, whether that lies ahead of the present."""
        if self.after is None and self.before is None:
            return self
        is_ahead = _is_ahead(self.before if self.backward else self.after)
        return replace(self, after=_shape(self.after), before=_shape(self.before), is_ahead=is_ahead)

    def values(self) -> dict[str, Any]:
        """What the SQL's parameters stand for."""
        named = (("after", self.after), ("before", self.before))
        return {
            name: value
            for bound, position in named
            if position is not None
            for name, value in zip(_parameters(bound), position, strict=True)
        }


def _shape(position: Position | None) -> Position | None:
    return position and (None if position[0] is None else ..., 0)


def _is_ahead(position: Position | None) -> bool:
    value = position and position[0]
    return isinstance(value, datetime) and value > datetime.now(UTC)


def _parameters(bound: str) -> tuple[str, str]:
    return f"{bound}_value", f"{bound}_id"


class Keyset:
    """A page's order and bounds as SQL, over a model's table or over what `rewrite` puts in its place.

    The bounds' values are parameters, which `Page.values` names.
    """

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
        lower, upper = _Bound.of(self.page.after, "after"), _Bound.of(self.page.before, "before")
        if self.page.order.descending:
            lower, upper = upper, lower
        if not self.nullable or (lower is None and upper is None):
            return [and_(true(), *self._bounds(lower, upper))]
        return list(self._ranges_with_nulls(lower, upper)) or [false()]

    def in_order(
        self, bounds: ColumnElement[bool], where: ColumnElement[bool], alternative: ColumnElement[bool]
    ) -> tuple[ColumnElement[bool], ...]:
        """The conditions of one range, in front the one from which the index is to be read.

        Where several are bounds of the same column, both databases begin at the first of them: behind what is
        public a deep page would read all pages before it. Only what lies ahead of the present, as drafts do,
        begins later than what is public: from there a page would read all that is hidden from the viewer.
        """
        if self.page.is_ahead and self.page.order.descending != self.page.backward:
            return alternative, bounds, where
        return bounds, where, alternative

    def _bounds(self, lower: "_Bound | None", upper: "_Bound | None") -> Iterator[ColumnElement[bool]]:
        place: Any = tuple_(self.column, self.id) if self.ties else self.id
        if lower is not None:
            yield place > self._parameter(lower)
        if upper is not None:
            yield place < self._parameter(upper)

    def _parameter(self, bound: "_Bound") -> Any:
        key = self._id(bound)
        return tuple_(bindparam(bound.value, type_=self.column.type), key) if self.ties else key

    def _id(self, bound: "_Bound") -> ColumnElement[Any]:
        return bindparam(bound.id, type_=self.id.type)

    def _ranges_with_nulls(
        self, lower: "_Bound | None", upper: "_Bound | None"
    ) -> Iterator[ColumnElement[bool]]:
        """NULL compares with nothing: rows without a value are a range of their own, before all others."""
        if lower is None or lower.is_null:
            bounds = [self.id > self._id(lower)] if lower else []
            if upper and upper.is_null:
                bounds.append(self.id < self._id(upper))
            yield and_(self.column.is_(None), *bounds)
        if upper is None or not upper.is_null:
            above_nulls = lower if lower and not lower.is_null else None
            yield and_(self.column.is_not(None), *self._bounds(above_nulls, upper))


class _Bound(NamedTuple):
    """One end of a page: the names of its parameters, and whether the value is NULL and so none of them."""

    value: str
    id: str
    is_null: bool

    @classmethod
    def of(cls, position: Position | None, name: str) -> "_Bound | None":
        return None if position is None else cls(*_parameters(name), position[0] is None)


def bounded(
    columns: Sequence[ColumnElement[Any]],
    source: FromClause,
    where: ColumnElement[bool],
    alternatives: Sequence[ColumnElement[bool]],
    keyset: Keyset,
    parents: FromClause | None = None,
) -> Select[Any]:
    """The page's rows in the order they are read, which takes no more rows of the index than it has.

    A row has to satisfy `where` and any one of the alternatives. A page is read for each of these and each
    range of the bounds; UNION puts them together, and drops what was found twice. An OR would be no range of
    any index.

    The columns are named by the model's attributes, and the id is one of them. `parents` is the table of
    another FROM to which the alternatives may refer.
    """
    # The number is a part of the SQL text: a generic plan that does not know it may sort the whole table.
    limit = literal_column(str(keyset.page.limit), Integer)
    ranges, names = keyset.ranges(), [str(column.key) for column in columns]
    order = keyset.page.order.column
    is_one = len(alternatives) * len(ranges) == 1
    if not is_one and order not in names:  # What is put together is put in order once more.
        columns = [*columns, keyset.column.label(order)]
    parts = [
        select(*columns)
        .select_from(source)
        .where(and_(*keyset.in_order(bounds, where, alternative)))
        .order_by(*keyset.order_by())
        .limit(limit)
        .correlate(parents)
        for alternative in alternatives
        for bounds in ranges
    ]
    if is_one:
        return parts[0]
    rows = union(*(select(part.subquery()) for part in parts)).subquery()
    found = select(*(rows.c[name] for name in names)).select_from(rows)
    return found.order_by(*keyset.order_by(rows)).limit(limit)
