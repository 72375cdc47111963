"""What schemathesis, a fuzzer of others, makes of the schema: each answer is one of those in the README."""

import os
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.conftest import NewUrl
from tests.server import gazette, serving
from tests.test_errors import README, ROW

FOLDER = Path(__file__).parent.parent.parent / "clients" / "schemathesis"
SECONDS = int(os.environ.get("GAZETTE_SCHEMATHESIS_SECONDS", "50"))
CODES = sorted({code for code, *_ in ROW.findall(README)} - {"INTERNAL_SERVER_ERROR"})
SETTINGS = {"PYTHONPATH": str(FOLDER), "SCHEMATHESIS_HOOKS": "checks", "GAZETTE_CODES": ",".join(CODES)}
LOG_IN = 'mutation {logIn(input: {username: "ada", password: "gazette-demo"}) {tokens {accessToken}}}'
OPTIONS = (
    *("--seed", "1"),
    *("--max-time", str(SECONDS // 2)),
    *("--checks", "documented"),
    # It would end the session that all other requests need.
    *("--exclude-name", "Mutation.logOut"),
    "--continue-on-failure",
)


def _header(address: str, viewer: str) -> tuple[str, ...]:
    if viewer == "a stranger":
        return ()
    answer = httpx.post(f"{address}/graphql", json={"query": LOG_IN}).json()
    return ("--header", f"Authorization: Bearer {answer['data']['logIn']['tokens']['accessToken']}")


@pytest.mark.parametrize("viewer", ["a stranger", "an admin"])
def test_it_finds_nothing(new_sqlite_url: NewUrl, tmp_path: Path, viewer: str) -> None:
    url = new_sqlite_url()
    assert gazette("seed", DATABASE_URL=url).returncode == 0
    with serving(url) as address:
        command = (FOLDER / ".venv" / "bin" / "schemathesis", "run", f"{address}/graphql", *OPTIONS)
        run = subprocess.run(
            [*command, *_header(address, viewer)],
            # It keeps what it finds where it runs, and would begin with that.
            cwd=tmp_path,
            env={**os.environ, **SETTINGS},
            capture_output=True,
            text=True,
            timeout=SECONDS + 120,
            check=False,
        )
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr
    assert " passed" in run.stdout
