"""Requests that mean nothing, and values and documents at random: BAD_USER_INPUT, never an internal error."""

from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.client import Client

pytestmark = pytest.mark.anyio


async def raw(client: Client, body: bytes) -> httpx.Response:
    return await client.http.post("/graphql", content=body, headers={"Content-Type": "application/json"})


BY_SLUG = b'"query": "query ($s: String) {post(by: {slug: $s}) {id}}"'
FIRST = b'"query": "query ($n: Int) {posts(first: $n) {totalCount}}"'
BY = b'"query": "query ($by: PostBy!) {post(by: $by) {id}}"'
FILTER = b'"query": "query ($f: PostFilter) {posts(filter: $f) {totalCount}}"'
REQUESTS = {
    "NUL in a variable": b'{%s, "variables": {"s": "a\\u0000"}}' % BY_SLUG,
    "NUL deep in a variable": b'{%s, "variables": {"f": {"tag": {"slug": "\\u0000"}}}}' % FILTER,
    "NUL in a literal": rb'{"query": "{post(by: {slug: \"a\\u0000\"}) {id}}"}',
    "NUL in a block string": rb'{"query": "{post(by: {slug: \"\"\"a\u0000\"\"\"}) {id}}"}',
    "a lone surrogate in a variable": b'{%s, "variables": {"s": "\\ud800"}}' % BY_SLUG,
    "a lone surrogate in a literal": rb'{"query": "{post(by: {slug: \"\\ud800\"}) {id}}"}',
    "a lone surrogate as it is": b'{"query": "{post(by: {slug: \\"\xed\xa0\x80\\"}) {id}}"}',
    "an unknown operation": b'{"query": "query A {viewer {id}}", "operationName": "B"}',
    "no operation chosen": b'{"query": "query A {viewer {id}} query B {viewer {id}}"}',
    "a document of fragments only": b'{"query": "fragment A on User {id}"}',
    "a missing variable": b'{"query": "query ($id: ID!) {node(id: $id) {id}}"}',
    "a variable of another type": b'{%s, "variables": {"n": "5"}}' % FIRST,
    "a number that is too large": b'{%s, "variables": {"n": 3000000000}}' % FIRST,
    "a number of 5000 digits": b'{%s, "variables": {"n": %s}}' % (FIRST, b"1" * 5000),
    "two of what has to be one": b'{%s, "variables": {"by": {"id": "a", "slug": "b"}}}' % BY,
    "none of what has to be one": b'{%s, "variables": {"by": {}}}' % BY,
    "null for what has to be one": b'{%s, "variables": {"by": {"id": null}}}' % BY,
}
DEEP_JSON = b"[" * 1000 + b"]" * 1000
REQUESTS["a list in lists in lists"] = b'{%s, "variables": {"n": %s}}' % (FIRST, DEEP_JSON)
REQUESTS["objects in objects"] = b'{%s, "variables": {"f": %s}}' % (
    FILTER,
    b'{"tag":' * 1000 + b"5" + b"}" * 1000,
)
LIBRARIES = ("Traceback", "SELECT", "asyncpg", "sqlite", "strawberry", "Strawberry", ".py")


@pytest.mark.parametrize("name", REQUESTS)
async def test_a_request_that_cannot_mean_anything(client: Client, name: str) -> None:
    response = await raw(client, REQUESTS[name])
    assert response.status_code in (200, 400)
    assert {error["extensions"]["code"] for error in response.json()["errors"]} == {"BAD_USER_INPUT"}
    assert "data" not in response.json()
    assert [leaked for leaked in LIBRARIES if leaked in response.text] == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
QUERIES = {
    "query ($v: ID!) {node(id: $v) {id}}",
    "query ($v: [ID!]!) {nodes(ids: $v) {id}}",
    "query ($v: PostBy!) {post(by: $v) {id}}",
    "query ($v: UserBy!) {user(by: $v) {id}}",
    "query ($v: String) {posts(after: $v) {totalCount nodes {id}}}",
    "query ($v: String) {users(before: $v, orderBy: {field: NAME, direction: ASC}) {nodes {id}}}",
    "query ($v: Int) {posts(last: $v) {nodes {id}}}",
    "query ($v: PostFilter) {posts(filter: $v) {totalCount nodes {id}}}",
    "query ($v: DateTime) {posts(filter: {publishedAt: {before: $v}}) {totalCount nodes {id}}}",
    "query ($v: String!) {post(by: {slug: $v}) {id}}",
}


@given(query=st.sampled_from(sorted(QUERIES)), value=JSON)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_value_makes_an_internal_error(client: Client, query: str, value: Any) -> None:
    assert await client.codes(query, {"v": value}) <= {"BAD_USER_INPUT"}


PUNCTUATION = [*'{}()[]:!$@."\\#\n,0aé\x00', "posts", "..."]


@given(document=st.text() | st.lists(st.sampled_from(PUNCTUATION)).map("".join))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_document_makes_an_internal_error(client: Client, document: str) -> None:
    allowed = {"BAD_USER_INPUT", "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED"}
    assert await client.codes(document) <= allowed


@pytest.mark.parametrize(
    "document", ["{" * 20000, "{a" * 20000, "[" * 100000, "{posts(first: " + "[" * 50000]
)
async def test_a_document_nested_too_deeply(client: Client, document: str) -> None:
    assert await client.codes(document) <= {"LIMIT_EXCEEDED", "GRAPHQL_PARSE_FAILED"}
