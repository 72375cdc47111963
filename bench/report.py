"""The results as tables."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.queries import COMPARED, TITLES

NAMES = {
    "gazette": "Gazette",
    "stock": "stock executor",
    "textbook": "textbook",
    "by hand": "by hand",
}
QUIET = 0.2
"""So many cores may be busy with other things, before it has to be said."""

TITLE_OF_CPU = "CPU of the server in ms per request"
START, END = "<!-- bench: made by `make bench-readme` -->\n", "<!-- bench: end -->\n"


def number(value: float) -> str:
    """Three significant digits."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Markdown; the first row is the head, the first column is text and the others are numbers."""
    head, *body = rows
    rule = ["---", *("---:" for _ in head[1:])]
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, rule, *body))


def cpu_table(summary: dict[str, Any], memory: dict[str, float]) -> str:
    """Milliseconds for each request, and how many times those of the first contestant."""
    names = [name for name in NAMES if any(name in of for of in summary.values())]
    rows = [[TITLE_OF_CPU, *(NAMES[name] for name in names)]]
    for key in (key for key in TITLES if key in summary):
        base = next(iter(summary[key].values()))["server_cpu_ms"]
        rows.append([f"{key}: {TITLES[key]}" if key in COMPARED else TITLES[key]])
        for name in names:
            rows[-1].append(_cell(summary[key].get(name), base, is_base=name == names[0]))
    if memory:
        rows.append(
            ["MB of memory after 1,000 mixed requests"]
            + [number(memory[name]) if name in memory else "" for name in names]
        )
    return table(rows)


def _cell(values: dict[str, float] | None, base: float, *, is_base: bool) -> str:
    if values is None:
        return ""
    cpu = values["server_cpu_ms"]
    return number(cpu) if is_base or not base else f"{number(cpu)} (×{number(cpu / base)})"


def detail_table(summary: dict[str, Any], name: str) -> str:
    """What else was measured of one contestant."""
    rows = [[NAMES[name], "requests/s", "p50 ms", "p99 ms", "PostgreSQL's CPU ms", "most memory MB"]]
    for key in TITLES:
        if values := summary.get(key, {}).get(name):
            measures = ("requests_per_second", "p50_ms", "p99_ms", "postgres_cpu_ms", "peak_rss_mb")
            title = f"{key}: {TITLES[key]}" if key in COMPARED else TITLES[key]
            rows.append([title, *(number(values[measure]) for measure in measures)])
    return table(rows)


def section(results: dict[str, Any]) -> str:
    """What stands in the README between its two markers."""
    made = results["circumstances"]
    told = (
        f"Measured on {made['at']} with {made['cores']} cores ({made['cpu']}), Python {made['python']} and "
        f"PostgreSQL {made['postgresql']}: medians of {made['rounds']} rounds of {made['seconds']:g} s, "
        "16 connections."
    )
    if made["other_cores"] > QUIET:
        told += f" Other programs kept {made['other_cores']:g} cores busy meanwhile, so figures are rough."
    return "\n".join(
        (
            f"{told}\n",
            cpu_table(results["summary"], results["memory"]),
            detail_table(results["summary"], "gazette"),
        )
    )


def put_into(readme: Path, results: dict[str, Any]) -> None:
    before, _, rest = readme.read_text().partition(START)
    _, _, after = rest.partition(END)
    readme.write_text(f"{before}{START}{section(results)}{END}{after}")
