"""What others say of our HTTP: the audits of graphql-http, by those who wrote the specification."""

import subprocess
from pathlib import Path

from tests.conftest import NewUrl
from tests.server import serving

CLIENTS = Path(__file__).parent.parent.parent / "clients"


def test_it_is_as_its_specification_has_it(new_sqlite_url: NewUrl) -> None:
    with serving(new_sqlite_url()) as address:
        audited = subprocess.run(
            ["node", "audit.js", f"{address}/graphql"],  # noqa: S607 # Where node is, is the machine's to say.
            cwd=CLIENTS,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert audited.stdout == "61 of 61 audits are ok.\n", audited.stdout + audited.stderr
