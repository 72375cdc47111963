"""CPU time and memory of a process with everything that it started, read from /proc."""

import os
import threading
from pathlib import Path
from typing import Self

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def _stats() -> dict[int, list[str]]:
    """The fields of /proc/PID/stat from the state on: 1 is the parent, 11 to 14 are CPU ticks, 21 pages."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found[int(folder.name)] = (folder / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # It ended since it was listed.
    return found


def _tree(root: int) -> dict[int, list[str]]:
    stats = _stats()
    found, new = set[int](), {root}
    while new:
        found |= new
        new = {pid for pid, stat in stats.items() if int(stat[1]) in found} - found
    return {pid: stats[pid] for pid in found if pid in stats}


def cpu_seconds(root: int) -> float:
    """User and system time, with that of children that have ended."""
    return sum(int(ticks) for stat in _tree(root).values() for ticks in stat[11:15]) / _TICKS


def resident_megabytes(root: int) -> float:
    return sum(resident_by_process(root).values())


def resident_by_process(root: int) -> dict[int, float]:
    """Megabytes by the ids of the process and all that it started."""
    return {pid: int(stat[21]) * _PAGE / 2**20 for pid, stat in _tree(root).items()}


def machine_cpu_seconds() -> float:
    """Of all processes, ours and others'."""
    user, nice, system, _, _, interrupts, soft = map(
        int, Path("/proc/stat").read_text().splitlines()[0].split()[1:8]
    )
    return (user + nice + system + interrupts + soft) / _TICKS


class MemoryPeak:
    """Looks at a process five times a second while the block runs."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.megabytes = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._over.wait(0.2):
            self._look()

    def _look(self) -> None:
        self.megabytes = max(self.megabytes, resident_megabytes(self.pid))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._look()
