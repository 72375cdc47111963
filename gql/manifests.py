"""Documents in files: GraphQL itself, and the manifests that front ends' tools write when they build.

graphql-codegen and Relay's compiler write an object of documents by their ids, Apollo's
generate-persisted-query-manifest a list of operations.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from gql.trusted import hash_of, is_hash, plain_id

_GRAPHQL = {".graphql", ".gql"}
_KINDS = {*_GRAPHQL, ".json"}
_APOLLO = "apollo-persisted-query-manifest"


class Found(NamedTuple):
    """A document, by what id it is meant, and where it is, for people."""

    id: str
    text: str
    place: str


class ManifestError(Exception):
    """What is wrong with a file, for people."""


def documents(paths: Iterable[Path]) -> list[Found]:
    """The documents of files, and of all files below folders; raises ManifestError, and OSError."""
    found: dict[str, Found] = {}
    for path in paths:
        for file in _files(path):
            for document in _of_file(file):
                other = found.setdefault(document.id, document)
                if other.text != document.text:
                    raise ManifestError(f"{document.place}: it differs from {other.place}.")
    return list(found.values())


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.rglob("*") if file.suffix in _KINDS and file.is_file())
    if not files:
        raise ManifestError(f"{path}: there is no {', '.join(sorted(_KINDS))} file in it.")
    return files


def _of_file(file: Path) -> Iterator[Found]:
    content = file.read_bytes()
    try:
        if file.suffix in _GRAPHQL:
            text = content.decode()
            yield Found(hash_of(text), text, str(file))
            return
        entries = list(_entries(orjson.loads(content)))
    except UnicodeDecodeError as error:
        raise ManifestError(f"{file}: it is no text in UTF-8.") from error
    except (orjson.JSONDecodeError, TypeError, KeyError, ValueError) as error:
        raise ManifestError(
            f"{file}: it is no manifest of graphql-codegen, of Relay's compiler or of Apollo's."
        ) from error
    for given, text in entries:
        yield _checked(given, text, f"{file}, {given}")


def _entries(manifest: Any) -> Iterator[tuple[str, str]]:
    """Ids with their texts; raises TypeError, KeyError and ValueError where it is no manifest."""
    if manifest.get("format") == _APOLLO if isinstance(manifest, dict) else False:
        if manifest["version"] != 1:
            raise ValueError
        pairs = [(operation["id"], operation["body"]) for operation in manifest["operations"]]
    else:
        pairs = list(dict(manifest).items())
    for id_, text in pairs:
        if not isinstance(id_, str) or not isinstance(text, str):
            raise TypeError
        yield id_, text


def _checked(given: str, text: str, place: str) -> Found:
    """With its id as it is kept. What looks like a SHA-256 has to be one: clients go by that."""
    identifier = plain_id(given)
    if identifier is None:
        raise ManifestError(
            f"{place}: an id is sha256: with 64 digits, or up to 128 letters, digits, `.`, `_`, `~` and `-`."
        )
    if is_hash(identifier) and identifier != hash_of(text):
        raise ManifestError(f"{place}: the id is not the SHA-256 of the document.")
    return Found(identifier, text, place)
