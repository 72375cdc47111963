"""Whatever is sent is refused with its status and code, never with 500, and nothing is read for it."""

import base64
import gzip
import json
import time
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
import jwt
import pytest

from gql.negotiation import GRAPHQL, JSON
from tests.client import Client
from tests.conftest import NewUrl
from tests.server import serving

pytestmark = pytest.mark.anyio

INPUT, LIMIT, TOKEN = "BAD_USER_INPUT", "LIMIT_EXCEEDED", "UNAUTHENTICATED"
PARSE, VALIDATION = "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED"
POSTS = "query ($n: Int) {posts(first: $n) {totalCount}}"
BY_SLUG = "query ($s: String!) {post(by: {slug: $s}) {id}}"
SIGN_UP = "mutation ($i: CreateUserInput!) {createUser(input: $i) {user {id}}}"


class Case(NamedTuple):
    """A request, what it is refused with in either media type, and the statuses of that."""

    code: str
    statuses: tuple[int, int]
    body: bytes | None = None
    query: str = ""
    headers: dict[bytes, bytes] = {}

    async def send(self, http: httpx.AsyncClient, accept: str) -> httpx.Response:
        headers = {b"accept": accept.encode(), b"content-type": JSON.encode(), **self.headers}
        if self.body is None:
            return await http.get(f"/graphql?{self.query}", headers=headers)
        return await http.post("/graphql", content=self.body, headers=headers)


def malformed(body: bytes, **more: Any) -> Case:
    return Case(INPUT, (400, 400), body, **more)


def document(query: str, code: str, **more: Any) -> Case:
    """A request that is one, with a document or variables that are refused."""
    return Case(code, (200, 400), json.dumps({"query": query, **more}).encode())


def variables(query: str, given: str) -> Case:
    return Case(INPUT, (200, 400), f'{{"query": {json.dumps(query)}, "variables": {given}}}'.encode())


def unreadable(query: str, given: str) -> Case:
    return variables(query, given)._replace(statuses=(400, 400))


def address(query: str, code: str = INPUT, statuses: tuple[int, int] = (400, 400)) -> Case:
    return Case(code, statuses, None, query)


def compressed(encoding: bytes, body: bytes) -> Case:
    return Case(INPUT, (415, 415), body, headers={b"content-encoding": encoding})


def token(authorization: bytes) -> Case:
    body = b'{"query": "{viewer {id}}"}'
    return Case(TOKEN, (200, 401), body, headers={b"authorization": authorization})


def signed(header: dict[str, Any], key: str = "x" * 32, algorithm: str = "HS256", **changed: Any) -> bytes:
    claims = {"iss": "gazette", "aud": "gazette", "exp": 2**40, "iat": 1, "sub": "1", "sid": "1", **changed}
    return b"Bearer " + jwt.encode(claims, key, algorithm, header).encode()


def unsigned(header: bytes, payload: bytes = b"{}") -> bytes:
    return b"Bearer " + b".".join(
        base64.urlsafe_b64encode(part).rstrip(b"=") for part in (header, payload, b"x")
    )


DEEP = 100_000
WELL = b'{"query": "{viewer {id}}"}'
BOMB = gzip.compress(b" " * 50_000_000 + WELL)
CASES = {
    # Bodies that are no request.
    "a string": malformed(b'"x"'),
    "null": malformed(b"null"),
    "a number": malformed(b"5"),
    "true": malformed(b"true"),
    "a list": malformed(b"[1]"),
    "a batch": malformed(b"[%s,%s]" % (WELL, WELL)),
    "nothing": malformed(b""),
    "spaces": malformed(b"  \n"),
    "NUL": malformed(b"\x00"),
    "not a number": malformed(b"NaN"),
    "more than JSON": malformed(WELL + b"}"),
    "not UTF-8": malformed(b'{"query": "\xff"}'),
    "UTF-16": malformed('{"query": "{viewer {id}}"}'.encode("utf-16")),
    "a surrogate in UTF-8": malformed(b'{"query": "{viewer {id}} #\xed\xa0\x80"}'),
    "a lone surrogate": malformed(rb'{"query": "{viewer {id}} #\ud800"}'),
    "a lone surrogate as a key": malformed(rb'{"query": "{viewer {id}}", "\udfff": 1}'),
    "a lone surrogate as a name": malformed(rb'{"query": "{__typename}", "operationName": "\ud800"}'),
    "a number of 5,000 digits": malformed(b"1" * 5000),
    "a number beyond all": malformed(b'{"query": "{viewer {id}}", "extensions": 1e999}'),
    "lists in lists": malformed(b"[" * DEEP),
    "lists in lists, closed": malformed(b"[" * DEEP + b"]" * DEEP),
    "objects in objects": malformed(b'{"a":' * DEEP),
    "a name of no operation": malformed(b'{"query": "{__typename}", "operationName": "%s"}' % (b"a" * DEEP)),
    "gzip that says it is JSON": malformed(gzip.compress(WELL)),
    "a body that is too long": Case(LIMIT, (413, 413), WELL.ljust(1_000_001)),
    # Bodies of another kind.
    "gzip": compressed(b"gzip", gzip.compress(WELL)),
    "a gzip bomb": compressed(b"gzip", BOMB),
    "brotli": compressed(b"br", b"\x8b\x0c\x80"),
    "a form": Case(INPUT, (415, 415), b"query=%7B__typename%7D", headers={b"content-type": b"text/plain"}),
    "no type": Case(INPUT, (415, 415), WELL, headers={b"content-type": b""}),
    # Variables.
    "too large an Int": variables(POSTS, '{"n": 2147483648}'),
    "too small an Int": variables(POSTS, '{"n": -2147483649}'),
    "an Int of 64 bits": variables(POSTS, '{"n": 18446744073709551615}'),
    "an Int of 30 digits": variables(POSTS, '{"n": 100000000000000000000000000000}'),
    "a fraction for an Int": variables(POSTS, '{"n": 1.5}'),
    "a text for an Int": variables(POSTS, '{"n": "5"}'),
    "true for an Int": variables(POSTS, '{"n": true}'),
    "5,000 digits for an Int": unreadable(POSTS, '{"n": %s}' % ("1" * 5000)),
    "a number for a text": variables(BY_SLUG, '{"s": 5}'),
    "lists for a text": variables(BY_SLUG, '{"s": %s}' % ("[" * 900 + "]" * 900)),
    "NUL in a variable": unreadable(BY_SLUG, r'{"s": "a\u0000"}'),
    "NUL in a variable's name": unreadable(BY_SLUG, r'{"a\u0000": 1}'),
    "a lone surrogate in a variable": unreadable(BY_SLUG, r'{"s": "\ud800"}'),
    "half a pair in a variable": unreadable(BY_SLUG, r'{"s": "\udc00\ud800"}'),
    "a lone surrogate for a mutation": unreadable(SIGN_UP, r'{"i": {"username": "\ud800"}}'),
    "NUL for a mutation": unreadable(SIGN_UP, r'{"i": {"username": "\u0000"}}'),
    # Documents.
    "NUL in a document": document("{viewer {id}} \x00", PARSE),
    "a lone surrogate in a literal": document(r'{post(by: {slug: "\ud800"}) {id}}', INPUT),
    "a lone surrogate in braces": document(r'{post(by: {slug: "\u{d800}"}) {id}}', INPUT),
    "NUL in a literal": document(r'{post(by: {slug: "\u0000"}) {id}}', INPUT),
    "an Int literal that is too large": document("{posts(first: 2147483648) {totalCount}}", VALIDATION),
    "an Int literal of 5,000 digits": document("{posts(first: %s) {totalCount}}" % ("1" * 5000), INPUT),
    "braces": document("{" * 90_000, PARSE),
    "fields in fields": document("{a" * 40_000, LIMIT),
    "no document": document("}", PARSE),
    # Addresses.
    "no query": address("variables={}"),
    "no UTF-8 for a query": address("query=%ff%fe", PARSE, (200, 400)),
    "percent signs": address("query=%%%zz%", PARSE, (200, 400)),
    "nothing but separators": address("&&&=&;;=;&"),
    "a plus sign": address("+"),
    "variables that are no object": address("query={__typename}&variables=[1]"),
    "variables that are a text": address('query={__typename}&variables="{}"'),
    "variables that are no UTF-8": address("query={__typename}&variables=%ff"),
    "variables that are no JSON": address("query={__typename}&variables={"),
    "extensions that are no JSON": address("query={__typename}&extensions={{"),
    "a lone surrogate by GET": address(f"query={quote(BY_SLUG)}&variables=" + quote(r'{"s": "\ud800"}')),
    "NUL by GET": address(f"query={quote(BY_SLUG)}&variables=" + quote(r'{"s": "\u0000"}')),
    "lists in lists by GET": address("query={__typename}&variables=" + "[" * 10_000),
    "an address that is too long": address("query={__typename}&" + "&" * 17_000, LIMIT, (414, 414)),
    # Tokens.
    "no token": token(b"Bearer"),
    "two tokens": token(b"Bearer a.b.c a.b.c"),
    "two dots": token(b"Bearer .."),
    "another scheme": token(b"Basic YWRhOmFkYQ=="),
    "bytes": token(b"Bearer \xff\xfe"),
    "a token that is not signed": token(signed({"typ": "at+jwt"}, "", "none")),
    "a token signed by others": token(signed({"typ": "at+jwt"})),
    "a token with another's key": token(signed({"typ": "at+jwt", "kid": "0" * 16})),
    "a key that is no text": token(unsigned(b'{"typ": "at+jwt", "alg": "HS256", "kid": {}}')),
    "a key from elsewhere": token(signed({"typ": "at+jwt", "kid": "../../etc/passwd", "jku": "http://x"})),
    "lists in a token's head": token(unsigned(b"[" * 40_000)),
    "objects in a token's head": token(unsigned(b'{"a":' * 8_000)),
    "lists in a token": token(unsigned(b'{"typ": "at+jwt", "alg": "HS256"}', b"[" * 40_000)),
    "a number of 5,000 digits in a token": token(unsigned(b'{"typ": %s}' % (b"1" * 5000))),
    "a long token": token(b"Bearer " + b"a" * 60_000),
}  # fmt: skip


def assert_refused(case: Case, accept: str, response: httpx.Response) -> None:
    assert response.status_code == case.statuses[accept == GRAPHQL], response.text
    body = response.json()
    assert {error["extensions"]["code"] for error in body["errors"]} == {case.code}, body
    assert "data" not in body
    # Nothing that was sent comes back at length.
    assert len(response.content) < 2000


@pytest.mark.parametrize("name", CASES)
async def test_it_is_refused_and_costs_no_statement(client: Client, name: str) -> None:
    for accept in (JSON, GRAPHQL):
        with client.statements() as statements:
            assert_refused(CASES[name], accept, await CASES[name].send(client.http, accept))
        assert statements == []


@pytest.fixture(scope="module")
def served(new_sqlite_url: NewUrl) -> Iterator[str]:
    with serving(new_sqlite_url()) as url:
        yield url


async def test_a_server_refuses_it_too_and_goes_on(served: str) -> None:
    begun = time.process_time()
    async with httpx.AsyncClient(base_url=served) as http:
        for case in CASES.values():
            assert_refused(case, GRAPHQL, await case.send(http, GRAPHQL))
        alive = await http.post("/graphql", content=WELL, headers={"content-type": JSON})
        assert alive.json() == {"data": {"viewer": None}}
    assert time.process_time() - begun < 10
