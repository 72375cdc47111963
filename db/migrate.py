"""Migrations, run from the program itself: no alembic.ini is needed."""

import asyncio
import importlib.resources
import sqlite3
from functools import cache
from threading import Lock

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import Database, DatabaseSettings
from db.errors import DatabaseUnavailableError


class MigrationError(Exception):
    """What cannot be migrated, in one line for people."""


async def migrate(settings: DatabaseSettings, revision: str = "head") -> str | None:
    """Bring the database to a revision, up or down, all of it or nothing; the revision it is at is returned.

    A revision is one's id, `head`, `base`, or a number of steps such as `+1` and `-1`.
    """
    current = await revision_of(settings)
    if not is_known(current):
        raise MigrationError(
            f"The database is at revision {current}, which this version does not know: "
            "a newer one migrated it."
        )
    try:
        # Alembic's commands are synchronous, and its environment starts an event loop of its own.
        await asyncio.to_thread(_run, settings, revision, current)
    except (CommandError, RevisionError) as error:
        raise MigrationError(str(error)) from error
    return await revision_of(settings)


async def revision_of(settings: DatabaseSettings) -> str | None:
    """The revision that a database is at; None where nothing was migrated yet.

    Raises DatabaseUnavailableError where there is no answer.
    """
    database = Database(settings)
    try:
        if settings.is_sqlite:
            # aiosqlite would leave a thread behind that complains, when it cannot open the file.
            sqlite3.connect(settings.parsed_url.database or "").close()
        async with database.reading() as connection:
            return await current_revision(connection)
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise DatabaseUnavailableError(str(getattr(error, "orig", error))) from error
    finally:
        await database.dispose()


async def current_revision(connection: AsyncConnection) -> str | None:
    return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())


@cache
def head_revision() -> str | None:
    """The revision that this version of the program needs."""
    return ScriptDirectory.from_config(alembic_config()).get_current_head()


def is_known(revision: str | None) -> bool:
    """Whether this version of the program has the migration to a revision."""
    script = ScriptDirectory.from_config(alembic_config())
    return revision is None or revision in {found.revision for found in script.walk_revisions()}


def alembic_config(settings: DatabaseSettings | None = None) -> Config:
    config = Config()
    with importlib.resources.as_file(importlib.resources.files("migrations")) as folder:
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes["settings"] = settings
    return config


# Alembic's environment is a global of the process.
_one_at_a_time = Lock()


def _run(settings: DatabaseSettings, revision: str, current: str | None) -> None:
    config = alembic_config(settings)
    with _one_at_a_time:
        if _is_down(ScriptDirectory.from_config(config), revision, current):
            command.downgrade(config, revision)
        else:
            command.upgrade(config, revision)


def _is_down(script: ScriptDirectory, revision: str, current: str | None) -> bool:
    if revision == "base" or revision.startswith("-"):
        return True
    if current is None or revision.startswith("+"):
        return False
    wanted = script.get_revision(revision)
    before = {found.revision for found in script.iterate_revisions(current, "base")} - {current}
    return wanted is not None and wanted.revision in before
