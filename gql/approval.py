"""Which documents can be trusted: those that would be executed now, whatever their variables."""

from collections.abc import Iterable, Iterator

from db import documents
from db.documents import Stored
from db.engine import Database, DatabaseSettings
from db.write import transaction
from gql.errors import Asked, formatted
from gql.manifests import Found
from gql.schema import Schema
from gql.trusted import hash_of


def complaints(schema: Schema, text: str) -> Iterator[str]:
    """What is wrong with a document, and in which line; nothing where it can be executed."""
    errors = formatted(schema.refusals(text), Asked(""), validated=False)
    for error in errors:
        places = [f"line {place['line']}, column {place['column']}: " for place in error.get("locations", ())]
        yield f"{''.join(places[:1])}{error['message']}"


async def add(settings: DatabaseSettings, found: Iterable[Found]) -> int:
    """Add documents that nobody complains of; how many were not there yet. Raises IdTakenError."""
    texts = {hash_of(document.text): document.text for document in found}
    ids = {document.id: hash_of(document.text) for document in found}
    others = {id_: hash_ for id_, hash_ in ids.items() if id_ != hash_}
    database = Database(settings)
    try:
        return await transaction(database, lambda session: documents.add(session, texts, others))
    finally:
        await database.dispose()


async def remove(settings: DatabaseSettings, identifier: str) -> bool:
    database = Database(settings)
    try:
        return await transaction(database, lambda session: documents.remove(session, identifier))
    finally:
        await database.dispose()


async def stored(settings: DatabaseSettings) -> list[Stored]:
    database = Database(settings)
    try:
        return await documents.stored(database)
    finally:
        await database.dispose()
