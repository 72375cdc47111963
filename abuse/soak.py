"""Reads, writes, log-ins and abuse on two workers with PostgreSQL and Redis: `make soak`, ten minutes.

At the end nothing has failed, memory is what it was after two minutes, no connection is in use, and each
write that was acknowledged is there.
"""

import argparse
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from abuse.mix import Clients
from abuse.served import served
from bench.contestants import Server
from bench.postgresql import PostgreSQL
from bench.processes import resident_by_process

_WORKERS = 2
_CONNECTIONS = _WORKERS * (5 + 3)  # As many as the pools have.
_WARM_UP = 120  # Seconds after which memory is to stay.
_EACH = 10  # Seconds from one sample to the next.
_MOST_GROWTH = 1.1
_CONNECTED = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'gazette'"
_BUSY = f"{_CONNECTED} AND state <> 'idle'"
# All clients are at one address.
_SETTINGS = {"GAZETTE_ADDRESS_FAILURES": "1000000", "GAZETTE_LOGIN_FAILURES": "1000000"}


def say(text: str) -> None:
    print(text, flush=True)


@contextmanager
def redis() -> Iterator[dict[str, str]]:
    """The settings for a Redis of our own; none where it is not installed."""
    if not shutil.which("redis-server"):
        say("redis-server is not installed: each worker counts log-ins for itself.")
        yield {}
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = ("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "")
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield {"REDIS_URL": f"redis://127.0.0.1:{port}/0"}
    finally:
        process.terminate()
        process.wait(10)


class Samples:
    """Memory of each process in MB, and the database's connections."""

    def __init__(self, server: Server, postgres: PostgreSQL) -> None:
        self.server, self.postgres = server, postgres
        self.begun = time.monotonic()
        self.warm: dict[int, float] = {}
        self.last: dict[int, float] = {}
        self.most_connections = 0

    def take(self) -> None:
        self.last = resident_by_process(self.server.pid)
        connections = int(self.postgres.execute(_CONNECTED))
        self.most_connections = max(self.most_connections, connections)
        seconds = time.monotonic() - self.begun
        if not self.warm and seconds >= _WARM_UP:
            self.warm = self.last
        memory = ", ".join(f"{megabytes:.1f}" for megabytes in self.last.values())
        say(f"{seconds:4.0f} s: {memory} MB, {connections} connections")

    def faults(self) -> Iterator[str]:
        if set(self.last) != set(self.warm):
            yield "a worker has ended"
        for pid, before in self.warm.items():
            if self.last.get(pid, 0) > _MOST_GROWTH * before:
                yield f"memory has grown from {before:.1f} to {self.last[pid]:.1f} MB"
        if self.most_connections > _CONNECTIONS:
            yield f"there were {self.most_connections} connections"
        if busy := self.postgres.execute(_BUSY):
            yield f"{busy} connections are in use still"


def load(clients: Clients, samples: Samples, seconds: float) -> None:
    threads = clients.started()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(_EACH)
        samples.take()
    clients.over.set()
    for thread in threads:
        thread.join(60)
    # What was cut off has its second, and idle connections stay in their pools.
    time.sleep(5)
    samples.take()


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="more than 2")
    given = parser.parse_args()
    with (
        redis() as settings,
        served("--workers", str(_WORKERS), **_SETTINGS, **settings) as (server, postgres),
    ):
        clients, samples = Clients(server.port), Samples(server, postgres)
        load(clients, samples, 60 * given.minutes)
        lost = clients.lost()
        faults = [*clients.unexpected[:10], *samples.faults()]
    for (client, status), times in sorted(clients.statuses.items()):
        say(f"{client}: {status} ×{times}")
    say(f"{len(clients.written)} writes acknowledged, {len(lost)} lost")
    if lost or not clients.written:
        faults.append("acknowledged writes are lost, or there were none")
    say("\n".join(f"fault: {fault}" for fault in faults) or "No fault.")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
