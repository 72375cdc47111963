"""What is sent to the database's read lane, by whichever way."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event

from db.engine import Database

unheard: ContextVar[bool] = ContextVar("unheard", default=False)
"""Set where a test reads once more, to compare, or the process by itself: that is not counted."""


@dataclass
class Sent:
    """A statement as it was sent."""

    sql: str
    parameters: Sequence[Any]

    @property
    def parents(self) -> int:
        return next((len(value) for value in self.parameters if isinstance(value, list)), 1)


@contextmanager
def sent(database: Database) -> Iterator[list[Sent]]:
    """What is sent meanwhile: on the driver's connections, and SQLAlchemy's own way."""
    found: list[Sent] = []

    def observe(sql: str, parameters: Sequence[Any]) -> None:
        # What a process asks and tells by itself is sent at any time.
        if not unheard.get() and not any(name in sql for name in ("pg_notify", "announcements")):
            found.append(Sent(sql, list(parameters)))

    def record(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        observe(statement, parameters)

    engine = database.read_engine.sync_engine
    event.listen(engine, "before_cursor_execute", record)
    if database.lane is not None:
        database.lane.observers.append(observe)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", record)
        if database.lane is not None:
            database.lane.observers.remove(observe)
