"""Migrations, run from the program itself: no alembic.ini is needed."""

import asyncio
import importlib.resources
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import DatabaseSettings


def alembic_config(settings: DatabaseSettings) -> Config:
    config = Config()
    with importlib.resources.as_file(importlib.resources.files("migrations")) as folder:
        config.set_main_option("script_location", str(Path(folder)).replace("%", "%%"))
    config.attributes["settings"] = settings
    return config


def head_revision(settings: DatabaseSettings) -> str | None:
    return ScriptDirectory.from_config(alembic_config(settings)).get_current_head()


async def current_revision(connection: AsyncConnection) -> str | None:
    return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())


async def migrate(settings: DatabaseSettings, revision: str = "head") -> None:
    """Bring the database to a revision, up or down (a revision before the current one, or `base`)."""
    config = alembic_config(settings)
    # Alembic's commands are synchronous and start an event loop of their own in env.py.
    await asyncio.to_thread(_run, config, revision)


def _run(config: Config, revision: str) -> None:
    script = ScriptDirectory.from_config(config)
    if revision == "base" or revision.startswith("-"):
        command.downgrade(config, revision)
        return
    wanted = script.get_revision(revision)
    current = config.attributes.get("current")
    if current and wanted and current != wanted.revision and _is_before(script, wanted.revision, current):
        command.downgrade(config, revision)
    else:
        command.upgrade(config, revision)


def _is_before(script: ScriptDirectory, revision: str, current: str) -> bool:
    return any(found.revision == revision for found in script.iterate_revisions(current, "base"))
