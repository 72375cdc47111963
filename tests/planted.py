"""Do the tests notice? Plants one error after the other into a copy of gql/execution and runs them there.

`make planted` takes some minutes. `python -m tests.planted order` plants only those with this in their names.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
EXECUTION = "gql/execution"
# Those of all of the package; the slowest come last.
TESTS = (
    *("nulls", "documents", "types", "input", "async", "cancelled", "info", "mutations"),
    *("columns", "hooks", "strawberry_input", "strawberry", "fuzz"),
)


class Bug(NamedTuple):
    """What is replaced in which module: it has to be there exactly once."""

    name: str
    module: str
    old: str
    new: str


BUGS = [Bug(**bug) for bug in tomllib.loads((ROOT / "tests/planted.toml").read_text())["bug"]]


def planted(bug: Bug, folder: Path) -> None:
    path = folder / EXECUTION / f"{bug.module}.py"
    text = path.read_text()
    if text.count(bug.old) != 1:
        raise SystemExit(f"{bug.name}: {text.count(bug.old)} times in {path.name}")
    path.write_text(text.replace(bug.old, bug.new))


def run_tests(folder: Path) -> subprocess.CompletedProcess[str]:
    """In this process' environment; a run that does not end has noticed something, too."""
    paths = [f"tests/test_execution_{name}.py" for name in TESTS]
    options = [
        "-x",
        "-q",
        "--no-header",
        "--tb=line",
        "-p",
        "no:cacheprovider",
        "-o",
        "faulthandler_timeout=60",
    ]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *paths],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "N": os.environ.get("N", "600")},
        capture_output=True,
        text=True,
        check=False,
    )


def copied(folder: Path) -> Path:
    for name in ("gql", "db", "tests", "migrations"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def verdict(bug: Bug | None) -> str:
    """What came of the tests, and which was the first to notice."""
    with tempfile.TemporaryDirectory() as name:
        folder = copied(Path(name))
        if bug is not None:
            planted(bug, folder)
        finished = run_tests(folder)
    first = next(
        (line for line in finished.stdout.splitlines() if line.startswith(("FAILED", "ERROR", "E  "))), ""
    )
    return "survived" if finished.returncode == 0 else f"caught   {first[:100] or 'it never ended'}"


def main(wanted: str) -> None:
    if not (sound := verdict(None)).startswith("survived"):
        raise SystemExit(f"The tests fail without any error planted: {sound}")
    bugs = [bug for bug in BUGS if wanted in bug.name]
    survivors = []
    for bug in bugs:
        result = verdict(bug)
        survivors += [bug.name] if result == "survived" else []
        print(f"{bug.name:48} {result}", flush=True)  # noqa: T201
    print(f"{len(bugs) - len(survivors)} of {len(bugs)} caught")  # noqa: T201
    sys.exit(bool(survivors))


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]))
