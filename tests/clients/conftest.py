"""Front ends of the page's lines, built once, and the servers that they ask."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.clients.project import Project
from tests.conftest import NewUrl
from tests.server import gazette, serving


@pytest.fixture(scope="session")
def apollo(tmp_path_factory: pytest.TempPathFactory) -> Project:
    titles = ("A typed query in a new project", "The session", "Apollo Client")
    project = Project(tmp_path_factory.mktemp("apollo"), *titles)
    return project.with_tests("apollo.test.ts", "documents.ts", "typed.ts").generated()


@pytest.fixture(scope="session")
def urql(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("urql"), "The session", "urql")
    return project.with_tests("urql.test.ts", "documents.ts").generated()


@pytest.fixture(scope="session")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("relay"), "The session", "Relay").with_tests(
        "relay.test.tsx", "RelayCases.ts"
    )
    project.run("relay-compiler")
    return project


@contextmanager
def seeded(url: str, *arguments: str) -> Iterator[str]:
    demo = gazette("seed", "--users", "20", "--posts", "200", "--comments", "400", DATABASE_URL=url)
    assert demo.returncode == 0, demo.stderr
    with serving(url, arguments=arguments) as address:
        yield f"{address}/graphql"


@pytest.fixture(scope="session")
def sqlite_api(new_sqlite_url: NewUrl) -> Iterator[str]:
    """As `make serve` starts it."""
    with seeded(new_sqlite_url()) as api:
        yield api


@pytest.fixture(scope="session")
def postgresql_api(new_postgresql_url: NewUrl) -> Iterator[str]:
    with seeded(new_postgresql_url(), "--workers", "2") as api:
        yield api


@pytest.fixture(params=["sqlite", "postgresql"])
def api(request: pytest.FixtureRequest) -> str:
    """One process on SQLite, and two workers on PostgreSQL."""
    address: str = request.getfixturevalue(f"{request.param}_api")
    return address


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many checks each client has passed."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if report.when == "call" and name == "checks":
                terminalreporter.write_line(f"{value} checks: {report.nodeid}")
