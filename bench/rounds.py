"""The rounds: each contestant in turn with each operation, and the other way round in every second round."""

import platform
import statistics
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.contestants import Contestant, Server
from bench.load import Run, measure, send
from bench.postgresql import PostgreSQL
from bench.processes import resident_megabytes
from bench.queries import COMPARED, comparable
from bench.report import QUIET

_WARM_UP = 0.3
# How often each comes, as a front end might mix them.
_MIX = {"Q1": 8, "Q2": 8, "M1": 3, "Q3": 1}
_MEASURES = (
    "requests_per_second",
    "p50_ms",
    "p99_ms",
    "server_cpu_ms",
    "postgres_cpu_ms",
    "peak_rss_mb",
)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def run_rounds(
    postgres: PostgreSQL, contestants: Sequence[Contestant], rounds: int, seconds: float
) -> list[Run]:
    """Operations that all contestants answer get the whole time each, the others half of it."""
    runs: list[Run] = []
    answers: dict[tuple[str, str], Any] = {}
    for number in range(1, rounds + 1):
        for contestant in contestants if number % 2 else reversed(contestants):
            url = postgres.copy(contestant.original, "bench")
            with Server(contestant, url) as server:
                if number == 1:
                    _check(server, answers)
                for key, operation in contestant.operations.items():
                    time = seconds if key in COMPARED else seconds / 2
                    send(server.port, [operation], _WARM_UP)
                    run = measure(
                        contestant.name, number, server.port, server.pid, postgres.pid, operation, time
                    )
                    server.ask(operation)  # It still can.
                    runs.append(run)
                    say(
                        f"round {number}, {contestant.name}, {key}: {run.server_cpu_ms:.3f} ms CPU, "
                        f"{run.requests_per_second:.0f} requests/s"
                    )
    return runs


def _check(server: Server, answers: dict[tuple[str, str], Any]) -> None:
    """Every operation is answered, and by all contestants of the same rows alike."""
    for key, operation in server.contestant.operations.items():
        answer = comparable(key, server.ask(operation))
        if answers.setdefault((server.contestant.original, key), answer) != answer:
            raise SystemExit(f"{server.contestant.name} answers {key} otherwise: {str(answer)[:500]}")


def resident_after_mix(postgres: PostgreSQL, contestant: Contestant, requests: int = 1000) -> float:
    """MB of a new process that has answered a mix of requests."""
    mix = [contestant.operations[key] for key, times in _MIX.items() for _ in range(times)]
    # Of each operation one body at a time: all of them one after the other would be no mix.
    single = [operation.only(turn) for turn in range(requests // len(mix)) for operation in mix]
    with Server(contestant, postgres.copy(contestant.original, "bench")) as server:
        send(server.port, single, seconds=60, count=requests)
        return resident_megabytes(server.pid)


def summary(runs: Iterable[Run]) -> dict[str, dict[str, dict[str, float]]]:
    """By operation and contestant: the medians of the rounds, and the range of the CPU time."""
    found: dict[str, dict[str, list[Run]]] = {}
    for run in runs:
        found.setdefault(run.operation, {}).setdefault(run.contestant, []).append(run)
    return {
        operation: {name: _medians(of_one) for name, of_one in by_name.items()}
        for operation, by_name in found.items()
    }


def _medians(runs: Sequence[Run]) -> dict[str, float]:
    values = {name: _short(statistics.median(getattr(run, name) for run in runs)) for name in _MEASURES}
    cpu = [run.server_cpu_ms for run in runs]
    return values | {"server_cpu_ms_min": _short(min(cpu)), "server_cpu_ms_max": _short(max(cpu))}


def _short(number: float) -> float:
    return float(f"{number:.4g}")


def warnings(runs: Iterable[Run]) -> list[str]:
    told = []
    for run in runs:
        where = f"{run.contestant}, {run.operation}, round {run.round}"
        if run.errors:
            told.append(f"{where}: {run.errors} requests failed.")
        if run.other_cores > QUIET:
            told.append(f"{where}: other programs used {run.other_cores:.1f} cores meanwhile.")
    return told


def circumstances(postgres: PostgreSQL, runs: Sequence[Run], rounds: int, seconds: float) -> dict[str, Any]:
    """What one has to know to compare results."""
    cpus = Path("/proc/cpuinfo").read_text().splitlines()
    models = {line.partition(":")[2].strip() for line in cpus if line.startswith("model name")}
    return {
        "at": datetime.now(UTC).date().isoformat(),
        "cpu": ", ".join(sorted(models)) or platform.machine(),
        "cores": sum(line.startswith("processor") for line in cpus),
        "python": platform.python_version(),
        "postgresql": postgres.version,
        "rounds": rounds,
        "seconds": seconds,
        "other_cores": round(statistics.median(run.other_cores for run in runs), 2),
    }


def as_json(runs: Iterable[Run]) -> list[dict[str, Any]]:
    return [asdict(run) for run in runs]
