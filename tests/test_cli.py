"""The command line as people use it: in a process of its own."""

import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from db import demo
from tests.conftest import NewUrl
from tests.server import gazette, serving

UNREACHABLE = {
    "sqlite": "sqlite:////nowhere/at/all.db",
    "postgresql": "postgresql://somebody:secret@127.0.0.1:1/nothing",
}
SMALL = ("--users", "3", "--posts", "5", "--comments", "7")


def complaint(*arguments: str, **environment: str) -> str:
    """The one line that a command which fails says."""
    finished = gazette(*arguments, **environment)
    assert finished.returncode in (1, 2), finished.stdout + finished.stderr
    assert "Traceback" not in finished.stderr
    (line,) = finished.stderr.strip().splitlines()
    return line


@pytest.mark.parametrize("command", ["serve", "migrate", "seed", "schema", "client-kit"])
def test_every_command_explains_itself(command: str) -> None:
    finished = gazette(command, "--help")
    assert finished.returncode == 0
    assert len(finished.stdout) > 200
    assert command in gazette("--help").stdout


def test_from_nothing_to_a_server_with_data(new_url: NewUrl) -> None:
    url = new_url()
    assert gazette("migrate", "base", DATABASE_URL=url).returncode == 0
    migrated = gazette("migrate", DATABASE_URL=url)
    assert (migrated.returncode, migrated.stderr) == (0, "")
    seeded = gazette("seed", *SMALL, DATABASE_URL=url)
    assert seeded.returncode == 0, seeded.stderr
    assert demo.PASSWORD in seeded.stdout
    with serving(url) as address:
        assert httpx.get(f"{address}/readyz").status_code == 200
        body = {"query": "{users {totalCount} posts {nodes {title}}}"}
        answered = httpx.post(f"{address}/graphql", json=body).json()
        assert answered["data"]["users"]["totalCount"] == 3


def test_seeding_twice(new_url: NewUrl) -> None:
    url = new_url()
    assert gazette("seed", *SMALL, DATABASE_URL=url).returncode == 0
    assert "not empty" in complaint("seed", *SMALL, DATABASE_URL=url)
    again = gazette("seed", "--if-empty", DATABASE_URL=url)
    assert (again.returncode, again.stderr) == (0, "")


def test_seeding_what_cannot_be(new_sqlite_url: NewUrl) -> None:
    assert "users" in complaint("seed", "--users", "0", DATABASE_URL=new_sqlite_url())


@pytest.mark.parametrize(
    ("command", "kind"),
    # A server waits for PostgreSQL: tests/test_faults.py.
    [
        ("serve", "sqlite"),
        ("migrate", "sqlite"),
        ("seed", "sqlite"),
        ("migrate", "postgresql"),
        ("seed", "postgresql"),
    ],
)
def test_a_database_that_cannot_be_reached(command: str, kind: str) -> None:
    line = complaint(command, DATABASE_URL=UNREACHABLE[kind])
    assert "cannot be reached" in line
    assert "secret" not in line


@pytest.mark.parametrize("command", ["serve", "seed", "user password ada"])
def test_a_file_that_is_not_there_is_not_made(tmp_path: Path, command: str) -> None:
    line = complaint(*command.split(), DATABASE_URL=f"sqlite:///{tmp_path}/mistyped.db")
    assert "there is no such file" in line
    assert "gazette migrate" in line
    assert list(tmp_path.iterdir()) == []


BAD_URLS = ["nonsense", "mysql://localhost/x", "sqlite://", "sqlite:///:memory:", "postgres:/x"]


@pytest.mark.parametrize("url", BAD_URLS)
def test_a_bad_url(url: str) -> None:
    assert complaint("serve", DATABASE_URL=url).startswith("DATABASE_URL ")


def test_a_bad_port() -> None:
    assert complaint("serve", PORT="many").startswith("PORT ")
    assert complaint("serve", PORT="0").startswith("PORT ")


@pytest.mark.parametrize("command", ["serve", "seed"])
def test_a_database_that_is_not_migrated(new_url: NewUrl, command: str) -> None:
    url = new_url()
    assert gazette("migrate", "base", DATABASE_URL=url).returncode == 0
    assert "gazette migrate" in complaint(command, DATABASE_URL=url)


def test_a_revision_that_is_none(new_url: NewUrl) -> None:
    assert "nowhere" in complaint("migrate", "nowhere", DATABASE_URL=new_url())


def test_steps_up_and_down(new_url: NewUrl) -> None:
    url = new_url()
    assert "base" in gazette("migrate", "-1", DATABASE_URL=url).stdout
    assert gazette("migrate", "+1", DATABASE_URL=url).returncode == 0
    assert "+1" in complaint("migrate", "+1", DATABASE_URL=url)


@pytest.mark.parametrize("command", ["serve", "seed", "migrate"])
def test_a_database_of_a_newer_version(new_sqlite_url: NewUrl, command: str) -> None:
    url = new_sqlite_url()
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'later'")
        connection.commit()
    assert "later" in complaint(command, DATABASE_URL=url)


def test_a_port_in_use(new_sqlite_url: NewUrl) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert port in complaint("serve", "--port", port, DATABASE_URL=new_sqlite_url())


def test_two_workers_share_a_port(new_url: NewUrl) -> None:
    with serving(new_url(), arguments=("--workers", "2")) as address:
        for _ in range(10):
            answered = httpx.post(f"{address}/graphql", json={"query": "{posts {totalCount}}"}).json()
            assert answered == {"data": {"posts": {"totalCount": 0}}}


def test_the_exported_schema_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert gazette("schema", "--check").returncode == 0
    exported = gazette("schema").stdout
    monkeypatch.chdir(tmp_path)
    assert "There is no schema.graphql" in complaint("schema", "--check")
    Path("schema.graphql").write_text(exported.replace("viewer: User", "viewer: Nobody"))
    finished = gazette("schema", "--check")
    assert finished.returncode == 1
    assert "-  viewer: Nobody" in finished.stdout
    assert "+  viewer: User" in finished.stdout
