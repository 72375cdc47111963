"""A real server in a process of its own, for what needs a socket."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx


def gazette(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end, in the environment given and the one around us."""
    return subprocess.run(
        [sys.executable, "-m", "gql", *arguments],
        env={**os.environ, "NO_COLOR": "1", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(database_url: str, *, arguments: tuple[str, ...] = (), **environment: str) -> Iterator[str]:
    """The address of a server on a migrated database, which is stopped at the end."""
    port = free_port()
    variables = {**os.environ, "DATABASE_URL": database_url, "PORT": str(port), **environment}
    command = [sys.executable, "-m", "gql", "serve", *arguments]
    server = subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address, server)
        yield address
    finally:
        server.terminate()
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()
            raise


def _wait_for(address: str, server: "subprocess.Popen[bytes]") -> None:
    for _ in range(300):
        try:
            if httpx.get(f"{address}/healthz").status_code == 200:
                return
        except httpx.TransportError:
            if server.poll() is not None:
                break
        time.sleep(0.1)
    raise AssertionError(f"no server at {address}; its exit code is {server.poll()}")
