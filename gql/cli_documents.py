"""The commands about trusted documents."""

from pathlib import Path
from typing import Annotated

import typer
from graphql import GraphQLError, OperationDefinitionNode, parse

from db.documents import IdTakenError
from gql import approval, manifests
from gql.console import be_migrated, fail, read_settings, run
from gql.schema import Schema, build_schema
from gql.settings import Settings
from gql.trusted import plain_id

documents = typer.Typer(
    help="Say what front ends may ask by an id of it, or, where GAZETTE_TRUSTED_ONLY is set, at all.",
    no_args_is_help=True,
)


@documents.command("add")
def add_command(
    paths: Annotated[
        list[Path],
        typer.Argument(help="Files, or folders of them: .graphql, or a tool's manifest.", exists=True),
    ],
) -> None:
    """Trust the documents in files: all of them, or none when one cannot be executed."""
    settings = read_settings()
    be_migrated(settings)
    schema = _schema(settings)
    try:
        found = manifests.documents(paths)
    except (manifests.ManifestError, OSError) as error:
        fail(f"{error} Nothing was added.")
    complaints = [
        f"{document.place}: {complaint}"
        for document in found
        for complaint in approval.complaints(schema, document.text)
    ]
    if complaints:
        fail("\n".join([*complaints, "Nothing was added."]))
    try:
        added = run(settings, approval.add(settings.database, found))
    except IdTakenError as error:
        fail(f"The id {error} is that of another document already. Nothing was added.")
    typer.echo(f"{len(found)} documents were found, and {added} of them added.")


@documents.command("list")
def list_command() -> None:
    """Print each document's id, when it was added, its operations and its other ids."""
    settings = read_settings()
    be_migrated(settings)
    for found in run(settings, approval.stored(settings.database)):
        others = f" ({', '.join(found.other_ids)})" if found.other_ids else ""
        typer.echo(f"{found.hash} {found.added_at:%Y-%m-%d} {_names(found.text)}{others}")


@documents.command("check")
def check_command() -> None:
    """Look whether all of them can be executed by this version, with these settings; exit 1 where not."""
    settings = read_settings()
    be_migrated(settings)
    schema = _schema(settings)
    complaints = [
        f"{found.hash} {_names(found.text)}: {complaint}"
        for found in run(settings, approval.stored(settings.database))
        for complaint in approval.complaints(schema, found.text)
    ]
    if complaints:
        fail("\n".join(complaints))


@documents.command("remove")
def remove_command(
    ids: Annotated[list[str], typer.Argument(help="Any of a document's ids.")],
) -> None:
    """Trust a document no more, by none of its ids: who still asks for it is refused half a minute later."""
    settings = read_settings()
    be_migrated(settings)
    for given in ids:
        identifier = plain_id(given)
        if identifier is None or not run(settings, approval.remove(settings.database, identifier)):
            fail(f"There is no document of the id {given}.")
        typer.echo(f"Removed {given}.")


def _schema(settings: Settings) -> Schema:
    return build_schema(introspection=settings.introspection, suggestions=True, limits=settings.limits)


def _names(text: str) -> str:
    try:
        definitions = parse(text, no_location=True).definitions
    except GraphQLError:
        return "?"
    operations = [node for node in definitions if isinstance(node, OperationDefinitionNode)]
    return ", ".join(node.name.value if node.name else node.operation.value for node in operations)
