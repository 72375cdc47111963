"""`gazette documents`: what front ends' tools write is trusted, all of it or nothing."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from gql.approval import complaints
from gql.manifests import ManifestError, documents
from gql.schema import schema
from gql.trusted import hash_of
from tests.conftest import NewUrl
from tests.server import gazette, serving

MANIFESTS = Path(__file__).parent / "manifests"
TOOLS = ("codegen", "relay", "apollo")
FEED = "query Feed {posts(first: 2) {nodes {title}}}\n"
MD5 = "868ccd6847bbd2da907a7e9e5f5748a8"


def add(url: str, *paths: Path, **environment: str) -> str:
    finished = gazette("documents", "add", *map(str, paths), DATABASE_URL=url, **environment)
    assert (finished.returncode, finished.stderr) == (0, ""), finished.stderr
    return finished.stdout


def refusal(url: str, *arguments: object, **environment: str) -> list[str]:
    """The lines that a command says which fails."""
    finished = gazette("documents", *map(str, arguments), DATABASE_URL=url, **environment)
    assert finished.returncode == 1, finished.stdout + finished.stderr
    assert "Traceback" not in finished.stderr
    return finished.stderr.splitlines()


def listed(url: str) -> str:
    finished = gazette("documents", "list", DATABASE_URL=url)
    assert (finished.returncode, finished.stderr) == (0, "")
    return finished.stdout


def write(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_what_tools_write_is_served(new_url: NewUrl, tmp_path: Path) -> None:
    """The manifests are those that graphql-codegen, relay-compiler and Apollo's tool wrote."""
    url = new_url()
    write(tmp_path, "deep/in/feed.graphql", FEED)
    assert add(url, MANIFESTS, tmp_path) == "7 documents were found, and 7 of them added.\n"
    assert add(url, MANIFESTS) == "6 documents were found, and 0 of them added.\n"
    lines = listed(url).splitlines()
    assert len(lines) == 7
    line = re.compile(rf"[0-9a-f]{{64}} \d{{4}}-\d\d-\d\d AppFeedQuery \({MD5}\)")
    assert any(map(line.fullmatch, lines))
    assert any(line.startswith(hash_of(FEED)) and line.endswith(" Feed") for line in lines)
    codegen, relay, apollo = (json.loads((MANIFESTS / f"{tool}.json").read_text()) for tool in TOOLS)
    ids = [*codegen, *relay, *(operation["id"] for operation in apollo["operations"]), hash_of(FEED)]
    given = {"input": {"title": "T", "body": ""}}
    with serving(url, GAZETTE_TRUSTED_ONLY="true") as address:
        for identifier in ids:
            body = {"documentId": identifier, "variables": given}
            answer = httpx.post(f"{address}/graphql", json=body).json()
            codes = {error["extensions"]["code"] for error in answer.get("errors", ())}
            assert codes <= {"UNAUTHENTICATED"}, answer
        # Another process removes one, and adds one, while this one serves.
        removed = gazette("documents", "remove", MD5, DATABASE_URL=url)
        assert removed.returncode == 0, removed.stderr
        assert len(listed(url).splitlines()) == 6


def test_one_that_cannot_be_executed_keeps_all_out(new_url: NewUrl, tmp_path: Path) -> None:
    url = new_url()
    write(tmp_path, "a.graphql", FEED)
    write(tmp_path, "b/wrong.graphql", "query A {\n  posts {nodes {titel}}\n}")
    write(tmp_path, "c.json", {MD5: "{viewer {no}}", "x": "{viewer {id}}"})
    first, second, last = refusal(url, "add", tmp_path)
    assert re.search("b/wrong.graphql: line 2, column 17: .*'titel'", first)
    assert re.search(f"c.json, {MD5}: line 1, column 10: .*'no'", second)
    assert last == "Nothing was added."
    assert listed(url) == ""


BAD = {
    "{": "line 1, column 2: Syntax Error",
    "{posts(first: 100) {nodes {comments(first: 100) {nodes {id}}}}}": "can come to 10,100 nodes",
    "{" + "a " * 2_000 + "}": "tokens",
    "{a " * 900 + "}" * 900: "nested too deeply",
    "{a " * 13 + "b" + "}" * 13: "levels deep",
    "fragment A on Post {id}": "The document has no operation.",
    "type Post {id: ID}": "The document has no operation.",
    "{viewer {id}} type Post {id: ID}": "not executable",
}


@pytest.mark.parametrize("text", BAD, ids=lambda text: text[:20])
def test_what_cannot_be_executed_whatever_its_variables(text: str) -> None:
    (complaint,) = complaints(schema, text)
    assert BAD[text] in complaint


NO_MANIFESTS: dict[str, tuple[str, Any, str]] = {
    "no JSON": ("a.json", "{", "a.json: it is no manifest"),
    "a list": ("a.json", ["{viewer {id}}"], "a.json: it is no manifest"),
    "another file": ("package.json", {"name": "x", "dependencies": {}}, "package.json: it is no manifest"),
    "another version": (
        "a.json",
        {"format": "apollo-persisted-query-manifest", "version": 2, "operations": []},
        "a.json: it is no manifest",
    ),
    "a wrong hash": ("a.json", {"a" * 64: "{viewer {id}}"}, "a.json, a+: the id is not the SHA-256"),
    "a bad id": ("a.json", {"a b": "{viewer {id}}"}, "a.json, a b: an id is "),
    "nothing": ("readme.md", "{viewer {id}}", "there is no .gql, .graphql, .json file in it"),
}


@pytest.mark.parametrize("name", NO_MANIFESTS)
def test_what_is_no_manifest(tmp_path: Path, name: str) -> None:
    file, content, said = NO_MANIFESTS[name]
    write(tmp_path, file, content)
    with pytest.raises(ManifestError, match=said):
        documents([tmp_path])


def test_an_id_is_that_of_one_document(new_url: NewUrl, tmp_path: Path) -> None:
    url = new_url()
    one, other = "{viewer {id}}", "{viewer {username}}"
    first, second = write(tmp_path, "a/1.json", {MD5: one}), write(tmp_path, "b/2.json", {MD5: other})
    (line,) = refusal(url, "add", tmp_path)
    assert "2.json" in line
    assert "1.json" in line
    add(url, first)
    (line,) = refusal(url, "add", second)
    assert MD5 in line
    assert hash_of(other) not in listed(url)
    # With other ids they are added beside each other.
    add(url, write(tmp_path, "c/3.json", {"another": one, "second": other}))
    assert f"({', '.join(sorted([MD5, 'another']))})" in listed(url)


def test_many_documents(new_url: NewUrl, tmp_path: Path) -> None:
    url = new_url()
    many = {f"q{number}": f"query Q{number} {{viewer {{id}}}}" for number in range(2500)}
    assert "2500 of them added" in add(url, write(tmp_path, "many.json", many))
    assert len(listed(url).splitlines()) == 2500


def test_what_is_not_there_cannot_be_removed(new_sqlite_url: NewUrl) -> None:
    for identifier in (MD5, "a b"):
        assert refusal(new_sqlite_url(), "remove", identifier) == [
            f"There is no document of the id {identifier}."
        ]


def test_a_check_finds_what_does_not_fit_any_more(new_url: NewUrl, tmp_path: Path) -> None:
    url = new_url()
    add(url, write(tmp_path, "feed.graphql", FEED), MANIFESTS)
    assert gazette("documents", "check", DATABASE_URL=url).returncode == 0
    lines = refusal(url, "check", GAZETTE_COST_LIMIT="2")
    assert all("2 are allowed" in line for line in lines)
    assert f"{hash_of(FEED)} Feed: " not in "".join(lines)
    assert any(" AppFeedQuery: The operation can come to 6 nodes" in line for line in lines)
