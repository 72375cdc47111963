"""The container image, as far as it can be known without building it."""

import ast
import json
import re
import shutil
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import httpx
import pytest

from gql.settings import Settings
from tests.server import gazette, serving

ROOT = Path(__file__).parent.parent
HADOLINT = Path(sys.executable).parent / "hadolint"
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", "")
BUILD, IMAGE = DOCKERFILE.split("\nFROM ")[1:]
COPIED = dict(re.findall(r"^COPY (\w+) (\w+)$", IMAGE, re.MULTILINE))


def instructions(stage: str, name: str) -> list[str]:
    return re.findall(rf"^{name} +(.*)$", stage, re.MULTILINE)


def linted(text: str) -> subprocess.CompletedProcess[str]:
    arguments = [str(HADOLINT), "--no-color", "-"]
    return subprocess.run(arguments, input=text, capture_output=True, text=True, timeout=60, check=False)


def test_the_linter_has_nothing_to_say() -> None:
    finished = linted((ROOT / "Dockerfile").read_text())
    assert (finished.returncode, finished.stdout) == (0, "")
    assert linted("FROM python\nRUN cd /tmp\n").returncode == 1


def test_it_ends_as_nobody_in_particular_and_builds_nothing() -> None:
    assert instructions(IMAGE, "USER") == ["10001"]
    assert not re.search(r"\b(pip|apt-get|gcc|curl)\b", IMAGE)
    assert "--require-hashes" in BUILD
    # Both stages have the same Python, of a version that is named to the last digit.
    (version,) = {line.split()[0] for line in (BUILD, IMAGE)}
    assert re.fullmatch(r"python:\d+\.\d+\.\d+-slim-\w+", version)


def test_what_it_copies_is_let_in_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    named = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert lines[1] == "*"
    assert named == {*COPIED, *instructions(BUILD, "COPY")[0].split()[:1]}
    assert all((ROOT / name).exists() for name in named)


def test_what_it_copies_is_all_that_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own commands, in a folder that has nothing else."""
    for name, target in COPIED.items():
        shutil.copytree(ROOT / name, tmp_path / target, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "")
    # The environment of the tests knows where the project is.
    assert imported_from("db", "gql", "migrations") == {tmp_path}
    command = json.loads(instructions(IMAGE, "ENTRYPOINT")[0])
    assert (command, instructions(IMAGE, "CMD")) == (["python", "-m", "gql"], ['["serve"]'])
    url = f"sqlite:///{tmp_path}/gazette.db"
    migrated = gazette("migrate", DATABASE_URL=url)
    assert migrated.returncode == 0, migrated.stderr
    with serving(url) as address:
        answered = httpx.post(f"{address}/graphql", json={"query": "{posts {totalCount}}"}).json()
        assert answered == {"data": {"posts": {"totalCount": 0}}}
        page = httpx.get(f"{address}/graphql", headers={"Accept": "text/html"})
        files = re.findall(r'(?:src|href)="(/explorer/[^"]+)"', page.text)
        assert len(files) >= 6
        assert all(httpx.get(f"{address}{file}").status_code == 200 for file in files)
        port = address.rpartition(":")[2]
        assert is_healthy(port)
    assert not is_healthy(port)


def imported_from(*names: str) -> set[Path]:
    program = f"import {', '.join(names)}; print(*({', '.join(names)}), sep='\\n')"
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    return {Path(file).parent.parent for file in re.findall(r"from '(.*)'", printed)}


def is_healthy(port: str) -> bool:
    """As the image asks."""
    (check,) = re.findall(r"^HEALTHCHECK .* CMD (\[.*\])$", IMAGE, re.MULTILINE)
    program, *arguments = json.loads(check)
    assert program == "python"
    finished = subprocess.run(
        [sys.executable, *arguments], env={"PORT": port}, capture_output=True, timeout=60, check=False
    )
    return finished.returncode == 0


def pinned(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / name).read_text(), re.MULTILINE))


def test_it_has_what_is_imported_and_no_other_version_than_is_tested() -> None:
    image, tested = pinned("requirements-runtime.lock"), pinned("requirements.lock")
    assert image.items() <= tested.items()
    assert not image.keys() & {"pytest", "mypy", "ruff", "setuptools"}
    ours = {"gql", "db", "migrations"}
    imported = {
        name
        for folder in COPIED
        for path in (ROOT / folder).rglob("*.py")
        for name in _packages(path) - sys.stdlib_module_names - ours
    }
    distributions = packages_distributions()
    assert len(imported) > 15
    missing = {name for name in imported if not {found.lower() for found in distributions[name]} & set(image)}
    assert missing == set()


def _packages(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def test_the_example_sets_what_there_is() -> None:
    text = (ROOT / "compose.yaml").read_text()
    fields = Settings.model_fields.items()
    known = {
        field.validation_alias.choices[0] if field.validation_alias else f"GAZETTE_{name.upper()}"  # type: ignore[union-attr]
        for name, field in fields
    }
    environment = text.partition("environment: &environment\n")[2].partition("    ports:")[0]
    names = re.findall(r"^      ([A-Z_]+): ", environment, re.MULTILINE)
    assert len(names) == len(environment.splitlines())
    assert set(names) <= known
