"""The command line."""

import os
import secrets
import socket
import sys
from difflib import unified_diff
from pathlib import Path
from typing import Annotated, TypeVar

import typer
import uvicorn
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
from db.migrate import migrate
from gql import admin, client_kit
from gql.check import Level, check
from gql.cli_documents import documents
from gql.console import be_migrated, fail, read_settings, run
from gql.schema import schema
from gql.server import server_options
from gql.settings import MissingSecretError, Settings
from gql.tidy import tidy

T = TypeVar("T")

app = typer.Typer(
    name="gazette",
    help="Gazette, a GraphQL API for publishing. The README lists its environment variables.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(documents, name="documents")
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
    settings = read_settings()
    try:
        settings.secrets  # noqa: B018 # To say so here, and not from each worker.
    except MissingSecretError as error:
        fail(str(error), code=2)
    be_migrated(settings, unless_away=True)
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
        **server_options(settings),
    )


@app.command("migrate", context_settings={"ignore_unknown_options": True})  # It takes -1 for a revision.
def migrate_command(
    revision: Annotated[
        str, typer.Argument(help="Where to go, up or down: a revision, head, base, +1 or -1.")
    ] = "head",
) -> None:
    """Bring the database's tables to a revision, by default to the one that this version needs."""
    settings = read_settings()
    reached = run(settings, migrate(settings.database, revision))
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
    settings = read_settings()
    try:
        size = demo.Size(users=users, posts=posts, comments=comments, seed=seed)
    except ValueError as error:
        fail(str(error), code=2)
    be_migrated(settings)
    try:
        run(settings, _seed(settings, size))
    except demo.NotEmptyError:
        if not if_empty:
            fail("The database is not empty: demo data goes into an empty one only. Nothing was changed.")
    else:
        typer.echo(f"Seeded {users} users, {posts} posts and {comments} comments; password: {demo.PASSWORD}")


@app.command("check")
def check_command(
    workers: Annotated[int, typer.Option(help="How many processes are to share the port.", min=1)] = 1,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 for warnings as well.")] = False,
) -> None:
    """Name what is insecure or unwise, before production. The exit code is 1 where there are errors."""
    settings = read_settings()
    found = run(settings, check(settings, workers))
    for finding in found:
        typer.echo(f"{finding.level.value}: {finding.rule}: {finding.message}")
    errors = sum(finding.level is Level.ERROR for finding in found)
    typer.echo(f"{errors} errors, {len(found) - errors} warnings.")
    if errors or (strict and found):
        raise typer.Exit(1)


@app.command("tidy")
def tidy_command() -> None:
    """Remove what nobody needs any more, such as expired sessions; daily, also beside servers."""
    settings = read_settings()
    be_migrated(settings)
    *removed, last = (f"{count} {what}" for what, count in run(settings, tidy(settings.database)).items())
    typer.echo(f"Removed {', '.join(removed)} and {last}.")


@app.command("secret")
def secret_command() -> None:
    """Print a new key for GAZETTE_SECRET_KEYS: put it first there, and drop the old one a day later."""
    typer.echo(secrets.token_urlsafe(48))


def _text(value: str) -> str:
    """Arguments bring along any byte, and no database takes what is no text."""
    try:
        value.encode()
    except UnicodeEncodeError:
        fail("This is no text in UTF-8.")
    return value


@users.command("create")
def create_user_command(
    username: Annotated[str, typer.Argument(help="The public handle.", callback=_text)],
    email: Annotated[str, typer.Argument(help="The address, which counts as confirmed.", callback=_text)],
    role: Annotated[str, typer.Option(help="user, editor or admin.")] = "user",
) -> None:
    """Make an account. The password is asked for, or is the first line of what is piped in."""
    settings = read_settings()
    be_migrated(settings)
    try:
        run(settings, admin.create_user(settings.database, username, email, _password(), role))
    except admin.RefusedError as error:
        fail(str(error))
    typer.echo(f"Created {username}, {role}.")


@users.command("password")
def user_password_command(username: Annotated[str, typer.Argument(help="Whose.", callback=_text)]) -> None:
    """Set a password and end all sessions. It is asked for, or is the first line of what is piped in."""
    settings = read_settings()
    be_migrated(settings)
    try:
        run(settings, admin.set_password(settings.database, username, _password()))
    except admin.RefusedError as error:
        fail(str(error))
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
        fail("There is no schema.graphql here: write it with `gazette schema > schema.graphql`.")
    difference = unified_diff(
        exported.read_text(encoding="utf-8").splitlines(),
        current.splitlines(),
        "schema.graphql",
        "the code",
        lineterm="",
    )
    if lines := list(difference):
        typer.echo("\n".join(lines))
        fail("schema.graphql differs from the code: write it with `gazette schema > schema.graphql`.")


@app.command("client-kit")
def client_kit_command(
    folder: Annotated[Path, typer.Argument(help="Where to write it, src/gazette for instance.")],
    force: Annotated[bool, typer.Option("--force", help="Overwrite also what was changed since.")] = False,
) -> None:
    """Write what a front end starts from: the schema for each client, and a configuration for types."""
    try:
        written, kept = client_kit.write(folder, schema.as_str(), force=force)
    except OSError as error:
        fail(f"The kit cannot be written: {error}")
    typer.echo(f"{folder}: {', '.join(written) or 'nothing to write'}")
    for name in kept:
        typer.echo(f"Kept {name}, which is not as the kit left it: --force overwrites it.", err=True)


def _be_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As uvicorn does: what only lingers from a server that has ended does not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            fail(f"Cannot serve at {host}, port {port}: {error.strerror}. Choose others: --host, --port.")


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
