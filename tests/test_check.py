"""What `gazette check` says before production, and of what it says nothing."""

import asyncio
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from db import demo
from db.engine import Database, DatabaseSettings
from db.migrate import migrate, revision_of
from gql.check import RULES, Facts, Given, check, findings
from gql.check.facts import look
from gql.settings import Settings
from gql.tokens import now
from tests.conftest import NewUrl
from tests.postgresql import PostgreSQL, execute_on_server
from tests.server import free_port, gazette

KEY = "Y2mGZ0hBqLr7T5vKx1DnWc8EoJfPa4Su"
README = (Path(__file__).parent.parent / "README.md").read_text()
REMOTE = "postgresql://gazette:pa55@db.example.org/gazette"
SAFE: dict[str, Any] = {
    "database_url": f"{REMOTE}?sslmode=verify-full",
    "secret_keys": KEY,
    "mail": "smtp://gazette:pa55@mail.example.org",
    "mail_from": "gazette@example.org",
    "front_end": "https://front.example.org",
    "origins": "https://front.example.org",
    "redis_url": "rediss://redis.example.org",
    "budget": 50_000,
    "explorer": False,
    "introspection": False,
}
FOUND = Facts(
    connections=108,
    is_superuser=False,
    is_durable=True,
    clock_ahead=timedelta(seconds=-1),
    is_redis_reachable=True,
    development_secret="another",  # noqa: S106 # Of nobody.
)
SQLITE = {"database_url": "sqlite:////data/gazette.db"}
LOCAL_REDIS = "redis://:pa55@localhost:6379/0"

# What each rule finds, and what comes close to it.
BAD: dict[str, list[dict[str, Any]]] = {
    "secret-missing": [{"secret_keys": ""}, {"secret_keys": " , "}],
    "secret-weak": [
        {"secret_keys": key}
        for key in (
            "x" * 40,
            "0123456789" * 4,
            "correct-horse-battery-staple-and-more",
            "change-me-in-production-2026-01-01",
            "My5ecret-is-Gazette-Y2mGZ0hBqLr7T5vKx1D",
            "12121212333344441212121233334444x",
            f"{KEY},{'ab1' * 20}",
        )
    ],
    "secret-of-development": [{"facts": {"development_secret": KEY}}],
    "mail-on-console": [{"mail": "console"}],
    "proxies-anybody": [{"proxies": proxies} for proxies in ("*", "10.0.0.1, *", "0.0.0.0/0", "::/0")],
    "mail-sender": [{"mail_from": "gazette@localhost"}],
    "origins-any": [{"origins": "*"}, {"origins": "https://front.example.org, *"}],
    "origins-in-the-clear": [{"origins": "http://front.example.org"}],
    "links-in-the-clear": [{"front_end": "http://front.example.org"}],
    "redis-missing": [{"redis_url": "", "workers": 2}],
    "redis-in-the-clear": [{"redis_url": "redis://:pa55@redis.example.org"}],
    "budget-missing": [{"budget": 0}],
    "explorer-on": [{"explorer": True}],
    "introspection-on": [{"introspection": True}],
    "suggestions-on": [{"suggestions": True}],
    "statements-without-end": [{"statement_seconds": 0}],
    "limits-raised": [
        {"cost_limit": 100_001, "budget": 200_000}, {"deadline": 101}, {"login_failures": 51}
    ],
    "database-away": [{"facts": {"is_reachable": False}}],
    "database-not-migrated": [{"facts": {"is_migrated": False}}],
    "demo-accounts": [{"facts": {"demo_users": ("ada", "ben")}}],
    "not-durable": [{"facts": {"is_durable": False}}],
    "too-many-connections": [{"workers": 13}, {"facts": {"connections": 8}}],
    "redis-away": [{"facts": {"is_redis_reachable": False}}],
    "superuser": [{"facts": {"is_superuser": True}}],
    "database-in-the-clear": [
        {"database_url": url}
        for url in (REMOTE, f"{REMOTE}?sslmode=prefer", f"{REMOTE}?ssl=disable", "postgresql:///x?host=10.0.0.1")
    ],
    "clocks-apart": [{"facts": {"clock_ahead": timedelta(seconds=sign * 6)}} for sign in (1, -1)],
    "one-writer": [{**SQLITE, "workers": 2}],
    "file-readable": [{**SQLITE, "facts": {"is_file_open": True}}],
}  # fmt: skip
GOOD: list[dict[str, Any]] = [
    {},
    {"workers": 12},
    {"workers": 100, "pgbouncer": True},
    {"budget": 0, "trusted_only": True},
    {"secret_keys": f"{KEY},{'0f3a9c' + KEY[::-1]}"},
    {"secret_keys": "9f86d081884c7d659a2feaa0c55ad015"},
    {"proxies": "10.0.0.0/8, 127.0.0.1"},
    {"origins": "", "front_end": ""},
    {"origins": "http://localhost:3000", "front_end": "http://127.0.0.1:3000"},
    {"redis_url": ""},
    {"redis_url": LOCAL_REDIS, "workers": 2},
    {"database_url": "postgresql://gazette@localhost/gazette"},
    {"database_url": "postgresql:///gazette?host=/run/postgresql"},
    {"database_url": f"{REMOTE}?ssl=require"},
    {"cost_limit": 100_000, "budget": 200_000, "deadline": 100},
    {**SQLITE, "facts": {"is_file_open": False, "connections": None, "is_durable": None}},
]  # fmt: skip


def given(changes: dict[str, Any]) -> Given:
    changes = dict(changes)
    workers, found = changes.pop("workers", 1), replace(FOUND, **changes.pop("facts", {}))
    return Given(Settings(**{**SAFE, **changes}), workers, found)


@pytest.mark.parametrize(("rule", "changes"), [(rule, bad) for rule, cases in BAD.items() for bad in cases])
def test_a_rule_finds_what_it_is_about(rule: str, changes: dict[str, Any]) -> None:
    (finding,) = findings(given(changes))
    assert finding.rule == rule
    assert "pa55" not in finding.message
    assert KEY not in finding.message


@pytest.mark.parametrize("changes", GOOD)
def test_nothing_is_said_of_what_is_good(changes: dict[str, Any]) -> None:
    assert findings(given(changes)) == []


def test_every_rule_is_tried_and_in_the_readme() -> None:
    assert [rule.name for rule in RULES] == list(BAD)
    rows = re.findall(r"^\| `([a-z-]+)` \| (error|warning) \| (.*) \|$", README, re.MULTILINE)
    assert rows == [(rule.name, rule.level.value, rule.about) for rule in RULES]


def test_errors_come_first() -> None:
    worst = given({"mail": "console", "suggestions": True, "facts": {"is_migrated": False}})
    levels = [finding.level.value for finding in findings(worst)]
    assert levels == ["error", "error", "warning"]


def settings(url: str, **more: Any) -> Settings:
    return Settings(**{**SAFE, "database_url": url, "redis_url": "", **more})


@pytest.fixture
def url(new_url: NewUrl) -> str:
    return new_url()


@pytest.mark.anyio
async def test_a_database_is_looked_at(url: str, backend: str) -> None:
    found = await look(settings(url))
    assert (found.is_reachable, found.is_migrated, found.demo_users) == (True, True, ())
    if backend == "postgresql":
        assert found.connections is not None
        assert 0 < found.connections <= 1000
        assert found.clock_ahead is not None
        assert abs(found.clock_ahead) < timedelta(minutes=1)
    else:
        for mode, is_open in ((0o644, True), (0o600, False)):
            Path(url.removeprefix("sqlite:///")).chmod(mode)  # noqa: ASYNC240 # It takes no time.
            assert (await look(settings(url))).is_file_open is is_open


@pytest.mark.anyio
async def test_demo_accounts_are_found_until_they_are_gone(url: str) -> None:
    database = Database(DatabaseSettings(url=url))
    await demo.seed(database, demo.Size(users=5, posts=0, comments=0))
    await database.dispose()
    assert (await look(settings(url))).demo_users[:2] == ("ada", "ben")
    assert len((await look(settings(url))).demo_users) == 3
    assert [found.rule for found in await check(settings(url), 1) if found.level.value == "error"][:1] == [
        "demo-accounts"
    ]


@pytest.mark.anyio
async def test_tables_of_another_version_are_not_looked_into(url: str) -> None:
    await migrate(DatabaseSettings(url=url), "base")
    found = await look(settings(url))
    assert (found.is_reachable, found.is_migrated, found.demo_users) == (True, False, ())


@pytest.mark.anyio
@pytest.mark.parametrize("address", ["postgresql://a:pa55@127.0.0.1:1/x", "sqlite:////nowhere/at/all.db"])
async def test_a_database_that_is_away(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # Whoever has run `make serve` has a key of development here.
    assert await look(settings(address)) == Facts(is_reachable=False)


@pytest.mark.anyio
async def test_redis_that_is_away(new_sqlite_url: NewUrl) -> None:
    away = settings(new_sqlite_url(), redis_url=f"redis://127.0.0.1:{free_port()}")
    assert (await look(away)).is_redis_reachable is False


@pytest.mark.anyio
async def test_postgresql_as_a_superuser_and_as_somebody_else(new_postgresql_url: NewUrl) -> None:
    url = new_postgresql_url()
    database = make_url(url).database
    mine = await look(settings(url))
    assert mine.is_superuser is True
    execute_on_server(url, f"CREATE ROLE {database} LOGIN PASSWORD '{database}'")
    try:
        execute_on_server(url, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {database}")
        theirs = make_url(url).set(username=database, password=database)
        found = await look(settings(theirs.render_as_string(hide_password=False)))
        assert (found.is_superuser, found.is_migrated) == (False, True)
    finally:
        execute_on_server(url, f"DROP OWNED BY {database}")
        execute_on_server(url, f"DROP ROLE {database}")


@pytest.mark.anyio
async def test_postgresql_that_forgets() -> None:
    server = PostgreSQL()
    try:
        url = server.new_url()
        assert (await look(settings(url))).is_durable is True
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            for change, is_durable in ((f"SET {name} = off", False), (f"RESET {name}", True)):
                execute_on_server(url, f"ALTER SYSTEM {change}")
                execute_on_server(url, "SELECT pg_reload_conf()")
                await eventually_durable(url, is_durable)
    finally:
        server.remove()


async def eventually_durable(url: str, is_durable: bool) -> None:
    """The server reads its configuration when it comes round to it."""
    for _ in range(100):
        if (await look(settings(url))).is_durable is is_durable:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"is_durable is still not {is_durable}")


@pytest.mark.anyio
async def test_clocks_that_differ(new_postgresql_url: NewUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gql.check.facts.now", lambda: now() + timedelta(hours=1))
    ahead = (await look(settings(new_postgresql_url()))).clock_ahead
    assert ahead is not None
    assert timedelta(minutes=-61) < ahead < timedelta(minutes=-59)


def environment(url: str) -> dict[str, str]:
    names = {"database_url": "DATABASE_URL", "redis_url": "REDIS_URL"}
    values = {**SAFE, "database_url": url, "redis_url": ""}
    return {names.get(name, f"GAZETTE_{name.upper()}"): str(value) for name, value in values.items()}


def test_the_exit_code(new_sqlite_url: NewUrl) -> None:
    url = new_sqlite_url()
    Path(url.removeprefix("sqlite:///")).chmod(0o600)
    good = gazette("check", "--strict", **environment(url))
    assert (good.returncode, good.stdout) == (0, "0 errors, 0 warnings.\n"), good.stdout
    warned = environment(url) | {"GAZETTE_SUGGESTIONS": "true"}
    assert gazette("check", **warned).returncode == 0
    strict = gazette("check", "--strict", **warned)
    assert strict.returncode == 1
    first, last = strict.stdout.splitlines()
    assert first.startswith("warning: suggestions-on: GAZETTE_SUGGESTIONS ")
    assert last == "0 errors, 1 warnings."
    bad = gazette("check", "--workers", "2", **environment(url) | {"GAZETTE_MAIL": "console"})
    assert bad.returncode == 1
    assert bad.stdout.startswith("error: mail-on-console: ")
    assert {"one-writer", "redis-missing"} <= {line.split(": ")[1] for line in bad.stdout.splitlines()[:-1]}


def test_the_key_of_development_is_known_where_it_lies(
    new_sqlite_url: NewUrl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".secret").write_text(f"{KEY}\n")
    monkeypatch.chdir(tmp_path)
    root = str(Path(__file__).parent.parent)
    finished = gazette("check", **environment(new_sqlite_url()), PYTHONPATH=root)
    assert finished.stdout.startswith("error: secret-of-development: ")


@pytest.mark.anyio
async def test_tls_is_asked_for_as_other_programs_do(new_postgresql_url: NewUrl) -> None:
    url = DatabaseSettings(url=f"{REMOTE}?sslmode=require").parsed_url
    assert dict(url.query) == {"ssl": "require"}
    with_mode = make_url(new_postgresql_url()).update_query_dict({"sslmode": "disable"})
    given = DatabaseSettings(url=with_mode.render_as_string(hide_password=False))
    assert await revision_of(given) is not None
