"""'Add an entity' in CONTRIBUTING.md, done in a copy of the project exactly as it is written there."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text().partition("## Add an entity")[2]
COPIED = ("db", "gql", "migrations", "tests", "pyproject.toml", "schema.graphql")
CACHE = ROOT / ".mypy_cache"  # Where mypy was run before, it knows the libraries.

USE = """
import asyncio
from db.models import Link
from gql.app import create_app
from tests import factories
from tests.client import Client

async def use() -> None:
    async with Client(create_app()) as client:
        user = factories.user(username="ada")
        links = [Link(user=user, title=title, url="https://example.org/") for title in ("a", "b", "c")]
        await factories.save(client.database, *links)
        page = "totalCount nodes {id title url createdAt user {username}} pageInfo {hasNextPage}"
        data = await client.data(f"{{users {{nodes {{links(first: 2) {{{page}}}}}}}}}")
        found = data["users"]["nodes"][0]["links"]
        assert found["totalCount"] == 3
        assert [link["title"] for link in found["nodes"]] == ["a", "b"]
        assert found["nodes"][0]["user"] == {"username": "ada"}
        visitor = await client.viewing(user)
        made = await visitor.mutate("createLink", "link {id}", title="d", url="https://example.org/d")
        assert made["userErrors"] == []
        refused = await visitor.mutate("createLink", "link {id}", title="e", url="javascript:alert(1)")
        assert refused == {"link": None, "userErrors": [("INVALID", "url")]}
        gone = await visitor.mutate("deleteLink", "deletedLinkId", id=made["link"]["id"])
        assert gone == {"deletedLinkId": made["link"]["id"], "userErrors": []}
        key = found["nodes"][0]["id"]
        data = await client.data(f'{{node(id: "{key}") {{... on Link {{title}}}}}}')
        assert data == {"node": {"title": "a"}}

asyncio.run(use())
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def write(folder: Path, block: str) -> str:
    """Put a block where its first line says; the name of the file."""
    header, _, code = block.partition("\n")
    name, _, place = header.removeprefix("# ").partition(", at the end of ")
    path = folder / name
    text = path.read_text() if path.exists() else ""
    if place:
        start = text.index(f"class {place}(")
        # A class ends before the next two empty lines.
        end = text.index("\n\n\n", start)
        path.write_text(f"{text[:end]}\n{code.rstrip()}{text[end:]}")
    else:
        path.write_text(f"{text}\n\n{code}" if text else code)
    return name


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path / name)
    if CACHE.exists():
        shutil.copytree(CACHE, tmp_path / CACHE.name)
    return tmp_path


def run(folder: Path, *arguments: str) -> str:
    finished = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env={**os.environ, "DATABASE_URL": f"sqlite:///{folder}/gazette.db", "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def test_an_entity_is_added_in_two_files(copy: Path) -> None:
    assert {write(copy, block) for block in blocks("python")} == {
        "db/models.py",
        "gql/types.py",
        "gql/mutations/links.py",
    }
    (commands,) = blocks("shell")
    for command in commands.strip().splitlines():
        line, _, target = command.partition(" > ")
        program, *arguments = shlex.split(line)
        printed = run(copy, {"gazette": "gql"}.get(program, program), *arguments)
        if target:
            (copy / target).write_text(printed)
    (copy / "use.py").write_text(USE)
    run(copy, "use")
    # What holds for the project's own entities holds for this one.
    tests = ("test_schema.py", "test_layers.py", "test_migrations.py")
    names = "schema or layer or described or sqlite and models_declare"
    run(copy, "pytest", "-q", "-p", "no:cacheprovider", "-k", names, *(f"tests/{name}" for name in tests))
    run(copy, "ruff", "check", "db", "gql", "migrations")
    run(copy, "ruff", "format", "--check", "db", "gql", "migrations")
    run(copy, "mypy", "-p", "db", "-p", "gql")
