"""What can go wrong with a database that is no fault of the statement."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError


class DatabaseUnavailableError(Exception):
    """The database did not answer, or no connection became free in time; later it may."""


class ConnectionLostError(DatabaseUnavailableError):
    """A connection that had worked did not any more."""


class ContentionError(DatabaseUnavailableError):
    """Another transaction was in the way: the same one, tried again, may succeed."""


class SecondConnectionError(RuntimeError):
    """A task asked for a connection while it held one, which deadlocks the pool as soon as all do so."""


# PostgreSQL's classes of errors: no connection, no resources, and what an administrator does; and a statement
# or a transaction that took too long. SQLite's: no file, no room on the disk, and a disk that fails.
_UNAVAILABLE_STATES = ("08", "53", "57P", "57014", "25P03")
_UNAVAILABLE_CODES = {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
}
# A serialisation failure, a deadlock, and a lock that did not become free in time.
_CONTENTION_STATES = ("40001", "40P01", "55P03")


@contextmanager
def connecting() -> Iterator[None]:
    """Around what takes a connection, and not around what others do with it: their files fail likewise."""
    try:
        yield
    except (PoolTimeoutError, OSError) as error:
        raise DatabaseUnavailableError(str(error)) from error


@contextmanager
def statements() -> Iterator[None]:
    """Tell apart what is no fault of the statement."""
    try:
        yield
    except DBAPIError as error:
        if kind := no_fault(error):
            raise kind(str(error.orig)) from error
        raise


def no_fault(error: DBAPIError) -> type[DatabaseUnavailableError] | None:
    """What an error is when the statement is not to blame."""
    if error.connection_invalidated:
        return ConnectionLostError
    state = str(getattr(error.orig, "sqlstate", None))
    code = _sqlite_code(error)
    if state in _CONTENTION_STATES or code == sqlite3.SQLITE_BUSY:
        return ContentionError
    if state.startswith(_UNAVAILABLE_STATES) or code in _UNAVAILABLE_CODES:
        return DatabaseUnavailableError
    return None


def _sqlite_code(error: DBAPIError) -> int | None:
    """The primary code: SQLite's extended ones have it in their lowest byte."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
