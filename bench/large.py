"""What a table of 20 times the rows costs: the same requests to 50,000 and to 1,000,000 posts, in turn."""

import argparse
import json

from bench.__main__ import HERE
from bench.contestants import Contestant, gazette
from bench.load import need_wrk
from bench.postgresql import PostgreSQL
from bench.report import number, table
from bench.rounds import as_json, circumstances, run_rounds, say, summary
from bench.rows import Size

_ASKED = {
    "Q1": "a post and its author",
    "Q2": "the first page: 20 posts, authors, 3 comments each with authors",
    "first": "20 posts and authors, the first page",
    "deep": "20 posts and authors, behind a cursor 90 % down",
    "count": "20 users, of each 3 posts and how many there are",
    "M1": "write a comment",
}


def contestant(name: str, size: Size) -> Contestant:
    found = gazette(name, size, original=f"rows_{name}")
    deep = found.operations["deep"]
    first = type(deep)("first", [json.dumps(_without_cursor(body)) for body in deep.bodies])
    operations = {**found.operations, "first": first}
    return Contestant(
        name,
        found.arguments,
        {key: operations[key] for key in _ASKED},
        found.environment,
        found.original,
    )


def _without_cursor(body: str) -> dict[str, object]:
    return {**json.loads(body), "variables": {"cursor": None}}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-large", description=__doc__)
    parser.add_argument("--posts", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2)
    given = parser.parse_args()
    need_wrk()
    sizes = {"small": Size(), "large": Size(posts=given.posts, comments=4 * given.posts)}
    with PostgreSQL() as postgres:
        for name, size in sizes.items():
            say(f"filling the database: {size.posts} posts, {size.comments} comments")
            postgres.prepare(f"rows_{name}", size)
        contestants = [contestant(name, size) for name, size in sizes.items()]
        runs = run_rounds(postgres, contestants, given.rounds, given.seconds)
        found = summary(runs)
        made = circumstances(postgres, runs, given.rounds, given.seconds)
    results = {"circumstances": made, "posts": given.posts, "summary": found, "runs": as_json(runs)}
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / "large.json").write_text(json.dumps(results, indent=1) + "\n")
    rows = [["CPU of server + PostgreSQL in ms per request", "50,000 posts", f"{given.posts:,} posts", ""]]
    for key, title in _ASKED.items():
        small, large = (found[key][name] for name in sizes)
        both = [of["server_cpu_ms"] + of["postgres_cpu_ms"] for of in (small, large)]
        cells = (f"{number(of['server_cpu_ms'])} + {number(of['postgres_cpu_ms'])}" for of in (small, large))
        rows.append([title, *cells, f"×{number(both[1] / both[0])}"])
    print(table(rows))


if __name__ == "__main__":
    main()
