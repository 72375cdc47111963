"""What a front end starts from: the schema as each client wants it, and a configuration for types."""

import hashlib
import json
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from graphql import (
    GraphQLSchema,
    build_schema,
    is_abstract_type,
    is_scalar_type,
    is_specified_scalar_type,
)

from gql.client_kit.introspection import minimal_introspection

# Anything else is as JSON.parse leaves it, and has to be looked at before it is used.
_TYPESCRIPT = {"DateTime": "string"}
_UNKNOWN = "unknown"

# Where the files' own texts say that they are.
_FOLDER = "src/gazette"

# What the kit has written, by its hash: what is still so can be written anew.
_MANIFEST = "kit.json"


class Written(NamedTuple):
    """The names of the files that were written, and of those that are somebody's own and were kept."""

    written: list[str]
    kept: list[str]


def write(folder: Path, sdl: str, *, force: bool = False) -> Written:
    """Write the kit of a schema into a folder, which is made where it is missing.

    A file that is not as the kit left it there is kept, unless `force`. Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    known = _known(folder / _MANIFEST)
    made = _made(sdl, folder)
    kept = [
        name
        for name, text in made.items()
        if not force and not _is_one_of(folder / name, known.get(name), _hash(text))
    ]
    written = {name: text for name, text in made.items() if name not in kept}
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")
    hashes = {**known, **{name: _hash(text) for name, text in written.items()}}
    (folder / _MANIFEST).write_text(_json(hashes), encoding="utf-8")
    return Written([*written], kept)


def possible_types(schema: GraphQLSchema) -> dict[str, list[str]]:
    """The objects that can stand for each interface and union, as Apollo Client's cache asks for it."""
    abstract = {name: kind for name, kind in schema.type_map.items() if is_abstract_type(kind)}
    return {
        name: sorted(possible.name for possible in schema.get_possible_types(abstract[name]))
        for name in sorted(abstract)
    }


def scalars(schema: GraphQLSchema) -> dict[str, str]:
    """The TypeScript type of each scalar that GraphQL itself has not."""
    own = (k.name for k in schema.type_map.values() if is_scalar_type(k) and not is_specified_scalar_type(k))
    return {name: _TYPESCRIPT.get(name, _UNKNOWN) for name in sorted(own)}


def _made(sdl: str, folder: Path) -> dict[str, str]:
    """The text of each file, by its name."""
    schema = build_schema(sdl)
    texts = {name: _text(name).replace(_FOLDER, folder.as_posix()) for name in ("codegen.ts", "README.md")}
    return {
        "schema.graphql": sdl,
        "schema.json": _json(minimal_introspection(schema)),
        "possibleTypes.json": _json(possible_types(schema)),
        "scalars.json": _json(scalars(schema)),
        **texts,
    }


def _text(name: str) -> str:
    return files("gql.client_kit").joinpath("files", name).read_text(encoding="utf-8")


def _json(value: Any) -> str:
    return json.dumps(value, indent=2) + "\n"


def _is_one_of(path: Path, *hashes: str | None) -> bool:
    """Whether nothing of anybody else's is there. Other ends of lines, as git makes them, are no change."""
    return not path.exists() or _hash(path.read_text(encoding="utf-8", errors="replace")) in hashes


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _known(manifest: Path) -> dict[str, str]:
    try:
        hashes = json.loads(manifest.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return hashes if isinstance(hashes, dict) else {}
