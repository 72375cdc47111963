"""What servers in other languages need to be measured beside Gazette: its rows, and the bodies of requests.

It fills the empty database at DATABASE_URL with the very rows of the others, and a folder with Q1.json to
M1.json, ids.txt and, for whoever is logged in, headers.txt.
"""

import argparse
import asyncio
import json
import os
from pathlib import Path

from bench import queries
from bench.contestants import cursor, token
from bench.rows import Size, fill
from gql.relay import to_global_id


def bodies(folder: Path, *, logged_in: bool) -> None:
    """headers.txt goes with all requests, and only a member can write: M1 of a stranger is Q1 once more."""
    size = Size()
    operations = queries.gazette(size.posts, token(), middle=cursor(0.5), deep=cursor(0.9))
    first = operations["Q1"].bodies[0]
    id_of_first = json.loads(first)["variables"]["id"]
    folder.mkdir(parents=True, exist_ok=True)
    for key in queries.COMPARED:
        body = first if key == "M1" and not logged_in else operations[key].bodies[0]
        (folder / f"{key}.json").write_text(body.replace(id_of_first, "__ID__"))
    ids = (to_global_id("Post", key) for key in queries.keys(size.posts, 5000))
    (folder / "ids.txt").write_text("".join(f"{key}\n" for key in ids))
    headers = f"Authorization: Bearer {token()}\n" if logged_in else ""
    (folder / "headers.txt").write_text(headers)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.prepare", description=__doc__)
    parser.add_argument("--bodies", type=Path, required=True, help="the folder to fill")
    parser.add_argument("--logged-in", action="store_true")
    given = parser.parse_args()
    bodies(given.bodies, logged_in=given.logged_in)
    asyncio.run(fill(os.environ["DATABASE_URL"], Size()))


if __name__ == "__main__":
    main()
