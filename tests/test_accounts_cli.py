"""Accounts from the command line: the first admin, a forgotten password, and the keys that sign tokens."""

from typing import Any

import httpx
import pytest
import uvicorn
from typer.testing import CliRunner

from gql.cli import app
from tests.conftest import NewUrl
from tests.server import serving

PASSWORD = "correct horse battery"  # noqa: S105 # Of nobody but these tests.
VIEWER = "{viewer {username}}"
NO_TEXT = "This is no text in UTF-8."
KEY = "a-key-that-is-as-long-as-it-has-to-be"


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that is not refused fails the test, and does not serve from it for ever."""

    def run(*_: object, **__: object) -> None:
        raise AssertionError("it serves")

    monkeypatch.setattr(uvicorn, "run", run)


def gazette(*arguments: str, stdin: str | bytes = "", **environment: str) -> tuple[int, str, str]:
    """Exit code, output and complaints of a command to which something is piped."""
    finished = CliRunner().invoke(app, arguments, input=stdin, env={"NO_COLOR": "1", **environment})
    # Anything else would be a traceback.
    assert isinstance(finished.exception, SystemExit | None), finished.exc_info
    return finished.exit_code, finished.stdout, finished.stderr


def complaint(*arguments: str, code: int = 1, stdin: str | bytes = "", **environment: str) -> str:
    """The one line of a command that is refused."""
    returned, output, errors = gazette(*arguments, stdin=stdin, **environment)
    assert (returned, output) == (code, ""), errors
    (line,) = errors.splitlines()
    return line


def test_from_the_first_admin_to_a_log_in(new_url: NewUrl) -> None:
    url = new_url()
    # No secret key is needed for that.
    created = gazette(
        "user", "create", "Ada", "ada@example.org", "--role", "admin",
        stdin=f"{PASSWORD}\n", DATABASE_URL=url, GAZETTE_SECRET_KEYS="",
    )  # fmt: skip
    assert created == (0, "Created Ada, admin.\n", "")
    with serving(url) as address:

        def log_in(username: str, password: str) -> httpx.Response:
            query = """mutation ($username: String!, $password: String!) {
              logIn(input: {username: $username, password: $password}) {
                tokens {accessToken} viewer {role emailVerifiedAt} userErrors {code}
              }
            }"""
            body = {"query": query, "variables": {"username": username, "password": password}}
            return httpx.post(f"{address}/graphql", json=body)

        # The address counts as confirmed.
        answered = log_in("ADA@example.org", PASSWORD).json()["data"]["logIn"]
        assert (answered["viewer"]["role"], answered["userErrors"]) == ("ADMIN", [])
        bearer = {"Authorization": f"Bearer {answered['tokens']['accessToken']}"}

        def viewer() -> Any:
            return httpx.post(f"{address}/graphql", json={"query": VIEWER}, headers=bearer).json()

        assert viewer() == {"data": {"viewer": {"username": "Ada"}}}
        changed = gazette("user", "password", "ADA", stdin="another horse battery\r\n", DATABASE_URL=url)
        assert changed == (0, "ADA has a new password, and has to log in again.\n", "")
        assert "errors" in viewer()
        assert log_in("ada", PASSWORD).json()["data"]["logIn"]["tokens"] is None
        assert log_in("ada", "another horse battery").json()["data"]["logIn"]["tokens"]


def test_who_cannot_be_made(new_url: NewUrl) -> None:
    url = new_url()
    assert gazette("user", "create", "ada", "ada@example.org", stdin=PASSWORD, DATABASE_URL=url)[0] == 0

    def refused(*arguments: str, stdin: str | bytes = PASSWORD) -> str:
        return complaint("user", "create", *arguments, stdin=stdin, DATABASE_URL=url)

    assert refused("ADA", "other@example.org") == "This username is taken."
    assert refused("bob", "ADA@example.org") == "This email is taken."
    assert refused("bob", "bob@example.org", "--role", "king") == "The role is user, editor or admin."
    assert refused("b b", "bob@example.org").startswith("username: ")
    assert refused("bob", "nowhere") == "email: This is not an email address."
    for password in ("", "short", "qwertyuiop", "bob@example.org"):
        assert "password" in refused("bob", "bob@example.org", stdin=password).lower()
    for arguments in (("\udcff", "bob@example.org"), ("bob", "\udcff@example.org")):
        assert refused(*arguments) == NO_TEXT
    assert refused("bob", "bob@example.org", stdin=b"\xff" * 8 + b"abcd") == NO_TEXT


def test_whose_password_cannot_be_set(new_url: NewUrl) -> None:
    url = new_url()
    assert gazette("user", "create", "ada", "ada@example.org", stdin=PASSWORD, DATABASE_URL=url)[0] == 0
    assert complaint("user", "password", "bob", stdin=PASSWORD, DATABASE_URL=url) == "There is no user bob."
    for password in ("", "short", "qwertyuiop", "ada@example.org"):
        assert "password" in complaint("user", "password", "ada", stdin=password, DATABASE_URL=url).lower()
    assert complaint("user", "password", "ada", stdin=b"\xff" * 8 + b"abcd", DATABASE_URL=url) == NO_TEXT
    assert complaint("user", "password", "\udcff", stdin=PASSWORD, DATABASE_URL=url) == NO_TEXT


@pytest.mark.parametrize("command", [("create", "ada", "ada@example.org"), ("password", "ada")])
def test_a_database_that_is_not_ready(new_url: NewUrl, command: tuple[str, ...]) -> None:
    url = new_url()
    assert gazette("migrate", "base", DATABASE_URL=url)[0] == 0
    assert "gazette migrate" in complaint("user", *command, stdin=PASSWORD, DATABASE_URL=url)
    away = "postgresql://somebody:secret@127.0.0.1:1/nothing"
    line = complaint("user", *command, stdin=PASSWORD, DATABASE_URL=away)
    assert "cannot be reached" in line
    assert "secret" not in line


@pytest.mark.parametrize("command", [(), ("create",), ("password",)])
def test_the_commands_explain_themselves(command: tuple[str, ...]) -> None:
    code, output, _ = gazette("user", *command, "--help")
    assert code == 0
    assert "password" in output


def test_every_secret_is_another_one_and_long_enough(new_sqlite_url: NewUrl) -> None:
    secrets = [gazette("secret") for _ in range(2)]
    assert {(code, errors) for code, _, errors in secrets} == {(0, "")}
    assert secrets[0][1] != secrets[1][1]
    assert all(len(output.strip()) >= 43 for _, output, _ in secrets)
    with serving(new_sqlite_url(), GAZETTE_SECRET_KEYS=",".join(output.strip() for _, output, _ in secrets)):
        pass


@pytest.mark.parametrize("keys", ["", " ", ",", " , "])
def test_nothing_is_served_without_a_key(new_sqlite_url: NewUrl, keys: str) -> None:
    line = complaint("serve", code=2, DATABASE_URL=new_sqlite_url(), GAZETTE_SECRET_KEYS=keys)
    assert line == "GAZETTE_SECRET_KEYS is missing: make one with `gazette secret`."


@pytest.mark.parametrize("keys", ["short", f"{KEY},short", f"short,{KEY}", "x" * 31])
def test_a_key_that_is_too_short_is_refused(new_sqlite_url: NewUrl, keys: str) -> None:
    line = complaint("serve", code=2, DATABASE_URL=new_sqlite_url(), GAZETTE_SECRET_KEYS=keys)
    assert line.startswith("GAZETTE_SECRET_KEYS has a key of less than 32 characters")
    assert "gazette secret" in line
    assert "short" not in line


BAD = {
    "GAZETTE_MAIL": "smtp://user:p/ssw0rd@host",
    "REDIS_URL": "http://localhost",
    "GAZETTE_LOGIN_FAILURES": "0",
    "GAZETTE_PASSWORD_THREADS": "many",
    "GAZETTE_SIGN_UP": "perhaps",
    "GAZETTE_READ_CONNECTIONS": "-1",
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_setting_is_called_by_its_name(name: str) -> None:
    line = complaint("serve", code=2, **{name: BAD[name]})
    assert line.startswith(f"{name} ")
    assert "ssw0rd" not in line


def test_only_proxies_that_are_named_say_where_a_client_is(
    new_sqlite_url: NewUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[Any] = []
    monkeypatch.setattr(uvicorn, "run", lambda *_, **given: served.append(given["forwarded_allow_ips"]))
    for proxies in ({}, {"GAZETTE_PROXIES": "10.0.0.1,10.0.0.2"}):
        code, printed, _ = gazette("serve", "--port", "8199", DATABASE_URL=new_sqlite_url(), **proxies)
        assert code == 0
        assert "set GAZETTE_MAIL" in printed
    assert served == ["127.0.0.1", "10.0.0.1,10.0.0.2"]
