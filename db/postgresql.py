"""What a connection to PostgreSQL is opened with: directly, or through PgBouncer in transaction mode.

PgBouncer gives each transaction to any of its server connections. What is set there, or prepared, is gone
with the next one, or is another client's: so all of it is said anew, in each transaction.
"""

import math
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

_APPLICATION = {"application_name": "gazette"}
# Of the driver, and of SQLAlchemy.
_NOTHING_PREPARED = {"statement_cache_size": 0, "prepared_statement_cache_size": 0}


def session_settings(seconds: float | None, *, read_only: bool) -> dict[str, str]:
    """PostgreSQL's, for as long as a connection or a transaction lasts."""
    settings = {}
    if seconds is not None:
        milliseconds = str(math.ceil(seconds * 1000))
        # A transaction whose process hangs between two statements keeps its locks as well.
        settings["statement_timeout"] = milliseconds
        settings["idle_in_transaction_session_timeout"] = milliseconds
    if read_only:
        settings["default_transaction_read_only"] = "on"
        # Whose rows are asked for is not planned for: taken for an average author's few, all of a
        # prolific one's would be collected in a bitmap and sorted, where the index has them in order.
        settings["enable_bitmapscan"] = "off"
    return settings


def direct(settings: dict[str, str]) -> dict[str, Any]:
    """The driver's options."""
    return {"server_settings": _APPLICATION | settings}


def pooled() -> dict[str, Any]:
    """Likewise behind PgBouncer, which refuses a connection that asks for a session's settings."""
    return {"server_settings": _APPLICATION, **_NOTHING_PREPARED}


def beginning(settings: dict[str, str]) -> str:
    """Begins a transaction with a session's settings, in one message."""
    return "; ".join(("BEGIN", *_local(settings)))


def set_in_transactions(engine: AsyncEngine, settings: dict[str, str]) -> None:
    """For those that SQLAlchemy begins."""

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        for statement in _local(settings):
            connection.exec_driver_sql(statement)


def _local(settings: dict[str, str]) -> list[str]:
    # What is the default for transactions comes too late for one that has begun.
    names = ((name.removeprefix("default_"), value) for name, value in settings.items())
    return [f"SET LOCAL {name} = '{value}'" for name, value in names]
