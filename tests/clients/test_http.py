"""What others' programs say of our transports: the audits of graphql-http, graphql-ws and graphql-sse."""

import subprocess
from pathlib import Path

from tests.conftest import NewUrl
from tests.server import serving

CLIENTS = Path(__file__).parent.parent.parent / "clients"


def said(program: str, address: str) -> str:
    """What a program of clients/ prints of a server."""
    finished = subprocess.run(
        ["node", program, f"{address}/graphql"],  # noqa: S607 # Where node is, is the machine's to say.
        cwd=CLIENTS,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return finished.stdout + finished.stderr


def test_it_is_as_its_specification_has_it(new_sqlite_url: NewUrl) -> None:
    with serving(new_sqlite_url()) as address:
        assert said("audit.js", address) == "61 of 61 audits are ok.\n"


def test_clients_stay_connected(new_sqlite_url: NewUrl) -> None:
    with serving(new_sqlite_url()) as address:
        assert said("live.js", address) == "8 of 8 checks are ok.\n"
