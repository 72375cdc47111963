"""What `gazette client-kit` writes, without a database; the clients themselves use it in tests/clients."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
from graphql import GraphQLScalarType, build_schema, is_specified_scalar_type

from gql import client_kit
from gql.schema import schema
from tests.server import gazette

FILES = {"schema.graphql", "schema.json", "possibleTypes.json", "scalars.json", "codegen.ts", "README.md"}


def kept(folder: Path, *, force: bool = False) -> list[str]:
    """Write the kit; which files were left as they are."""
    return client_kit.write(folder, schema.as_str(), force=force).kept


@pytest.fixture
def kit(tmp_path: Path) -> Path:
    folder = tmp_path / "src" / "gazette"
    assert kept(folder) == []
    return folder


def test_the_command_needs_no_database(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# My project\n")
    finished = gazette("client-kit", str(tmp_path), DATABASE_URL="postgresql://somebody@127.0.0.1:1/nothing")
    assert finished.returncode == 0
    assert "schema.graphql" in finished.stdout
    assert "Kept README.md" in finished.stderr
    assert (tmp_path / "README.md").read_text() == "# My project\n"


def test_it_has_the_schema_as_each_client_wants_it(kit: Path) -> None:
    assert {path.name for path in kit.iterdir()} == FILES | {"kit.json"}
    assert (kit / "schema.graphql").read_text() == schema.as_str()
    possible = json.loads((kit / "possibleTypes.json").read_text())
    assert possible == {"Node": ["Comment", "Post", "Session", "Tag", "User"]}
    minimal = json.loads((kit / "schema.json").read_text())["__schema"]
    assert minimal["queryType"] == {"kind": "OBJECT", "name": "Query"}


def test_every_scalar_has_a_type(kit: Path) -> None:
    kinds = build_schema(schema.as_str()).type_map.values()
    own = {
        kind.name
        for kind in kinds
        if isinstance(kind, GraphQLScalarType) and not is_specified_scalar_type(kind)
    }
    types = json.loads((kit / "scalars.json").read_text())
    assert set(types) == own
    assert types["DateTime"] == "string"


def test_its_configuration_says_where_the_schema_is(kit: Path) -> None:
    assert f'schema: "{kit.as_posix()}/schema.graphql"' in (kit / "codegen.ts").read_text()


def test_what_it_wrote_is_written_anew(kit: Path) -> None:
    current = (kit / "scalars.json").read_text()
    # As an older version of the API had it.
    old = current.replace("DateTime", "Instant")
    (kit / "scalars.json").write_text(old)
    hashes = json.loads((kit / "kit.json").read_text())
    (kit / "kit.json").write_text(json.dumps({**hashes, "scalars.json": sha256(old.encode()).hexdigest()}))
    assert kept(kit) == []
    assert (kit / "scalars.json").read_text() == current


def test_what_somebody_changed_is_kept_unless_forced(kit: Path) -> None:
    path = kit / "codegen.ts"
    original = path.read_text()
    path.write_text("// mine\n")
    (kit / "schema.json").unlink()
    for _ in ("once", "and again"):
        assert kept(kit) == ["codegen.ts"]
        assert path.read_text() == "// mine\n"
    assert (kit / "schema.json").exists()
    assert kept(kit, force=True) == []
    assert path.read_text() == original
    assert kept(kit) == []


def test_other_ends_of_lines_are_no_change(kit: Path) -> None:
    path = kit / "codegen.ts"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert kept(kit) == []


@pytest.mark.parametrize("manifest", ["nonsense", "[]", '"text"'])
def test_a_manifest_that_is_none_makes_nothing_ours(kit: Path, manifest: str) -> None:
    (kit / "kit.json").write_text(manifest)
    (kit / "codegen.ts").write_text("// mine\n")
    assert kept(kit) == ["codegen.ts"]
    assert (kit / "codegen.ts").read_text() == "// mine\n"


def test_a_folder_that_cannot_be_one(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    finished = gazette("client-kit", str(tmp_path / "taken"))
    assert finished.returncode == 1
    assert finished.stderr.startswith("The kit cannot be written")
    assert "Traceback" not in finished.stderr
