"""Imports point down only."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# From the top to the bottom: a module imports from those behind it.
LAYERS = (
    "cli",
    "cli_documents",
    "console",
    "client_kit",
    "frames",
    "server",
    "app",
    "websocket",
    "sse",
    "messages",
    "audience",
    "clock",
    "transport",
    "operations",
    "persisted",
    "live",
    "results",
    "responses",
    "requests",
    "explorer",
    "negotiation",
    "admin",
    "check",
    "tidy",
    "approval",
    "manifests",
    "schema",
    "subscribed",
    "subscription",
    "rules",
    "documents",
    "cost",
    "limits",
    "mutations",
    "mutation",
    "idempotency",
    "write",
    "validation",
    "query",
    "types",
    "inputs",
    "payloads",
    "connections",
    "cursors",
    "relay",
    "context",
    "feed",
    "auth",
    "mail",
    "budget",
    "registered",
    "trusted",
    "shared",
    "attempts",
    "passwords",
    "places",
    "tokens",
    "loaders",
    "policy",
    "selection",
    "scalars",
    "execution",
    "settings",
    "source",
    "bounds",
    "access",
    "values",
    "errors",
    "log",
)


def imported(path: Path) -> set[str]:
    """The full names of what a module imports, at its top or anywhere else."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def packages(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imported(path)}


@pytest.mark.parametrize("path", [*(ROOT / "db").rglob("*.py")], ids=str)
def test_db_knows_nothing_of_gql(path: Path) -> None:
    assert not packages(path) & {"gql", "strawberry", "graphql", "fastapi", "starlette"}


@pytest.mark.parametrize("path", [*(ROOT / "migrations").rglob("*.py")], ids=str)
def test_migrations_know_db_only(path: Path) -> None:
    assert "gql" not in packages(path)


@pytest.mark.parametrize("path", [*(ROOT / "gql" / "execution").rglob("*.py")], ids=str)
def test_the_executor_knows_nothing_of_gazette(path: Path) -> None:
    ours = {name for name in imported(path) if name.startswith(("gql", "db"))}
    assert all(name.startswith("gql.execution") for name in ours)


def test_every_module_has_its_layer() -> None:
    modules = {path.stem for path in (ROOT / "gql").glob("*.py")} - {"__init__", "__main__"}
    modules |= {path.parent.name for path in (ROOT / "gql").glob("*/__init__.py")}
    assert modules == set(LAYERS)


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_imports_what_is_below_it(layer: str) -> None:
    module = ROOT / "gql" / f"{layer}.py"
    paths = [module] if module.exists() else [*(ROOT / "gql" / layer).glob("*.py")]
    names = {name for path in paths for name in imported(path) if name.startswith("gql.")}
    # The modules of a package are one layer.
    own = {name.split(".")[1] for name in names} - ({layer} if len(paths) > 1 else set())
    assert own & set(LAYERS[: LAYERS.index(layer) + 1]) == set()


@pytest.mark.parametrize("path", [*(ROOT / "gql").rglob("*.py"), *(ROOT / "db").rglob("*.py")], ids=str)
def test_imports_are_at_the_top(path: Path) -> None:
    tree = ast.parse(path.read_text())
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    inner = [node for function in functions for node in ast.walk(function)]
    assert not [node.lineno for node in inner if isinstance(node, ast.Import | ast.ImportFrom)]


@pytest.mark.parametrize("path", [*(ROOT / "gql").rglob("*.py"), *(ROOT / "db").rglob("*.py")], ids=str)
def test_a_module_can_be_read_in_one_go(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300
