"""How Alembic reaches the database: by the settings it is given, or as plain `alembic` by DATABASE_URL."""

import asyncio
import os
from typing import Any, Literal

from alembic import context
from sqlalchemy import Column, Connection, Insert, Table, event, insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from db import accounts, documents, events, models
from db.base import Base
from db.engine import DatabaseSettings, prepare_sqlite
from db.postgresql import pooled
from db.types import Json, UtcDateTime

# Alembic would drop the tables of a module that is not imported.
_MODULES = (accounts, documents, events, models)

_REBUILT = "_alembic_tmp_"  # What the name of a table begins with while it is rebuilt.


def _render(kind: str, item: Any, autogenerate: Any) -> str | Literal[False]:
    """Write our own column types by the names under which a migration imports them."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "db.types.UtcDateTime()"
    if kind == "type" and item is Json:
        return "db.types.Json"
    return False


def _is_comparable(item: Any, name: str | None, kind: str, reflected: bool, other: Any) -> bool:
    """Leave out indexes on expressions on SQLite, which reads them back as plain columns."""
    if kind != "index" or context.get_context().dialect.name != "sqlite":
        return True
    index = other if reflected else item
    return index is None or all(isinstance(expression, Column) for expression in index.expressions)


def _copy_without_generated(
    connection: Connection, statement: Any, multiple: Any, parameters: Any, options: Any
) -> tuple[Any, Any, Any]:
    """Let a batch migration rebuild `posts`: Alembic copies all columns, also those that SQLite computes."""
    is_copy = isinstance(statement, Insert) and statement.table.name.startswith(_REBUILT)
    if is_copy and statement.select is not None:
        copied = zip(statement._select_names or (), statement.select.selected_columns, strict=True)
        plain = {name: column for name, column in copied if statement.table.c[name].computed is None}
        rows = select(*plain.values()).select_from(*statement.select.get_final_froms())
        statement = insert(statement.table).inline().from_select(list(plain), rows)
    return statement, multiple, parameters


def _copy_with_autoincrement(table: Table, connection: Connection, **_: Any) -> None:
    """Let a table that a batch migration rebuilds go on giving out no id twice: Alembic forgets that."""
    original = table.name.removeprefix(_REBUILT)
    if connection.dialect.name == "sqlite" and original != table.name:
        sql = connection.scalar(text("SELECT sql FROM sqlite_master WHERE name = :name"), {"name": original})
        table.dialect_options["sqlite"]["autoincrement"] = "AUTOINCREMENT" in (sql or "")


def _last_ids(connection: Connection) -> dict[str, int]:
    """The highest id that each table has ever given out, of rows that are gone too."""
    is_there = "SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'"
    if connection.dialect.name != "sqlite" or not connection.scalar(text(is_there)):
        return {}
    rows = connection.execute(text("SELECT name, seq FROM sqlite_sequence"))
    return {row.name: row.seq for row in rows}


def _continue_after(connection: Connection, last_ids: dict[str, int]) -> None:
    for name, last in last_ids.items():
        raised = {"name": name, "last": last}
        connection.execute(
            text("UPDATE sqlite_sequence SET seq = max(seq, :last) WHERE name = :name"), raised
        )
        # A rebuilt table without rows has none yet.
        connection.execute(
            text(
                "INSERT INTO sqlite_sequence (name, seq) SELECT :name, :last "
                "WHERE EXISTS (SELECT 1 FROM sqlite_master WHERE name = :name) "
                "AND NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = :name)"
            ),
            raised,
        )


def run(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        event.listen(connection, "before_execute", _copy_without_generated, retval=True)
        event.listen(Table, "before_create", _copy_with_autoincrement)
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        render_item=_render,
        include_object=_is_comparable,
        # All or nothing, on SQLite too, which can do so although Alembic does not take it for granted.
        transactional_ddl=True,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            # Two that start at once migrate one after the other, as SQLite's transactions do by themselves.
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('gazette migrations'))"))
        last_ids = _last_ids(connection)
        context.run_migrations()
        if connection.dialect.name == "sqlite":
            _continue_after(connection, last_ids)
            broken = connection.execute(text("PRAGMA foreign_key_check")).all()
            if broken:
                raise RuntimeError(
                    f"the migration left {len(broken)} rows without their parent; nothing was changed"
                )


async def run_on(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()


def main() -> None:
    given = context.config.attributes.get("settings")
    settings = given or DatabaseSettings(url=os.environ.get("DATABASE_URL", "sqlite:///gazette.db"))
    connect_args = pooled() if settings.pgbouncer else {}
    engine = create_async_engine(settings.parsed_url, poolclass=NullPool, connect_args=connect_args)
    if settings.is_sqlite:
        # A batch migration drops and rebuilds tables: with foreign keys on, that would delete all children.
        prepare_sqlite(engine, read_only=False, foreign_keys=False)
    asyncio.run(run_on(engine))


main()
