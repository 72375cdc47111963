"""The write lane: a transaction that is tried again, and what its errors mean."""

import asyncio
import random
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Dialect, Select, UniqueConstraint, bindparam, insert, inspect, literal, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.orm.exc import StaleDataError
from sqlalchemy.sql.dml import ReturningInsert

from db.base import Base, Entity
from db.companions import joined
from db.engine import Database
from db.errors import ConnectionLostError, ContentionError
from db.events import Event, EventKind
from db.log import append
from db.read import ALONE, Company, Visible, rows_of
from db.rows import Row, expression, row_maker
from db.selects import Alternatives, Columns, Companions, uncut
from db.sources import referring
from db.statements import SHAPES, Statement
from db.transactions import Session

T = TypeVar("T")

_TRIES = 4
_PAUSE = 0.05  # Seconds, at most, before the second try; each later one may wait twice as long.
_UNIQUE = ("23505", sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
_REFERENCE = ("23503", sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY)
# Locked against those who delete a row, and who change what foreign keys bring along.
_REFERRING: dict[str, Any] = {"read": True, "key_share": True}


Work = Callable[[Session], Awaitable[T]]


async def transaction(database: Database, work: Work[T], committed: Callable[[], None] = lambda: None) -> T:
    """What `work` makes of a session, committed; an exception rolls back. Then `committed` is called.

    Where another transaction was in the way it is done again from the start, up to three times. It runs to
    its end even when whoever waits for it is cancelled: half a transaction is no use to anybody.
    """
    task = asyncio.create_task(_run(database, work, committed))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        # Asked for, so that the event loop does not report an error that nobody waits for any more.
        _ = task.cancelled() or task.exception()
        raise


async def _run(database: Database, work: Work[T], committed: Callable[[], None]) -> T:
    result = await _tried(database, work)
    committed()
    return result


async def _tried(database: Database, work: Work[T]) -> T:
    for attempt in range(_TRIES):
        is_last, is_done = attempt == _TRIES - 1, False
        try:
            async with database.writing() as session:
                result = await work(session)
                if session.in_transaction():
                    await session.flush()
                is_done = True
                return result
        except ConnectionLostError:
            # Of a commit nobody knows what became of it; of what comes before it, nothing did. A server that
            # was started anew is so found out: to ask each connection first would be a round trip more.
            if is_done or is_last:
                raise
        except (ContentionError, StaleDataError) as error:
            if is_last:
                raise ContentionError("others were writing the same all the time") from error
            await asyncio.sleep(random.uniform(0, _PAUSE * 2**attempt))  # noqa: S311 # Only so that two part.
    raise AssertionError("the last try has returned or raised")


async def referenced(
    session: Session, model: type[Entity], key: int, columns: Columns, visible: Visible
) -> Row | None:
    """A light row of what a new row is to refer to, None where it is not there or cannot be seen.

    It is locked against those who delete it, and who change what foreign keys bring along.
    """
    statement = _referenced(session.dialect, model, columns, visible.alternatives)
    found = zip(*await session.columns(statement, {"key": key, **visible.values}), strict=True)
    return next(map(row_maker(model, columns), found), None)


@lru_cache(maxsize=SHAPES)
def _referenced(dialect: Dialect, model: type[Entity], columns: Columns, visible: Alternatives) -> Statement:
    found = select(*(expression(model, column).label(column) for column in columns))
    is_meant = expression(model, "id") == bindparam("key")
    locked = found.where(is_meant, or_(*visible)).with_for_update(**_REFERRING)
    return Statement(locked, dialect)


class Inserted(NamedTuple):
    """A new row as it will be committed, and whether it may be seen."""

    row: Row
    is_visible: bool


@dataclass(frozen=True)
class Reference:
    """To what a new row refers by a many-to-one relationship, where that is visible to whoever writes."""

    relationship: InstrumentedAttribute[Any]
    key: int
    visible: Alternatives

    @property
    def model(self) -> type[Entity]:
        """That of the new row."""
        model: Any = self.relationship.class_
        return model  # type: ignore[no-any-return] # A relationship of an entity.


async def insert_row(
    session: Session,
    reference: Reference,
    values: dict[str, Any],
    columns: Columns,
    visible: Visible,
    tells: EventKind | None = None,
    company: Company = ALONE,
) -> Inserted | None:
    """Insert a row, which takes a fraction of what it takes to add an entity, and read these columns of it.

    None where what it refers to is not there or cannot be seen. That is locked as by `referenced`, and what
    the foreign key brings along is taken over. Values go by attributes; what has none is the database's to
    set. `visible` has the values for the reference's predicate too: both are of one viewer. `tells` is the
    event that it is to those who follow what it refers to. On PostgreSQL its companions come along, but for
    the reference's own: that was perhaps waited for, and is newer than what the statement sees.
    """
    # One statement of SQLite's does one thing.
    does_all = tells is not None and session.dialect.name != "sqlite"
    told, others = (tells, company.without(reference.relationship)) if does_all else (None, ALONE)
    shape = (reference.relationship, reference.visible, tuple(values), columns, visible.alternatives)
    statement = _insert(session.dialect, *shape, told, others.companions)
    given = {**values, **visible.values, **others.values, _REFERRED: reference.key}
    seen, *found = await session.columns(statement, given)
    if not seen:
        return None
    (row,) = rows_of(reference.model, columns, found, others)
    if tells and not does_all:
        await append(session, tells, reference.key, row.id)
    return Inserted(row, seen[0])


_REFERRED = "referred_key"


@lru_cache(maxsize=SHAPES)
def _insert(
    dialect: Dialect,
    relationship: InstrumentedAttribute[Any],
    referred: Alternatives,
    names: tuple[str, ...],
    columns: Columns,
    visible: Alternatives,
    tells: EventKind | None,
    companions: Companions,
) -> Statement:
    model: Any = relationship.class_
    pairs = relationship.property.synchronize_pairs
    given = [expression(model, name) for name in names]
    parameters = [
        bindparam(name, type_=uncut(column), required=True) for name, column in zip(names, given, strict=True)
    ]
    is_meant = referring(pairs)[0] == bindparam(_REFERRED, required=True)
    source = select(*(remote for remote, _ in pairs), *parameters).where(is_meant, or_(*referred))
    targets = [*(local for _, local in pairs), *given]
    found = [expression(model, column).label(column) for column in columns]
    statement = insert(inspect(model).local_table).from_select(targets, source.with_for_update(**_REFERRING))
    # The policy's own predicate, of the row that is there now.
    inserted = statement.returning(or_(*visible).label("visible"), *found)
    return Statement(inserted if tells is None else _told(inserted, tells, companions), dialect)


def _told(inserted: ReturningInsert[Any], kind: EventKind, companions: Companions) -> Select[Any]:
    """An insert, its event, and the companions of the new row, in one statement."""
    new = inserted.cte("new")
    post = bindparam(_REFERRED, type_=Event.post_id.type)
    event = select(literal(kind, Event.kind.type), post, new.c.id)
    told = insert(Event).from_select([Event.kind, Event.post_id, Event.key], event)
    return joined(select(*new.c).select_from(new), companions).add_cte(told.cte("told"))


async def insert_missing(
    session: AsyncSession, model: type[Base], rows: Sequence[dict[str, Any]]
) -> Sequence[Any]:
    """Insert rows except those that violate a unique constraint; the primary keys of the inserted ones.

    It waits for other transactions that insert the same, so afterwards the row is there, whoever made it.
    """
    table: Any = model.__table__
    dialect: Any = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table).values(list(rows)).on_conflict_do_nothing()
    return (await session.execute(statement.returning(*table.primary_key))).all()


class Violation(NamedTuple):
    """What a write would have broken: a unique column's name, or that of None where a reference is gone."""

    column: str | None


def violation(error: IntegrityError) -> Violation | None:
    """What kind of constraint it was, None where it is no business of whoever wrote."""
    original: Any = error.orig
    code = getattr(original, "sqlstate", None) or getattr(original, "sqlite_errorcode", None)
    if code in _REFERENCE:
        return Violation(None)
    if code not in _UNIQUE:
        return None
    # SQLAlchemy's error wraps the driver's, which is what the lane raises.
    if name := getattr(original.__cause__ or original, "constraint_name", None):
        return Violation(_first_column(name))
    # SQLite names the columns: "UNIQUE constraint failed: users.username_key".
    return Violation(str(original).rpartition(": ")[2].split(", ")[0].rpartition(".")[2])


def _first_column(name: str) -> str:
    """Of a constraint or of a unique index."""
    for table in Base.metadata.tables.values():
        constraints = [found for found in table.constraints if isinstance(found, UniqueConstraint)]
        named: list[Any] = [*constraints, table.primary_key, *table.indexes]
        for found in named:
            if found.name == name:
                return str(next(iter(found.columns)).key)
    raise LookupError(f"no table has a constraint of the name {name}")
