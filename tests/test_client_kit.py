"""What `gazette client-kit` writes, without a database; the clients themselves use it in tests/clients."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
from graphql import GraphQLScalarType, build_schema, is_specified_scalar_type

from gql.schema import schema
from tests.server import gazette

FILES = {"schema.graphql", "schema.json", "possibleTypes.json", "scalars.json", "codegen.ts", "README.md"}
NOWHERE = "postgresql://somebody@127.0.0.1:1/nothing"


def write_kit(folder: Path, *options: str) -> str:
    finished = gazette("client-kit", str(folder), *options, DATABASE_URL=NOWHERE)
    assert finished.returncode == 0, finished.stderr
    return finished.stderr


@pytest.fixture
def kit(tmp_path: Path) -> Path:
    folder = tmp_path / "src" / "gazette"
    assert write_kit(folder) == ""
    return folder


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
    assert write_kit(kit) == ""
    assert (kit / "scalars.json").read_text() == current


def test_what_somebody_changed_is_kept_unless_forced(kit: Path) -> None:
    path = kit / "codegen.ts"
    original = path.read_text()
    path.write_text("// mine\n")
    (kit / "schema.json").unlink()
    for _ in ("once", "and again"):
        said = write_kit(kit)
        assert "codegen.ts" in said
        assert "schema" not in said
        assert path.read_text() == "// mine\n"
    assert (kit / "schema.json").exists()
    assert write_kit(kit, "--force") == ""
    assert path.read_text() == original
    assert write_kit(kit) == ""


def test_what_somebody_else_wrote_is_kept(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# My project\n")
    assert "README.md" in write_kit(tmp_path)
    assert (tmp_path / "README.md").read_text() == "# My project\n"


def test_other_ends_of_lines_are_no_change(kit: Path) -> None:
    path = kit / "codegen.ts"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert write_kit(kit) == ""


@pytest.mark.parametrize("manifest", ["nonsense", "[]", '"text"'])
def test_a_manifest_that_is_none_makes_nothing_ours(kit: Path, manifest: str) -> None:
    (kit / "kit.json").write_text(manifest)
    (kit / "codegen.ts").write_text("// mine\n")
    assert "codegen.ts" in write_kit(kit)
    assert (kit / "codegen.ts").read_text() == "// mine\n"


def test_a_folder_that_cannot_be_one(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    finished = gazette("client-kit", str(tmp_path / "taken"))
    assert finished.returncode == 1
    assert finished.stderr.startswith("The kit cannot be written")
    assert "Traceback" not in finished.stderr
