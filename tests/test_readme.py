"""What the README shows is true."""

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from db import demo
from db.engine import Database, DatabaseSettings
from db.models import Post
from gql.settings import Settings
from tests.client import Client
from tests.conftest import NewUrl
from tests.server import gazette, serving

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def section(title: str) -> str:
    return README.partition(f"## {title}\n")[2].partition("\n## ")[0]


async def test_its_first_visit_goes_as_it_says(client: Client) -> None:
    steps = re.findall(
        r"```graphql\n# (\w+)\n(.*?)```\s+```json\n(.*?)```", section("A first visit"), re.DOTALL
    )
    assert len(steps) == section("A first visit").count("```graphql")
    assert len(steps) == 9
    known: dict[str, Any] = {}
    token = None
    for who, document, expected in steps:
        client.http.headers = {"Authorization": f"Bearer {token}"} if who == "grace" else {}
        used = {name: known[f"${name}"] for name in re.findall(r"\$(\w+): ID!", document)}
        data = await client.data(document, used)
        assert filled(json.loads(expected), data, known) == data
        token = data.get("logIn", {}).get("tokens", {}).get("accessToken", token)


def filled(expected: Any, actual: Any, known: dict[str, Any]) -> Any:
    """What is expected, with `…` and the first mention of a `$name` taken from what came."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return {name: filled(value, actual.get(name), known) for name, value in expected.items()}
    if expected == "…" and isinstance(actual, str):
        return actual
    if isinstance(expected, str) and expected.startswith("$"):
        return known.setdefault(expected, actual)
    return expected


async def test_its_query_finds_something_in_the_demo_data(client: Client) -> None:
    await demo.seed(client.database, demo.Size())
    query = re.findall(r"```graphql\n(.*?)```", section("The schema"), re.DOTALL)[0]
    data = await client.data(query)
    assert all(data[name] for name in ("node", "user", "post", "posts"))
    assert data["posts"]["edges"]


def test_its_program_reads_all_pages(new_url: NewUrl) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", section("Clients"), re.DOTALL)
    url = new_url()
    assert gazette("seed", DATABASE_URL=url).returncode == 0
    with serving(url) as address:
        printed = subprocess.run(
            [sys.executable, "-c", program.replace("http://127.0.0.1:8000", address)],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    expected = asyncio.run(drafts_of_the_first_user(url))
    assert len(expected) > 10
    assert sorted(line.partition(" ")[2] for line in printed.stdout.splitlines()) == expected


async def drafts_of_the_first_user(url: str) -> list[str]:
    database = Database(DatabaseSettings(url=url))
    try:
        async with database.reading() as connection:
            drafts = select(Post.title).where(Post.author_id == 1, Post.status == "DRAFT")
            return sorted((await connection.execute(drafts)).scalars())
    finally:
        await database.dispose()


def test_its_table_has_every_setting_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `([A-Z_`, ]+)` \| (.*?) ?\|", section("Configuration"), re.MULTILINE))
    told = {
        name: value.strip(" `")
        for names, values in rows.items()
        for name, value in zip(names.split("`, `"), values.split("`, `"), strict=True)
    }
    fields = Settings.model_fields.items()
    expected = {
        (field.validation_alias.choices[0] if field.validation_alias else f"GAZETTE_{name.upper()}"): str(  # type: ignore[union-attr]
            field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
        )
        for name, field in fields
    }
    assert {name: value.lower() for name, value in told.items()} == {
        name: value.lower() for name, value in expected.items()
    }


def test_its_sum_of_connections_is_right() -> None:
    settings = DatabaseSettings()
    each = settings.read_connections + settings.write_connections + 1
    assert f"4 × ({settings.read_connections} + {settings.write_connections} + 1) = {4 * each}" in README


def test_where_security_is_explained_there_is_something_to_see() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    files = re.findall(r"`((?:gql|tests)/[a-z_/.]+)`", text) + re.findall(r"\]\(([^)#]+)", text)
    assert len(files) > 15
    assert [file for file in files if not (ROOT / file).exists()] == []
    settings = set(re.findall(r"GAZETTE_([A-Z_]+)", text))
    assert {name.lower() for name in settings} <= Settings.model_fields.keys()
