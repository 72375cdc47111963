"""The benchmark's table is what was measured, and its queries are queries of this schema."""

import json
from pathlib import Path

import pytest
from graphql import parse, validate

from bench import queries, report
from bench.contestants import cursor
from db.models import Post
from gql import cursors
from gql.schema import schema
from gql.types import NEWEST_FIRST

ROOT = Path(__file__).parent.parent
OPERATIONS = queries.gazette(50_000, "a token", middle=cursor(0.5), deep=cursor(0.9))


def test_the_table_in_the_readme_is_what_was_published(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text()
    (tmp_path / "README.md").write_text(readme)
    report.put_into(tmp_path / "README.md", json.loads((ROOT / "bench" / "results.json").read_text()))
    assert (tmp_path / "README.md").read_text() == readme
    assert f"{report.TITLE_OF_CPU} | Gazette |" in readme


def test_every_operation_was_measured() -> None:
    results = json.loads((ROOT / "bench" / "results.json").read_text())
    assert set(results["summary"]) == set(queries.TITLES) == set(OPERATIONS)
    for key, by_contestant in results["summary"].items():
        assert set(by_contestant) >= {"gazette", "stock"}
        assert set(by_contestant) == set(report.NAMES) or key not in queries.COMPARED


@pytest.mark.parametrize("key", OPERATIONS)
def test_its_queries_are_valid(key: str) -> None:
    for body in OPERATIONS[key].bodies[:1]:
        assert validate(schema._schema, parse(json.loads(body)["query"])) == []


def test_its_cursors_are_ours() -> None:
    assert cursors.decode(cursor(0.9), Post, NEWEST_FIRST)[1] == 0
