"""Runs Gazette among servers in other languages: in a folder that has a run.sh with --external.

Twice: strangers ask Q1 to Q3, and a member asks M1, because run.sh sends the same headers with all requests.
What follows the folder goes to run.sh: --only, --rounds, --seconds.
"""

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.contestants import SECRET

ROOT = Path(__file__).parent.parent


def run(peers: Path, options: Sequence[str], *, logged_in: bool) -> list[str]:
    """The lines of the table that run.sh prints."""
    with tempfile.TemporaryDirectory(prefix="gazette-bodies-") as bodies:
        prepare = [sys.executable, "-m", "bench.prepare", "--bodies", bodies]
        prepare += ["--logged-in"] if logged_in else []
        command = [str(peers / "run.sh"), "--external", "gazette", "--cwd", str(ROOT), "--bodies", bodies]
        command += ["--prepare", shlex.join(prepare), "--ready-path", "/readyz", *options]
        command += ["--start", f"exec {shlex.join([sys.executable, '-m', 'gql', 'serve'])}"]
        settings = {"GAZETTE_SECRET_KEYS": SECRET, "GAZETTE_PAGE_LIMIT": "1000"}
        finished = subprocess.run(
            command, env={**os.environ, **settings}, stdout=subprocess.PIPE, text=True, check=True
        )
    return finished.stdout.splitlines()


def merged(strangers: Sequence[str], members: Sequence[str]) -> list[str]:
    """The rows of one table with M1 of the other, and what it costs Gazette to know who asks."""
    head, rows, written = strangers[:2], strangers[2:], members[2:]
    return [
        *head,
        *(row for row in rows if not row.startswith("| M1 ")),
        *(row for row in written if row.startswith("| M1 ")),
        "",
        "Logged in:",
        "",
        *head,
        *(row for row in written if " gazette " in row and not row.startswith("| M1 ")),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("peers", type=Path, help="the folder that has run.sh")
    given, options = parser.parse_known_args()
    strangers = run(given.peers.resolve(), options, logged_in=False)
    members = run(given.peers.resolve(), options, logged_in=True)
    print("\n".join(merged(strangers, members)))


if __name__ == "__main__":
    main()
