"""Measures Gazette beside its stock executor, a textbook server and one written by hand. See README.md."""

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import report
from bench.contestants import contestants
from bench.load import need_wrk
from bench.postgresql import PostgreSQL
from bench.queries import TITLES
from bench.rounds import as_json, circumstances, resident_after_mix, run_rounds, say, summary, warnings
from bench.rows import Size

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
PUBLISHED = HERE / "results.json"


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.5, help="of load for each operation and round")
    parser.add_argument("--only", help="contestants, by commas: gazette, stock, textbook, by hand")
    parser.add_argument("--operations", help="operations, by commas: " + ", ".join(TITLES))
    parser.add_argument("--posts", type=int, default=Size.posts)
    parser.add_argument(
        "--publish", action="store_true", help="keep as results.json, and put into the README"
    )
    parser.add_argument("--readme", action="store_true", help="only put results.json into the README again")
    return parser.parse_args()


def run(given: argparse.Namespace) -> dict[str, Any]:
    size = Size(posts=given.posts, comments=4 * given.posts)
    chosen = [one for one in contestants(size) if not given.only or one.name in given.only.split(",")]
    for one in chosen:
        for key in list(one.operations):
            if given.operations and key not in given.operations.split(","):
                del one.operations[key]
    with PostgreSQL() as postgres:
        say(f"filling the database: {size.posts} posts, {size.comments} comments")
        postgres.prepare("rows", size)
        runs = run_rounds(postgres, chosen, given.rounds, given.seconds)
        memory = {} if given.operations else {one.name: resident_after_mix(postgres, one) for one in chosen}
        return {
            "circumstances": circumstances(postgres, runs, given.rounds, given.seconds),
            "summary": summary(runs),
            "memory": {name: round(megabytes) for name, megabytes in memory.items()},
            "warnings": warnings(runs),
            "runs": as_json(runs),
        }


def save(results: dict[str, Any], *, publish: bool) -> None:
    folder = HERE / "results"
    folder.mkdir(exist_ok=True)
    file = folder / f"{datetime.now(UTC):%Y-%m-%d_%H%M%S}.json"
    file.write_text(json.dumps(results, indent=1) + "\n")
    say(f"all of it is in {file}")
    if publish:
        published = {key: results[key] for key in ("circumstances", "summary", "memory")}
        PUBLISHED.write_text(json.dumps(published, indent=1) + "\n")
        report.put_into(README, published)


def main() -> None:
    given = options()
    if given.readme:
        report.put_into(README, json.loads(PUBLISHED.read_text()))
        return
    need_wrk()
    results = run(given)
    save(results, publish=given.publish)
    print(report.cpu_table(results["summary"], results["memory"]))
    for name in report.NAMES:
        if any(name in of for of in results["summary"].values()):
            print(report.detail_table(results["summary"], name))
    for warning in results["warnings"]:
        say(warning)


if __name__ == "__main__":
    main()
