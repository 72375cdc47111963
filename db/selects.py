"""The statements by which rows are read, each built once for all batches of its shape.

Everything that a statement's text depends on is an argument of the function that builds it, and nothing else
is: `lru_cache` finds the statement again by what made it. What differs between batches is a named parameter:
the keys, a page's bounds, who the viewer is, what a filter looks for.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Dialect,
    Label,
    Select,
    String,
    TableValuedAlias,
    Text,
    and_,
    bindparam,
    func,
    inspect,
    or_,
    select,
    true,
)
from sqlalchemy.types import TypeEngine

from db.base import Entity
from db.companions import Companion, joined
from db.keyset import Keyset, Page, bounded
from db.rows import expression
from db.sources import Membership, Source, Target, narrowed
from db.statements import SHAPES, Statement

Columns = tuple[str, ...]
Companions = tuple[Companion, ...]


class Alternatives(tuple[ColumnElement[bool], ...]):
    """Conditions of which any one has to hold, with named parameters for what differs between viewers.

    It is told apart as an object: whoever asks for the same again has to give the same one.
    """

    __slots__ = ()
    __eq__ = object.__eq__
    __hash__ = object.__hash__


@dataclass(frozen=True, eq=False, slots=True)
class Left:
    """What a filter leaves of a connection, with named parameters for what it looks for.

    It is told apart as an object too.
    """

    where: ColumnElement[bool] = true()  # noqa: RUF009 # SQL expressions are immutable.
    member_of: Membership | None = None


EVERYTHING = Left()

Shape = tuple[Target, Left, Alternatives]
"""What rows a connection is over, but for the values of parameters."""


@lru_cache(maxsize=SHAPES)
def rows_by_key(
    dialect: Dialect,
    model: type[Entity],
    key: str,
    columns: Columns,
    visible: Alternatives,
    companions: Companions = (),
    *,
    is_one: bool = False,
) -> Statement:
    """The key's value, and the columns.

    A single key is a parameter of its own. PostgreSQL takes an array for ten keys, which are dearer than one:
    it would plan each lookup of one anew, which takes longer than the lookup.
    """
    unique = expression(model, key)
    found = select(unique.label(None), *_labels(model, columns)).select_from(inspect(model).local_table)
    is_meant = unique == bindparam("keys", type_=uncut(unique)) if is_one else is_among(dialect, unique)
    found = found.where(is_meant, or_(*visible))
    return Statement(joined(found, companions), dialect)


@lru_cache(maxsize=SHAPES)
def page_of_all(
    dialect: Dialect, shape: Shape, page: Page, columns: Columns, companions: Companions = ()
) -> Statement:
    """The columns; of the page's bounds only the shape counts."""
    source, where, visible = _resolve(shape)
    keyset = Keyset(source.model, page, source.rewrite)
    labels = _labels(source.model, columns)
    found = bounded(labels, source.table, where, visible, keyset)
    return Statement(joined(found, companions), dialect)


@lru_cache(maxsize=SHAPES)
def pages_of_parents(
    dialect: Dialect, shape: Shape, page: Page, columns: Columns, companions: Companions = ()
) -> Statement:
    """The parent's key, and the columns."""
    each = _pages_by_subquery if dialect.name == "sqlite" else _pages_by_lateral
    return Statement(each(*_resolve(shape), page, columns, companions), dialect)


@lru_cache(maxsize=SHAPES)
def counts(dialect: Dialect, shape: Shape, of_parents: bool) -> Statement:
    """The number of rows, and whose they are where it is asked of parents."""
    source, where, visible = _resolve(shape)
    condition = and_(where, or_(*visible))
    statement = select(func.count()).select_from(source.smallest_table(condition)).where(condition)
    if of_parents:
        among = is_among(dialect, source.holder)
        statement = statement.add_columns(source.holder).where(among).group_by(source.holder)
    return Statement(statement, dialect)


@lru_cache(maxsize=SHAPES)
def among(dialect: Dialect, shape: Shape) -> Statement:
    """Which of the keys are those of the rows."""
    source, where, visible = _resolve(shape)
    key = source.rewrite(expression(source.model, "id"))
    condition = and_(where, or_(*visible), is_among(dialect, key))
    return Statement(select(key).select_from(source.smallest_table(condition)).where(condition), dialect)


def _resolve(shape: Shape) -> tuple[Source, ColumnElement[bool], list[ColumnElement[bool]]]:
    target, left, visible = shape
    source, conditions = narrowed(target, left.member_of)
    where = and_(source.rewrite(left.where), *conditions)
    return source, where, [source.rewrite(alternative) for alternative in visible]


def _of_parent(source: Source, visible: list[ColumnElement[bool]]) -> list[ColumnElement[bool]]:
    """The alternatives for the rows of one parent, each of them a range of an index."""
    if all(source.settles(alternative) for alternative in visible):
        # All rows of a parent are visible or none: one range does, and no other is searched in vain.
        return [or_(*visible)]
    return visible


def _pages_by_lateral(
    source: Source,
    where: ColumnElement[bool],
    visible: list[ColumnElement[bool]],
    page: Page,
    columns: Columns,
    companions: Companions,
) -> Select[Any]:
    """A bounded page for each parent. A lateral join is a nested loop, hence keeps the order of its pages."""
    keys = func.unnest(_array(source.holder)).table_valued("key", name="keys").render_derived()
    where = and_(source.holder == keys.c.key, where)
    keyset = Keyset(source.model, page, source.rewrite)
    labels = _labels(source.model, columns)
    found = bounded(labels, source.table, where, _of_parent(source, visible), keyset, keys)
    part = joined(found, companions).lateral("page")
    return select(keys.c.key, *part.c).select_from(keys.join(part, true()))


def _pages_by_subquery(
    source: Source,
    where: ColumnElement[bool],
    visible: list[ColumnElement[bool]],
    page: Page,
    columns: Columns,
    companions: Companions,
) -> Select[Any]:
    """The same for SQLite, which has no lateral joins: a subquery finds the ids of each parent's page."""
    keys = _json().alias("keys")
    where, alternatives = and_(source.holder == keys.c.value, where), _of_parent(source, visible)
    keyset = Keyset(source.model, page, source.rewrite)
    key, order = expression(source.model, "id"), expression(source.model, page.order.column)
    found = [source.rewrite(key).label("id"), source.rewrite(order).label(page.order.column)]
    table = source.smallest_table(where, *alternatives, *found)
    part = bounded(found if keyset.ties else found[:1], table, where, alternatives, keyset, keys)
    ids = select(part.subquery().c.id) if keyset.ties else part
    found_rows = (
        select(keys.c.value, *_labels(source.model, columns))
        .select_from(keys.join(inspect(source.model).local_table, key.in_(ids)))
        .order_by(*Keyset(source.model, page).order_by())
    )
    return joined(found_rows, companions)


def _labels(model: type[Entity], columns: Columns) -> list[Label[Any]]:
    return [expression(model, name).label(name) for name in columns]


def is_among(dialect: Dialect, column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a column's value is one of the parameter `keys`, as `db.read.keys_of` makes it."""
    if dialect.name == "sqlite":
        return column.in_(select(_json().c.value))
    return column == func.any(_array(column))


def uncut(column: ColumnElement[Any]) -> TypeEngine[Any]:
    """A parameter's type for a column: the parameter is cast to it, and a cast to varchar(220) cuts texts."""
    return Text() if isinstance(column.type, String) else column.type


def _array(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return bindparam("keys", type_=ARRAY(uncut(column)))


def _json() -> TableValuedAlias:
    return func.json_each(bindparam("keys", type_=Text)).table_valued("value")
