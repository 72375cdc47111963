"""What the README shows is true."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from db import demo
from db.engine import DatabaseSettings
from gql.settings import Settings
from tests.client import Client

pytestmark = pytest.mark.anyio

README = (Path(__file__).parent.parent / "README.md").read_text()


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
    each = settings.read_connections + settings.write_connections
    assert f"4 × ({settings.read_connections} + {settings.write_connections}) = {4 * each}" in README
