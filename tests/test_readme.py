"""What the README shows is true."""

import re
from pathlib import Path

import pytest

from db import demo
from db.engine import DatabaseSettings
from gql.settings import Settings
from tests.client import Client

pytestmark = pytest.mark.anyio

README = (Path(__file__).parent.parent / "README.md").read_text()


async def test_its_query_finds_something_in_the_demo_data(client: Client) -> None:
    await demo.seed(client.database, demo.Size())
    (query,) = re.findall(r"```graphql\n(.*?)```", README, re.DOTALL)
    data = await client.data(query)
    assert all(data[name] for name in ("node", "user", "post", "posts"))
    assert data["posts"]["edges"]


def test_its_table_has_every_setting_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `([A-Z_`, ]+)` \| (.+?) \|", README, re.MULTILINE))
    told = {
        name: value.strip(" `")
        for names, values in rows.items()
        for name, value in zip(names.split("`, `"), values.split("`, `"), strict=True)
    }
    fields = Settings.model_fields.items()
    expected = {
        (field.validation_alias.choices[0] if field.validation_alias else f"GAZETTE_{name.upper()}"): str(  # type: ignore[union-attr]
            field.default
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
