"""Whatever a client sends, the answer is clear: BAD_USER_INPUT, or null where nothing is found."""

import base64
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gql.relay import to_global_id
from tests import factories
from tests.client import Client

pytestmark = pytest.mark.anyio


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


BAD_IDS = {
    "empty": "",
    "not base64": "!!!",
    "not ASCII": "é",
    "a plain number": "1",
    "padded": base64.urlsafe_b64encode(b"Post:1").decode() + "==",
    "another alphabet": encoded("Post:1") + "+/",
    "with a space around": f" {encoded('Post:1')}",
    "with a line break": f"{encoded('Post:1')}\n",
    "a space in the number": encoded("Post: 1"),
    "a sign": encoded("Post:+1"),
    "negative": encoded("Post:-1"),
    "leading zeros": encoded("Post:01"),
    "an underscore": encoded("Post:1_0"),
    "other digits": encoded("Post:١"),
    "no number": encoded("Post:"),
    "no type": encoded(":1"),
    "no such type": encoded("Nothing:1"),
    "a type without rows": encoded("PageInfo:1"),
    "a table": encoded("posts:1"),
    "twenty digits": encoded("Post:12345678901234567890"),
    "just too large": encoded(f"Post:{2**63}"),
    "5000 digits": encoded("Post:" + "1" * 5000),
    "a fraction": encoded("Post:1.0"),
    "not UTF-8": base64.urlsafe_b64encode(b"Post:\xff").rstrip(b"=").decode(),
    "NUL": encoded("Post:1\x00"),
}


@pytest.mark.parametrize("name", BAD_IDS)
async def test_a_bad_id(client: Client, name: str) -> None:
    for query in (
        "query ($id: ID!) {node(id: $id) {id}}",
        "query ($id: ID!) {nodes(ids: [$id]) {id}}",
        "query ($id: ID!) {post(by: {id: $id}) {id}}",
        "query ($id: ID!) {posts(filter: {author: {id: $id}}) {totalCount}}",
    ):
        assert await client.codes(query, {"id": BAD_IDS[name]}) == {"BAD_USER_INPUT"}


async def test_the_id_of_another_type(client: Client) -> None:
    user = to_global_id("User", 1)
    assert await client.codes(f'{{post(by: {{id: "{user}"}}) {{id}}}}') == {"BAD_USER_INPUT"}
    assert await client.codes(f'{{tag(by: {{id: "{user}"}}) {{id}}}}') == {"BAD_USER_INPUT"}
    assert await client.data(f'{{node(id: "{user}") {{id}}}}') == {"node": None}


async def test_the_largest_id_is_only_not_found(client: Client) -> None:
    assert await client.data(f'{{node(id: "{to_global_id("Post", 2**63 - 1)}") {{id}}}}') == {"node": None}
    assert await client.data(f'{{node(id: "{to_global_id("Post", 0)}") {{id}}}}') == {"node": None}


async def test_what_is_unknown_is_null(client: Client) -> None:
    data = await client.data(
        '{post(by: {slug: "nothing"}) {id} tag(by: {slug: ""}) {id} user(by: {username: "x"}) {id}}'
    )
    assert data == {"post": None, "tag": None, "user": None}
    # Longer than the column, which has to be neither an error nor cut until it matches.
    await factories.save(client.database, factories.post(factories.user(), slug="x" * 220))
    assert await client.data('{post(by: {slug: "%s"}) {id}}' % ("x" * 300)) == {"post": None}


PAGES = ["first: -1", "first: 0", "first: 101", "last: 0", "last: -5", "last: 101", "first: 5, last: 5"]


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_of_an_impossible_size(client: Client, page: str) -> None:
    await factories.save(client.database, factories.post(factories.user()))
    assert await client.codes(f"{{posts({page}) {{totalCount}}}}") == {"BAD_USER_INPUT"}
    assert await client.codes(f"{{posts {{nodes {{comments({page}) {{totalCount}}}}}}}}") == {
        "BAD_USER_INPUT"
    }


async def test_nulls_are_as_good_as_nothing(client: Client) -> None:
    nulls = "first: null, after: null, last: null, before: null, filter: null, orderBy: null"
    assert await client.data(f"{{posts({nulls}) {{totalCount}}}}") == {"posts": {"totalCount": 0}}
    inner = "author: null, tag: null, status: null, createdAt: null, publishedAt: {since: null}"
    assert await client.data(f"{{posts(filter: {{{inner}}}) {{totalCount}}}}") == {"posts": {"totalCount": 0}}


async def test_more_than_a_hundred_ids(client: Client) -> None:
    query = "query ($ids: [ID!]!) {nodes(ids: $ids) {id}}"
    ids = [to_global_id("Post", number) for number in range(101)]
    assert await client.codes(query, {"ids": ids}) == {"BAD_USER_INPUT"}
    assert await client.data(query, {"ids": ids[:100]}) == {"nodes": [None] * 100}


async def test_nodes_keep_their_order(client: Client) -> None:
    author = factories.user()
    post = factories.post(author)
    await factories.save(client.database, post)
    ids = [to_global_id("Post", post.id), to_global_id("Tag", 7), to_global_id("User", author.id)]
    data = await client.data("query ($ids: [ID!]!) {nodes(ids: $ids) {id}}", {"ids": [*ids, ids[0]]})
    assert data == {"nodes": [{"id": ids[0]}, None, {"id": ids[2]}, {"id": ids[0]}]}


async def cursor(client: Client, field: str) -> str:
    data = await client.data(f"{{{field} {{pageInfo {{endCursor}}}}}}")
    found: str = data[field.partition("(")[0]]["pageInfo"]["endCursor"]
    return found


AFTER = "query ($after: String) {posts(after: $after) {nodes {id}}}"


async def test_a_cursor_of_another_order(client: Client) -> None:
    await factories.save(client.database, factories.post(factories.user()), factories.tag())
    for field in ("posts(orderBy: {field: CREATED_AT, direction: DESC})", "users", "tags"):
        assert await client.codes(AFTER, {"after": await cursor(client, field)}) == {"BAD_USER_INPUT"}
    ascending = await cursor(client, "posts(orderBy: {field: PUBLISHED_AT, direction: ASC})")
    assert await client.codes(AFTER, {"after": ascending}) == {"BAD_USER_INPUT"}
    assert await client.codes(AFTER, {"after": await cursor(client, "posts")}) == set()


async def test_a_cursor_that_was_tampered_with(client: Client) -> None:
    await factories.save(client.database, factories.post(factories.user()))
    genuine = await cursor(client, "posts")
    fingerprint, moment, key = eval(base64.urlsafe_b64decode(genuine + "=="))  # noqa: S307 # Our own, in a test.
    forged = [
        "",
        "x",
        genuine[:-1],
        genuine + "A",
        genuine + "=",
        f" {genuine}",
        *(
            encoded(text)
            for text in (
                "null",
                "[]",
                "{}",
                "5",
                f"[{fingerprint}]",
                f'[{fingerprint},"{moment}"]',
                f'[{fingerprint},"{moment}",{key},1]',
                f'[{fingerprint},"{moment}", {key}]',
                f'[{fingerprint},"{moment}",-1]',
                f'[{fingerprint},"{moment}",{2**63}]',
                f'[{fingerprint},"{moment}",1e3]',
                f'[{fingerprint},"{moment}",true]',
                f'[{fingerprint},"{moment}","{key}"]',
                f'[{fingerprint},"yesterday",{key}]',
                f'[{fingerprint},"2026-01-01T00:00:00",{key}]',
                f'[{fingerprint},"0001-01-01T00:00:00+23:59",{key}]',
                f"[{fingerprint},null,{key}]",
                f"[{fingerprint},5,{key}]",
                f"[true,null,{key}]",
                "[" * 5000,
            )
        ),
    ]
    for text in forged:
        assert await client.codes(AFTER, {"after": text}) == {"BAD_USER_INPUT"}, text


BAD_TIMES = [
    "yesterday",
    "2026-01-31",
    "2026-01-31T12:00:00",
    "2026-01-31 12:00:00Z",
    "2026-02-30T12:00:00Z",
    "2026-01-31T25:00:00Z",
    "2026-01-31T12:00:60Z",
    "0001-01-01T00:00:00+10:00",
    "9999-12-31T23:59:59-01:00",
    "9999-12-31T23:59:59.999999Z",
    "٢٠٢٦-01-31T12:00:00Z",
    "2026-01-31T12:00:00+99:00",
    5,
    True,
    [],
]


@pytest.mark.parametrize("moment", BAD_TIMES, ids=str)
async def test_a_time_that_is_none(client: Client, moment: Any) -> None:
    query = "query ($at: DateTime) {posts(filter: {createdAt: {since: $at}}) {totalCount}}"
    assert await client.codes(query, {"at": moment}) == {"BAD_USER_INPUT"}


@pytest.mark.parametrize(
    "moment", ["2026-01-31T12:00:00Z", "2026-01-31t12:00:00.123456789+05:30", "0001-01-01T00:00:00Z"]
)
async def test_a_time_in_any_rfc_3339_form(client: Client, moment: str) -> None:
    query = "query ($at: DateTime) {posts(filter: {publishedAt: {since: $at, before: $at}}) {totalCount}}"
    assert await client.data(query, {"at": moment}) == {"posts": {"totalCount": 0}}


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


@pytest.mark.parametrize("field", ["node(id: $value) {id}", "users(after: $value) {totalCount}"])
async def test_what_is_too_long_for_an_id_or_a_cursor_is_not_decoded(
    client: Client, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    longest = 0
    decode = base64.urlsafe_b64decode

    def measured(text: str) -> bytes:
        nonlocal longest
        longest = max(longest, len(text))
        return decode(text)

    monkeypatch.setattr(base64, "urlsafe_b64decode", measured)
    kind = "ID!" if "node" in field else "String"
    document = f"query ($value: {kind}) {{{field}}}"
    for length in (8, 20_000):
        assert await client.codes(document, {"value": "A" * length}) == {"BAD_USER_INPUT"}
    assert 8 <= longest < 20_000
