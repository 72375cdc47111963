"""What clients promise, kept by the clients themselves: Apollo Client, urql with Graphcache, Relay."""

import json
import re
from collections.abc import Callable

import pytest

from tests.clients.project import Project

Record = Callable[[str, object], None]
CLIENTS = {"apollo": "apollo.test.ts", "urql": "urql.test.ts", "relay": "relay.test.tsx"}


@pytest.fixture(scope="session", params=CLIENTS)
def bundle(request: pytest.FixtureRequest) -> tuple[Project, str]:
    """A project, and the tests that were built in it."""
    project: Project = request.getfixturevalue(request.param)
    return project, project.built(CLIENTS[request.param])


def test_a_client_keeps_its_promises(
    bundle: tuple[Project, str], api: dict[str, str], record_property: Record
) -> None:
    project, script = bundle
    printed = project.node("--test", "--test-force-exit", "--test-reporter=tap", script, **api)
    counted = dict(re.findall(r"^# (tests|pass) (\d+)$", printed, re.MULTILINE))
    assert counted["pass"] == counted["tests"]
    # A file that finds nothing to test is no success.
    assert int(counted["pass"]) >= 20
    record_property("checks", counted["pass"])


@pytest.mark.parametrize("client", CLIENTS)
def test_all_types_are_strict(client: str, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue(client).run("tsc", "--noEmit")


@pytest.mark.parametrize("client", ["apollo", "urql"])
def test_schema_and_documents_are_as_graphql_eslint_wants_them(
    client: str, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue(client).run("eslint", "--max-warnings", "0", "src")


def test_the_first_query_of_the_page_finds_something(apollo: Project, api: dict[str, str]) -> None:
    # Node has the sockets of browsers without a flag from 22 on.
    printed = apollo.node("--experimental-websocket", apollo.built("main.ts"), **api)
    assert len(re.findall(r"^\w.+, by \w.+$", printed, re.MULTILINE)) == 3


def test_relay_knows_the_scalars_of_the_kit(relay: Project) -> None:
    config = json.loads((relay.folder / "relay.config.json").read_text())
    kit = json.loads((relay.folder / "src" / "gazette" / "scalars.json").read_text())
    assert config["customScalarTypes"] == kit
