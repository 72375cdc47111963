"""Puts a server under load with wrk, and measures what that costs."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.processes import MemoryPeak, cpu_seconds, machine_cpu_seconds
from bench.queries import Operation

CONNECTIONS = 16
_PATIENCE = 60  # Seconds that the last answers may take.
_SCRIPT = Path(__file__).with_name("requests.lua")


@dataclass(frozen=True)
class Run:
    """One load on one server. CPU is milliseconds for each request, memory MB."""

    contestant: str
    operation: str
    round: int
    requests: int
    errors: int
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    server_cpu_ms: float
    postgres_cpu_ms: float
    peak_rss_mb: float
    other_cores: float  # How busy other programs have kept the machine meanwhile.


def need_wrk() -> None:
    if not shutil.which("wrk"):
        raise SystemExit("The benchmark needs wrk, the load generator (Debian: apt-get install wrk).")


def send(port: int, operations: list[Operation], seconds: float, count: int = 10**9) -> dict[str, float]:
    """All bodies of the operations in turn, over 16 connections, until one of the bounds is reached."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.writelines(line for operation in operations for line in operation.lines())
        file.flush()
        environment = {
            "BENCH_REQUESTS": file.name,
            "BENCH_SECONDS": str(seconds),
            "BENCH_COUNT": str(count),
            "BENCH_CONNECTIONS": str(CONNECTIONS),
        }
        bounds = (f"-d{int(seconds) + _PATIENCE}s", f"--timeout={_PATIENCE}s")
        command = ("wrk", "-t1", f"-c{CONNECTIONS}", *bounds, "-s", str(_SCRIPT), f"http://127.0.0.1:{port}")
        return _result(command, {**os.environ, **environment})


def _result(command: tuple[str, ...], environment: dict[str, str]) -> dict[str, float]:
    output = []
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as wrk:
        try:
            for line in wrk.stdout or ():
                output.append(line)
                if line.startswith("all answered"):
                    wrk.send_signal(signal.SIGINT)  # It ends early, with its summary.
        except BaseException:
            wrk.kill()
            raise
    for line in output:
        if line.startswith("result "):
            result: dict[str, float] = json.loads(line.removeprefix("result "))
            return result
    raise SystemExit("wrk failed:\n" + "".join(output))


@dataclass(frozen=True)
class _Clocks:
    """What was used up so far, in seconds."""

    time: float
    server: float
    postgres: float
    wrk: float
    machine: float


def _clocks(server: int, postgres: int) -> _Clocks:
    own = os.times()
    wrk = own.children_user + own.children_system
    return _Clocks(time.monotonic(), cpu_seconds(server), cpu_seconds(postgres), wrk, machine_cpu_seconds())


def measure(
    contestant: str, number: int, port: int, server: int, postgres: int, operation: Operation, seconds: float
) -> Run:
    """One run. What counts is the CPU from before the load until the server is idle again."""
    wait_until_idle(server)
    before = _clocks(server, postgres)
    with MemoryPeak(server) as memory:
        result = send(port, [operation], seconds)
    wait_until_idle(server)
    after = _clocks(server, postgres)
    requests = int(result["requests"])
    of_server, of_postgres = after.server - before.server, after.postgres - before.postgres
    of_all = after.machine - before.machine
    others = of_all - of_server - of_postgres - (after.wrk - before.wrk)
    return Run(
        contestant,
        operation.key,
        number,
        requests,
        int(result["errors"]),
        requests / result["seconds"],
        result["p50_ms"],
        result["p99_ms"],
        1000 * of_server / max(1, requests),
        1000 * of_postgres / max(1, requests),
        memory.megabytes,
        max(0.0, others / (after.time - before.time)),
    )


def wait_until_idle(server: int, at_most: float = 2) -> None:
    deadline = time.monotonic() + at_most
    while time.monotonic() < deadline:
        before = cpu_seconds(server)
        time.sleep(0.15)
        if cpu_seconds(server) - before <= 0.01:
            return
