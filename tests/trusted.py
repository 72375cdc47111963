"""Trusted documents for tests, added as the command line adds them."""

from typing import Any

from db import documents
from db.engine import Database
from db.write import transaction
from gql.trusted import hash_of


async def trust(database: Database, text: str, *other_ids: str) -> str:
    """The SHA-256 of a document that is trusted from now on."""
    hash_ = hash_of(text)
    ids = dict.fromkeys(other_ids, hash_)
    await transaction(database, lambda session: documents.add(session, {hash_: text}, ids))
    return hash_


def automatic(hash_: str) -> dict[str, Any]:
    """What Apollo's clients send instead of a document, or with it."""
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash_}}}
