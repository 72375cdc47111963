"""Front ends of the page's lines, built once, and the servers that they ask."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.clients.project import Project
from tests.conftest import NewUrl
from tests.server import gazette, serving

Api = dict[str, str]
"""What the tests know of a server, as their environment: its address, and how many processes it is."""


@pytest.fixture(scope="session")
def apollo(tmp_path_factory: pytest.TempPathFactory) -> Project:
    titles = ("A typed query in a new project", "The session", "Live updates", "Apollo Client")
    project = Project(tmp_path_factory.mktemp("apollo"), *titles)
    return project.with_tests("apollo.test.ts", "apolloLive.ts", "documents.ts", "typed.ts").generated()


@pytest.fixture(scope="session")
def urql(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("urql"), "The session", "Live updates", "urql")
    return project.with_tests("urql.test.ts", "urqlLive.ts", "documents.ts").generated()


@pytest.fixture(scope="session")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("relay"), "The session", "Live updates", "Relay")
    project.with_tests("relay.test.tsx", "relayHooks.tsx", "relayLive.ts", "RelayCases.ts")
    project.run("relay-compiler")
    return project


@contextmanager
def seeded(url: str, workers: int) -> Iterator[Api]:
    demo = gazette("seed", "--users", "20", "--posts", "200", "--comments", "400", DATABASE_URL=url)
    assert demo.returncode == 0, demo.stderr
    with serving(url, arguments=("--workers", str(workers))) as address:
        yield {"API": f"{address}/graphql", "WORKERS": str(workers)}


@pytest.fixture(scope="session")
def sqlite_api(sqlite_databases: NewUrl) -> Iterator[Api]:
    """As `make serve` starts it."""
    with seeded(sqlite_databases(), workers=1) as api:
        yield api


@pytest.fixture(scope="session")
def postgresql_api(postgresql_databases: NewUrl) -> Iterator[Api]:
    with seeded(postgresql_databases(), workers=2) as api:
        yield api


@pytest.fixture(params=["sqlite", "postgresql"])
def api(request: pytest.FixtureRequest) -> Api:
    """One process on SQLite, and two workers on PostgreSQL."""
    chosen: Api = request.getfixturevalue(f"{request.param}_api")
    return chosen


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many checks each client has passed."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if report.when == "call" and name == "checks":
                terminalreporter.write_line(f"{value} checks: {report.nodeid}")
