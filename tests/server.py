"""A real server in a process of its own, for what needs a socket."""

import asyncio
import multiprocessing
import os
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from gql import cli

_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload([__name__])


def gazette(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end, in the environment given and the one around us.

    Its process is forked from one that has imported everything, which else takes most of the time.
    """
    variables = {**os.environ, "NO_COLOR": "1", **environment}
    with TemporaryDirectory() as folder:
        printed = Path(folder, "output"), Path(folder, "errors")
        process = _FORKING.Process(target=_run, args=(arguments, variables, os.getcwd(), printed))
        process.start()
        process.join(60)
        if process.exitcode is None:
            process.kill()
            raise AssertionError(f"gazette {shlex.join(arguments)} does not end")
        output, errors = (path.read_text() for path in printed)
    return subprocess.CompletedProcess(arguments, process.exitcode, output, errors)


def _run(
    arguments: Sequence[str], variables: dict[str, str], folder: str, printed: tuple[Path, Path]
) -> None:
    for number, path in enumerate(printed, start=1):
        with path.open("w") as file:
            os.dup2(file.fileno(), number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    sys.argv = ["gazette", *arguments]
    cli.main()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """A server on a migrated database, always at one port. It can be killed, and started again."""

    def __init__(self, database_url: str, *arguments: str, **environment: str) -> None:
        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        self._command = [sys.executable, "-m", *(arguments or ("gql", "serve"))]
        self._variables = {**os.environ, "DATABASE_URL": database_url, "PORT": str(port), **environment}

    def start(self, output: int = subprocess.DEVNULL) -> None:
        """What it prints is kept with subprocess.PIPE, as much as a pipe takes."""
        self._process = subprocess.Popen(
            self._command, env=self._variables, stdout=output, stderr=subprocess.DEVNULL
        )
        try:
            _wait_for(self.address, self._process)
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """As the kernel does when memory is short: nothing in the process can do anything about it."""
        self._process.kill()
        self._process.wait()

    def output(self) -> str:
        """All that a server has printed that was stopped."""
        assert self._process.stdout is not None
        with self._process.stdout as printed:
            return printed.read().decode()

    def wait(self) -> int:
        """The exit code of a server that ends by itself; that of a killed one is negative."""
        return self._process.wait(timeout=30)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def workers(self) -> set[int]:
        """The processes that answer, where there are several."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return {int(pid) for pid in children if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()}

    def set(self, **environment: str) -> None:
        """For when it is started again."""
        self._variables |= environment

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def terminate(self) -> None:
        self._process.terminate()

    def stop(self) -> None:
        self.terminate()
        try:
            self.wait()
        except subprocess.TimeoutExpired:
            self.kill()
            raise


@asynccontextmanager
async def started(url: str, *arguments: str, **environment: str) -> AsyncIterator[Server]:
    """A server that is stopped at the end, however often it was killed and started meanwhile."""
    server = Server(url, *arguments, **environment)
    await asyncio.to_thread(server.start)
    try:
        yield server
    finally:
        await asyncio.to_thread(server.stop)


@contextmanager
def serving(database_url: str, *, arguments: tuple[str, ...] = (), **environment: str) -> Iterator[str]:
    """The address of a server on a migrated database, which is stopped at the end."""
    server = Server(database_url, "gql", "serve", *arguments, **environment)
    server.start()
    try:
        yield server.address
    finally:
        server.stop()


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
