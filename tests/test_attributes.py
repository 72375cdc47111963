"""A post's attributes are JSON, and come back as they were sent, whichever way they came."""

import math
from typing import Any

import httpx
import orjson
import pytest

from tests import factories
from tests.client import Client

pytestmark = pytest.mark.anyio

CREATE = """mutation ($given: JSON) {
  createPost(input: {title: "A title", body: "", attributes: $given}) {
    post {id attributes} userErrors {code path}
  }
}"""
READ = "query ($id: ID!) {node(id: $id) {... on Post {attributes}}}"
REFUSED = {"post": None, "userErrors": [{"code": "INVALID", "path": ["input", "attributes"]}]}


@pytest.fixture
async def ada(client: Client) -> Client:
    user = factories.user(username="ada")
    await factories.save(client.database, user)
    return await client.viewing(user)


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return value


def of_size(size: int) -> dict[str, str]:
    return {"a": "x" * (size - len('{"a":""}'))}


GOOD: dict[str, dict[str, Any]] = {
    "empty": {},
    "of everything": {"a": None, "b": True, "c": False, "d": "", "e": [1, 2.5, [], {}], "": {"": 0}},
    "of the largest integers": {"a": 2**53, "b": -(2**53)},
    "of the smallest fractions": {
        "a": 5e-324,
        "b": -2.2250738585072014e-308,
        "c": 0.1,
        "d": 4503599627370495.5,
    },
    "of any text": {"\u202e\u2028'\"\\": "\U0001f600\x01\x7f\u200b<b>$1 :x %s ?"},
    "of names that mean something elsewhere": {"__proto__": {"constructor": 1}, "$where": "1", "id": 5},
    "as deep as it goes": nested(10),
    "as large as it goes": of_size(10_000),
    "of words for numbers": {"a": "NaN", "b": "Infinity", "c": "-0"},
}
BAD: dict[str, Any] = {
    "a list": [],
    "a text": "{}",
    "a number": 5,
    "a truth": False,
    "one too deep": nested(11),
    "one too deep in a list": {"a": [nested(9)]},
    "far too deep": nested(60),
    "one too large": of_size(10_001),
    "one byte too large": {"a": "é" * 4997},
    "beyond a double's integers": {"a": 2**53 + 1},
    "below them": {"a": [{"b": -(2**53) - 1}]},
    "of 64 bits": {"a": 2**64 - 1},
    "the largest double": {"a": 1.7976931348623157e308},
    "an integer in other words": {"a": 1e22},
}


@pytest.mark.parametrize("name", GOOD)
async def test_what_is_sent_comes_back(ada: Client, name: str) -> None:
    for document, variables in ((CREATE, {"given": GOOD[name]}), (as_literal(GOOD[name]), None)):
        if document is None:
            continue
        payload = (await ada.data(document, variables))["createPost"]
        assert payload["userErrors"] == []
        for attributes in (
            payload["post"]["attributes"],
            (await ada.data(READ, {"id": payload["post"]["id"]}))["node"]["attributes"],
        ):
            # PostgreSQL sorts keys.
            assert attributes == GOOD[name]
            assert exact(attributes) == exact(GOOD[name])


def exact(value: Any) -> Any:
    """The types too, where Python takes 1 and true for equal."""
    if isinstance(value, dict):
        return {key: exact(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [exact(inner) for inner in value]
    return (isinstance(value, bool), value)


def as_literal(value: Any) -> str | None:
    """The mutation with this written into it, None where GraphQL cannot: its names are not any text."""
    try:
        return CREATE.replace("($given: JSON) ", "").replace("$given", literal(value))
    except ValueError:
        return None


def literal(value: Any) -> str:
    if isinstance(value, dict):
        if not all(key.isidentifier() and key.isascii() for key in value):
            raise ValueError
        return "{" + ", ".join(f"{key}: {literal(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    return orjson.dumps(value).decode()


@pytest.mark.parametrize("name", BAD)
async def test_what_cannot_be_kept_is_refused(ada: Client, name: str) -> None:
    assert (await ada.data(CREATE, {"given": BAD[name]}))["createPost"] == REFUSED
    document = as_literal(BAD[name])
    assert document is not None
    assert (await ada.data(document))["createPost"] == REFUSED


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1" * 30, "1" * 309, "1" * 5000, "-" + "9" * 5000])
async def test_numbers_of_any_length(ada: Client, number: str) -> None:
    """As literals they are bad values; in variables the JSON parser may refuse the whole request."""
    document = CREATE.replace("($given: JSON) ", "").replace("$given", f"{{a: {number}}}")
    assert (await ada.data(document))["createPost"] == REFUSED
    response = await raw(ada, b'{"a": %s}' % number.encode())
    assert response.json().get("data", {"createPost": REFUSED}) == {"createPost": REFUSED}
    if "errors" in response.json():
        assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "nan", "0x10", "1_000", "01", "+1", ".5"])
async def test_what_is_no_json_is_no_request(ada: Client, number: str) -> None:
    body = (await raw(ada, b'{"a": %s}' % number.encode())).json()
    assert [error["extensions"]["code"] for error in body["errors"]] == ["BAD_USER_INPUT"]
    assert "data" not in body


async def test_numbers_in_other_words(ada: Client) -> None:
    body = (await raw(ada, b'{"a": 1E2, "b": 1.0, "c": -0.0, "d": 1e-400, "e": 0.30000000000000004}')).json()
    attributes = body["data"]["createPost"]["post"]["attributes"]
    assert attributes == {"a": 100, "b": 1, "c": 0, "d": 0, "e": 0.30000000000000004}
    assert all(math.isfinite(value) for value in attributes.values())


async def raw(client: Client, given: bytes) -> httpx.Response:
    body = b'{"query": %s, "variables": {"given": %s}}' % (orjson.dumps(CREATE), given)
    return await client.http.post("/graphql", content=body, headers={"Content-Type": "application/json"})


async def test_a_variable_in_a_literal(ada: Client) -> None:
    document = CREATE.replace("$given: JSON", "$given: JSON, $n: Int").replace(
        "attributes: $given", "attributes: {a: $given, b: [$n]}"
    )
    payload = (await ada.data(document, {"given": {"x": [True]}, "n": 5}))["createPost"]
    assert payload["post"]["attributes"] == {"a": {"x": [True]}, "b": [5]}
    payload = (await ada.data(document, {"given": nested(10), "n": 5}))["createPost"]
    assert payload == REFUSED
    assert (await ada.data(document, {"given": None, "n": None}))["createPost"]["post"]["attributes"] == {
        "a": None,
        "b": [None],
    }
    some: list[dict[str, Any]] = [{"given": {}}, {"n": 5}, {}]
    for variables in some:
        assert (await ada.data(document, variables))["createPost"] == REFUSED


@pytest.mark.parametrize(
    "document",
    ["{posts(first: %s) {totalCount}}", "{post(by: {slug: %s}) {id}}", "{node(id: %s) {id}}"],
)
async def test_an_integer_of_5000_digits_elsewhere(ada: Client, document: str) -> None:
    codes = await ada.codes(document % ("1" * 5000))
    assert codes <= {"BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"}
    assert codes
