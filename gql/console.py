"""What the commands have in common: their settings, their database, and how they fail."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import typer
from pydantic import ValidationError

from db.errors import DatabaseUnavailableError
from db.migrate import MigrationError, head_revision, is_known, revision_of
from gql.settings import Settings

T = TypeVar("T")


def read_settings() -> Settings:
    try:
        settings = Settings()
        settings.database  # noqa: B018 # Its values are checked when it is made.
    except ValidationError as error:
        for problem in error.errors():
            name = str(problem["loc"][-1])
            # The others come by their own names already, or from the database's settings.
            name = f"GAZETTE_{name.upper()}" if name in Settings.model_fields else name
            name = {"url": "DATABASE_URL"}.get(name, name)
            typer.echo(f"{name} {problem['msg'].removeprefix('Value error, ')}", err=True)
        raise typer.Exit(2) from None
    return settings


def be_migrated(settings: Settings, *, unless_away: bool = False) -> None:
    """Or fail; with `unless_away` a PostgreSQL that may come back is only spoken of."""
    database = settings.database
    if database.is_sqlite and not Path(database.parsed_url.database or "").exists():
        # To open it would make one.
        fail(f"{_away(settings)}: there is no such file. `gazette migrate` makes one.")
    try:
        revision = asyncio.run(revision_of(database))
    except DatabaseUnavailableError as error:
        if database.is_sqlite or not unless_away:
            fail(f"{_away(settings)}: {_reason(error)}")
        typer.echo(
            f"{_away(settings)}: {_reason(error)}. Until it can, requests are answered with 503.", err=True
        )
        return
    if revision != head_revision():
        mend = "run `gazette migrate`" if is_known(revision) else "install the version that migrated it"
        fail(
            f"The database is at revision {revision or 'base (no tables)'}, "
            f"but {head_revision()} is needed: {mend}."
        )


def _away(settings: Settings) -> str:
    return f"The database {settings.database.safe_url} cannot be reached"


def _reason(error: DatabaseUnavailableError) -> str:
    return (str(error).strip().splitlines() or ["no answer"])[0]


def run(settings: Settings, work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except DatabaseUnavailableError as error:
        fail(f"{_away(settings)}: {_reason(error)}")
    except MigrationError as error:
        fail(str(error))


def fail(message: str, *, code: int = 1) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(code)
