"""Times what a server does about abuse, and what an innocent client beside it notices: `make abuse`.

One attacker sends each item of the list several times, one after the other and without a pause, three times
over. Only to a server of its own on this machine, and a known number of times.
"""

import argparse
import json
import socket
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from abuse.crowds import drip, silent_clients, slow_senders
from abuse.probe import Probe, Sample, percentile
from abuse.requests import CASES
from abuse.served import served
from abuse.shapes import HEADERS, SHAPES
from abuse.wire import Gone, exchange
from bench.processes import cpu_seconds, machine_cpu_seconds
from bench.report import number, table

_IDLE = 6.0  # Seconds of the probe alone, before each run.
_STAY = 5.0  # Seconds that a crowd stays.
_MOST_MS, _MOST_RATIO = 100, 3


@dataclass
class Item:
    """Something to send, and what came of it: `status code` with how often, and milliseconds."""

    name: str
    parts: Sequence[bytes]
    answers: dict[str, int] = field(default_factory=dict)
    milliseconds: list[float] = field(default_factory=list)
    times: list[tuple[float, float]] = field(default_factory=list)

    def send(self, port: int) -> None:
        begun = time.monotonic()
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            try:
                status, body, seconds = exchange(connection, self.parts)
                answer = f"{status} {_code(body)}".strip()
            except Gone:
                answer, seconds = "closed", time.monotonic() - begun
        self.answers[answer] = self.answers.get(answer, 0) + 1
        self.milliseconds.append(1000 * seconds)
        self.times.append((begun, time.monotonic()))

    def worst(self, samples: Iterable[Sample]) -> float:
        """Milliseconds that the probe waited at most while this was sent."""
        return 1000 * max(
            (
                sample.seconds
                for sample in samples
                for begun, ended in self.times
                if sample.at < ended and begun < sample.at + sample.seconds
            ),
            default=0.0,
        )


def _code(body: bytes) -> str:
    try:
        answer = json.loads(body)
    except ValueError:
        return ""
    return ", ".join(sorted({str(error["extensions"]["code"]) for error in answer["errors"]}))


def items() -> list[Item]:
    requests = [Item(name, (case.wire(),)) for name, case in CASES.items()]
    shapes = [Item(name, (shape,)) for name, shape in SHAPES.items()]
    return [*requests, *shapes, Item("64 MB of headers", HEADERS)]


def send(chosen: Sequence[Item], port: int, times: int) -> None:
    for item in chosen:
        for _ in range(times):
            item.send(port)


def crowds(port: int) -> None:
    with slow_senders(port) as connections:
        drip(connections, _STAY)
    with silent_clients(port):
        time.sleep(_STAY)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def probed(port: int, name: str, server: int, work: Callable[[], object]) -> list[Sample]:
    """The samples of a probe while the work is done."""
    before, cpu, all_cpu = time.monotonic(), cpu_seconds(server), machine_cpu_seconds()
    with Probe(port) as probe:
        work()
    seconds = time.monotonic() - before
    of_server = (cpu_seconds(server) - cpu) / seconds
    of_all = (machine_cpu_seconds() - all_cpu) / seconds
    failed = sum(sample.status != 200 for sample in probe.samples)
    waits = [sample.seconds for sample in probe.samples]
    say(
        f"{name}: probe p50 {percentile(waits, 50):.1f} ms, p99 {percentile(waits, 99):.1f} ms, "
        f"most {1000 * max(waits):.1f} ms of {len(waits)}, {failed} failed; "
        f"{of_server:.2f} cores of the server, {of_all:.2f} of the machine"
    )
    return probe.samples


def report(
    chosen: Sequence[Item], idle: Sequence[Sample], abused: Sequence[Sample], crowded: Sequence[Sample]
) -> int:
    """Print what was found; 1 where a target is missed."""
    rows = [["sent", "answers", "median ms", "most ms", "the probe's worst ms meanwhile"]]
    missed = []
    for item in sorted(chosen, key=lambda item: -statistics.median(item.milliseconds)):
        median = statistics.median(item.milliseconds)
        measured = (median, max(item.milliseconds), item.worst(abused))
        answers = ", ".join(f"{answer} ×{times}" for answer, times in item.answers.items())
        rows.append([item.name, answers, *(number(value) for value in measured)])
        if median > _MOST_MS:
            missed.append(f"{item.name} takes {median:.0f} ms")
    print(table(rows))
    base = percentile([sample.seconds for sample in idle], 99)
    for name, samples in (("abuse", abused), ("crowds", crowded)):
        p99 = percentile([sample.seconds for sample in samples], 99)
        print(f"probe's p99 beside {name}: {p99:.1f} ms, {p99 / base:.1f} times idle's {base:.1f} ms")
        if p99 > _MOST_RATIO * base:
            missed.append(f"the probe waits {p99 / base:.1f} times as long beside {name}")
    print("\n".join(f"missed: {text}" for text in missed) or "No target is missed.")
    return int(bool(missed))


def main() -> int:
    parser = argparse.ArgumentParser(prog="make abuse", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--times", type=int, default=5, help="how often each is sent in a run")
    parser.add_argument("--only", default="", help="a part of the names of what is sent")
    given = parser.parse_args()
    chosen = [item for item in items() if given.only in item.name]
    with served() as (server, _):
        port = server.port
        idle: list[Sample] = []
        abused: list[Sample] = []
        for run in range(given.runs):
            # In turn, because other programs may be busy at one time and not at another.
            idle += probed(port, "idle", server.pid, lambda: time.sleep(_IDLE))
            abused += probed(port, f"run {run + 1}", server.pid, lambda: send(chosen, port, given.times))
        crowded = probed(port, "crowds", server.pid, lambda: crowds(port))
    return report(chosen, idle, abused, crowded)


if __name__ == "__main__":
    sys.exit(main())
