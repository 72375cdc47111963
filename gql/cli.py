"""The command line."""

import asyncio
import os
import secrets
import socket
import sys
from collections.abc import Coroutine
from difflib import unified_diff
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
import uvicorn
from pydantic import ValidationError
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from db import demo
from db.engine import Database
from db.errors import DatabaseUnavailableError
from db.migrate import MigrationError, head_revision, is_known, migrate, revision_of
from gql import admin
from gql.schema import schema
from gql.settings import MissingSecretError, Settings

T = TypeVar("T")

app = typer.Typer(
    name="gazette",
    help="Gazette, a GraphQL API for publishing. The README lists its environment variables.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
users = typer.Typer(help="Make accounts, and set passwords.", no_args_is_help=True)
app.add_typer(users, name="user")


def main() -> None:
    app()


@app.command("serve")
def serve_command(
    host: Annotated[str | None, typer.Option(help="The address to serve at.  [default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="The port to serve at.  [default: 8000]")] = None,
    workers: Annotated[int, typer.Option(help="How many processes share the port.", min=1)] = 1,
    reload: Annotated[bool, typer.Option(help="Start anew when the code changes.")] = False,
) -> None:
    """Serve the API at /graphql, with GraphiQL for browsers."""
    # Worker processes read the environment again.
    os.environ.update({"HOST": host} if host is not None else {})
    os.environ.update({"PORT": str(port)} if port is not None else {})
    settings = _settings()
    try:
        settings.secrets  # noqa: B018 # To say so here, and not from each worker.
    except MissingSecretError as error:
        _fail(str(error), code=2)
    _be_migrated(settings)
    _be_free(settings.host, settings.port)
    if workers > 1 and not settings.redis_url:
        typer.echo("Each worker counts log-ins and budgets for itself: set REDIS_URL to count together.")
    if settings.mail.get_secret_value() == "console":
        typer.echo("Mails are printed here, tokens and all: set GAZETTE_MAIL to have them sent.")
    host_in_url = f"[{settings.host}]" if ":" in settings.host else settings.host
    typer.echo(f"Database: {settings.database.safe_url}")
    typer.echo(
        f"GraphiQL: http://{host_in_url}:{settings.port}/graphql" if settings.explorer else "GraphiQL: off"
    )
    uvicorn.run(
        "gql.app:create_served_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=workers,
        reload=reload,
        http="gql.server:Protocol",
        access_log=False,
        forwarded_allow_ips=settings.proxies,
        timeout_graceful_shutdown=settings.shutdown,
    )


@app.command("migrate", context_settings={"ignore_unknown_options": True})  # It takes -1 for a revision.
def migrate_command(
    revision: Annotated[
        str, typer.Argument(help="Where to go, up or down: a revision, head, base, +1 or -1.")
    ] = "head",
) -> None:
    """Bring the database's tables to a revision, by default to the one that this version needs."""
    settings = _settings()
    reached = _run(settings, migrate(settings.database, revision))
    typer.echo(f"The database is at revision {reached or 'base (no tables)'}.")


@app.command("seed")
def seed_command(
    users: Annotated[int, typer.Option(help="How many users.")] = demo.Size.users,
    posts: Annotated[int, typer.Option(help="How many posts.")] = demo.Size.posts,
    comments: Annotated[int, typer.Option(help="How many comments.")] = demo.Size.comments,
    seed: Annotated[int, typer.Option(help="The same number makes the same data.")] = demo.Size.seed,
    if_empty: Annotated[bool, typer.Option("--if-empty", help="Do nothing where there is data.")] = False,
) -> None:
    """Fill an empty database with demo data. Every demo user's password is gazette-demo."""
    settings = _settings()
    try:
        size = demo.Size(users=users, posts=posts, comments=comments, seed=seed)
    except ValueError as error:
        _fail(str(error), code=2)
    _be_migrated(settings)
    try:
        _run(settings, _seed(settings, size))
    except demo.NotEmptyError:
        if not if_empty:
            _fail("The database is not empty: demo data goes into an empty one only. Nothing was changed.")
    else:
        typer.echo(f"Seeded {users} users, {posts} posts and {comments} comments; password: {demo.PASSWORD}")


@app.command("secret")
def secret_command() -> None:
    """Print a new key for GAZETTE_SECRET_KEYS: put it first there, and drop the old one a day later."""
    typer.echo(secrets.token_urlsafe(48))


def _text(value: str) -> str:
    """Arguments bring along any byte, and no database takes what is no text."""
    try:
        value.encode()
    except UnicodeEncodeError:
        _fail("This is no text in UTF-8.")
    return value


@users.command("create")
def create_user_command(
    username: Annotated[str, typer.Argument(help="The public handle.", callback=_text)],
    email: Annotated[str, typer.Argument(help="The address, which counts as confirmed.", callback=_text)],
    role: Annotated[str, typer.Option(help="user, editor or admin.")] = "user",
) -> None:
    """Make an account. The password is asked for, or is the first line of what is piped in."""
    settings = _settings()
    _be_migrated(settings)
    try:
        _run(settings, admin.create_user(settings.database, username, email, _password(), role))
    except admin.RefusedError as error:
        _fail(str(error))
    typer.echo(f"Created {username}, {role}.")


@users.command("password")
def user_password_command(username: Annotated[str, typer.Argument(help="Whose.", callback=_text)]) -> None:
    """Set a password and end all sessions. It is asked for, or is the first line of what is piped in."""
    settings = _settings()
    _be_migrated(settings)
    try:
        _run(settings, admin.set_password(settings.database, username, _password()))
    except admin.RefusedError as error:
        _fail(str(error))
    typer.echo(f"{username} has a new password, and has to log in again.")


def _password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    return _text(sys.stdin.buffer.readline().decode(errors="surrogateescape").rstrip("\r\n"))


@app.command("schema")
def schema_command(
    check: Annotated[
        bool, typer.Option("--check", help="Compare with schema.graphql; exit 1 on a difference.")
    ] = False,
) -> None:
    """Print the schema in GraphQL's own language."""
    current = schema.as_str()
    if not check:
        typer.echo(current, nl=False)
        return
    exported = Path("schema.graphql")
    if not exported.exists():
        _fail("There is no schema.graphql here: write it with `gazette schema > schema.graphql`.")
    difference = unified_diff(
        exported.read_text(encoding="utf-8").splitlines(),
        current.splitlines(),
        "schema.graphql",
        "the code",
        lineterm="",
    )
    if lines := list(difference):
        typer.echo("\n".join(lines))
        _fail("schema.graphql differs from the code: write it with `gazette schema > schema.graphql`.")


def _settings() -> Settings:
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


def _be_migrated(settings: Settings) -> None:
    revision = _run(settings, revision_of(settings.database))
    if revision != head_revision():
        mend = "run `gazette migrate`" if is_known(revision) else "install the version that migrated it"
        _fail(
            f"The database is at revision {revision or 'base (no tables)'}, "
            f"but {head_revision()} is needed: {mend}."
        )


def _be_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As uvicorn does: what only lingers from a server that has ended does not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            _fail(f"Cannot serve at {host}, port {port}: {error.strerror}. Choose others: --host, --port.")


async def _seed(settings: Settings, size: demo.Size) -> None:
    database = Database(settings.database)
    bars = Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    tasks: dict[str, TaskID] = {}

    def show(table: str, done: int, total: int) -> None:
        bars.start()
        if table not in tasks:
            tasks[table] = bars.add_task(table, total=total)
        bars.update(tasks[table], completed=done)

    try:
        await demo.seed(database, size, show)
    finally:
        if tasks:
            bars.stop()
        await database.dispose()


def _run(settings: Settings, work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except DatabaseUnavailableError as error:
        reason = (str(error).strip().splitlines() or ["no answer"])[0]
        _fail(f"The database {settings.database.safe_url} cannot be reached: {reason}")
    except MigrationError as error:
        _fail(str(error))


def _fail(message: str, *, code: int = 1) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(code)
