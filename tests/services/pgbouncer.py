"""A PgBouncer of a test's own, in transaction mode."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from sqlalchemy import make_url

from tests.server import free_port

SERVERS = 3
"""Connections to PostgreSQL, of which each transaction gets another one."""


class PgBouncer:
    """In front of one database, on a free port."""

    def __init__(self, url: str) -> None:
        direct = make_url(url)
        host = direct.query.get("host", direct.host)
        # It does not run as root. Whoever runs PostgreSQL may enter the folder of its socket.
        user = Path(str(host)).owner() if Path(str(host)).exists() else "nobody"
        self._as_user = ("-u", user) if os.geteuid() == 0 else ()
        self._folder = Path(tempfile.mkdtemp(prefix="gazette-pgbouncer-"))
        self._folder.chmod(0o755)
        self._file = self._folder / "pgbouncer.ini"
        self._port = free_port()
        server = {
            "host": host,
            "port": direct.port,
            "dbname": direct.database,
            "user": direct.username,
            "password": direct.password,
        }
        self._file.write_text(
            "[databases]\n"
            f"gazette = {' '.join(f'{name}={value}' for name, value in server.items() if value)}\n"
            "[pgbouncer]\n"
            "pool_mode = transaction\n"
            f"default_pool_size = {SERVERS}\n"
            "server_round_robin = 1\n"
            "server_login_retry = 1\n"
            "auth_type = any\n"
            "listen_addr = 127.0.0.1\n"
            f"listen_port = {self._port}\n"
            "unix_socket_dir =\n"
        )
        self.url = f"postgresql://gazette@127.0.0.1:{self._port}/gazette"

    def start(self) -> None:
        # Debian has it where only root looks.
        program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program
        command = [program, "-q", *self._as_user, str(self._file)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self._port)).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError(f"no PgBouncer; its exit code is {self._process.poll()}")

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder)
