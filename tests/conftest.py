"""Every test that asks for a database runs twice: on SQLite and on PostgreSQL."""

import asyncio
import logging
import os
import shutil
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest

from db import read
from db.engine import Database, DatabaseSettings
from db.migrate import migrate
from gql.app import create_app
from gql.schema import Schema
from gql.settings import Settings
from tests.client import Client
from tests.executors import by_both
from tests.lanes import compared
from tests.postgresql import Databases, PostgreSQL, memory
from tests.reading import Reading
from tests.sockets import PATIENCE, Listening, Streams, listening

NewUrl = Callable[[], str]

# For the servers that tests start, too.
os.environ.setdefault("GAZETTE_SECRET_KEYS", "a-secret-of-the-tests-that-is-long-enough")

# A machine that is busy with other tests is no reason to give up: who tests waiting says how long.
os.environ.setdefault("GAZETTE_CONNECTION_WAIT", "60")
DatabaseSettings.model_fields["connection_wait"].default = 60.0
DatabaseSettings.model_rebuild(force=True)


@pytest.fixture(autouse=True)
def _both_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    """With GAZETTE_TEST_BOTH_LANES=1 all that tests read from PostgreSQL is read SQLAlchemy's own way too."""
    if os.environ.get("GAZETTE_TEST_BOTH_LANES"):
        monkeypatch.setattr(read, "run", compared(read.run))


@pytest.fixture(autouse=True)
def _both_executors(monkeypatch: pytest.MonkeyPatch) -> None:
    """All queries are answered by graphql-core's own executor too; `tests.executors.alone` spares one."""
    monkeypatch.setattr(Schema, "execute", by_both(Schema.execute))


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A server to create databases on: TEST_DATABASE_URL, or our own for as long as the tests run."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield url
        return
    server = PostgreSQL(memory())
    # Nobody will miss these databases after a power failure, and there are too many to be looked after in the
    # background. Tests make deadlocks on purpose, and need not wait a second for each.
    unsafe = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
    server.set(**unsafe, deadlock_timeout="50ms", autovacuum="off", max_wal_size="128MB")
    yield server.url
    server.remove()


@pytest.fixture(scope="session")
def postgresql_databases(postgresql_url: str) -> Iterator[Databases]:
    """Makes databases for as long as the tests run."""
    databases = Databases(postgresql_url)
    yield databases
    # Our own server goes with all its databases.
    if "TEST_DATABASE_URL" in os.environ:
        databases.drop()


@pytest.fixture
def new_postgresql_url(postgresql_databases: Databases) -> Iterator[NewUrl]:
    """Makes databases for one test."""
    with postgresql_databases.lent():
        yield postgresql_databases


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """Another server, that survives a crash."""
    server = PostgreSQL()
    yield server
    server.start()
    server.remove()


@pytest.fixture(scope="session")
def sqlite_template() -> Iterator[Path]:
    with TemporaryDirectory(prefix="gazette-", dir=memory()) as folder:
        template = Path(folder) / "template.db"
        asyncio.run(migrate(DatabaseSettings(url=f"sqlite:///{template}")))
        yield template


def copies(template: Path, folder: Path) -> NewUrl:
    def create() -> str:
        path = folder / f"{uuid.uuid4().hex}.db"
        shutil.copy(template, path)
        return f"sqlite:///{path}"

    return create


@pytest.fixture(scope="session")
def sqlite_databases(sqlite_template: Path) -> NewUrl:
    """Makes databases for as long as the tests run."""
    return copies(sqlite_template, sqlite_template.parent)


@pytest.fixture
def new_sqlite_url(sqlite_template: Path) -> Iterator[NewUrl]:
    """Makes databases for one test."""
    with TemporaryDirectory(dir=sqlite_template.parent) as folder:
        yield copies(sqlite_template, Path(folder))


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def new_url(backend: str, request: pytest.FixtureRequest) -> NewUrl:
    """Makes migrated databases without rows."""
    made: NewUrl = request.getfixturevalue(f"new_{backend}_url")
    return made


@pytest.fixture
def settings(new_url: NewUrl) -> Settings:
    # A machine that is busy with other tests is no reason to stop one.
    return Settings(database_url=new_url(), deadline=120, statement_seconds=60)


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[Client]:
    """The application over HTTP, without a socket."""
    async with Client(create_app(settings)) as client:
        yield client


@pytest.fixture
def database(client: Client) -> Database:
    return client.database


@pytest.fixture
async def served(settings: Settings, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Listening]:
    """The application on a real port. A test that expects an error to be logged clears the log."""
    async with listening(create_app(settings), settings) as served:
        yield served
    logged = caplog.get_records("call") + caplog.get_records("teardown")
    assert [record.getMessage() for record in logged if record.levelno >= logging.ERROR] == []


@pytest.fixture
async def http(served: Listening) -> AsyncIterator[httpx.AsyncClient]:
    """A client of its port."""
    async with httpx.AsyncClient(base_url=served.address, timeout=PATIENCE, trust_env=False) as http:
        yield http


@pytest.fixture
def streams(served: Listening, monkeypatch: pytest.MonkeyPatch) -> Streams:
    """What it answers, given out by the test."""
    return Streams().answer(served.app, monkeypatch)


@pytest.fixture
async def reading(new_postgresql_url: NewUrl) -> AsyncIterator[Reading]:
    reading = Reading(new_postgresql_url())
    yield reading
    await reading.database.dispose()
