"""Whatever an argument is, the answer is clear: BAD_USER_INPUT, or null where nothing is found."""

import base64
from typing import Any

import pytest

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
