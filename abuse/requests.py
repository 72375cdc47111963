"""What is refused over HTTP, whatever else the server does: each request with its code and its statuses."""

import base64
import gzip
import json
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
import jwt

from abuse.documents import DOCUMENTS, LIMIT, times
from bench.contestants import cursor
from gql.errors import PARSE_FAILED, VALIDATION_FAILED, BadUserInputError, UnauthenticatedError
from gql.negotiation import GRAPHQL, JSON
from gql.relay import to_global_id

INPUT, TOKEN = BadUserInputError.code, UnauthenticatedError.code
POSTS = "query ($n: Int) {posts(first: $n) {totalCount}}"
AFTER = "query ($after: String) {users(after: $after) {totalCount}}"
BY_SLUG = "query ($s: String!) {post(by: {slug: $s}) {id}}"
NODE = "query ($id: ID!) {node(id: $id) {id}}"
NODES = "query ($ids: [ID!]!) {nodes(ids: $ids) {id}}"
SIGN_UP = "mutation ($i: CreateUserInput!) {createUser(input: $i) {user {id}}}"
# More than the server reads of a body, or of a query string.
MB = 1_000_000
DEEP = 100_000


class Case(NamedTuple):
    """A request, what it is refused with, and the statuses of that for either media type.

    Where it is `executed`, the answer has `data` too, with null where the value was refused.
    """

    code: str
    statuses: tuple[int, int]
    body: bytes | None = None
    query: str = ""
    headers: dict[bytes, bytes] = {}
    executed: bool = False

    def status(self, accept: str) -> int:
        return self.statuses[accept == GRAPHQL]

    def request(self, base: httpx.URL | str, accept: str) -> httpx.Request:
        headers = {b"accept": accept.encode(), b"content-type": JSON.encode(), **self.headers}
        if self.body is None:
            return httpx.Request("GET", f"{base}/graphql?{self.query}", headers=headers)
        return httpx.Request("POST", f"{base}/graphql", content=self.body, headers=headers)

    def wire(self) -> bytes:
        """The same as it is sent, for a client that has no time to make it."""
        request = self.request("http://gazette", GRAPHQL)
        head = b"%s %s HTTP/1.1\r\n" % (request.method.encode(), request.url.raw_path)
        headers = b"".join(b"%s: %s\r\n" % header for header in request.headers.raw)
        return head + headers + b"\r\n" + (self.body or b"")


def malformed(body: bytes) -> Case:
    return Case(INPUT, (400, 400), body)


def document(query: str, code: str) -> Case:
    """A request that is one, with a document that is refused."""
    return Case(code, (200, 400), json.dumps({"query": query}).encode())


def variables(query: str, given: str) -> Case:
    return Case(INPUT, (200, 400), f'{{"query": {json.dumps(query)}, "variables": {given}}}'.encode())


def unreadable(query: str, given: str) -> Case:
    return variables(query, given)._replace(statuses=(400, 400))


def meaningless(query: str, **given: Any) -> Case:
    """A value of the right type that only the field itself can refuse."""
    return variables(query, json.dumps(given))._replace(statuses=(200, 200), executed=True)


def address(query: str, code: str = INPUT, statuses: tuple[int, int] = (400, 400)) -> Case:
    return Case(code, statuses, None, query)


def too_large(body: bytes) -> Case:
    return Case(LIMIT, (413, 413), body)


def many(values: str) -> Case:
    """A list of more values than a request can have, in its variables."""
    return too_large(WELL[:-1] + b', "variables": {"a": [%s]}}' % values.rstrip(",").encode())


def of_type(name: bytes, body: bytes) -> Case:
    return Case(INPUT, (415, 415), body, headers={b"content-type": name})


def compressed(encoding: bytes, body: bytes) -> Case:
    return Case(INPUT, (415, 415), body, headers={b"content-encoding": encoding})


def token(authorization: bytes) -> Case:
    return Case(TOKEN, (200, 401), WELL, headers={b"authorization": authorization})


def signed(header: dict[str, Any], key: str = "x" * 32, algorithm: str = "HS256", **changed: Any) -> bytes:
    claims = {"iss": "gazette", "aud": "gazette", "exp": 2**40, "iat": 1, "sub": "1", "sid": "1", **changed}
    return b"Bearer " + jwt.encode(claims, key, algorithm, header).encode()


def unsigned(header: bytes, payload: bytes = b"{}") -> bytes:
    return b"Bearer " + b".".join(
        base64.urlsafe_b64encode(part).rstrip(b"=") for part in (header, payload, b"x")
    )


def forged_cursor(key: int) -> str:
    """One of posts, with another key."""
    fingerprint, moment, _ = json.loads(base64.urlsafe_b64decode(cursor(0.5) + "=="))
    content = json.dumps([fingerprint, moment, key], separators=(",", ":"))
    return base64.urlsafe_b64encode(content.encode()).rstrip(b"=").decode()


WELL = b'{"query": "{viewer {id}}"}'
BOMB = gzip.compress(b" " * 50_000_000 + WELL)
_PART = b'--x\r\nContent-Disposition: form-data; name="operations"\r\n\r\n%s\r\n--x--\r\n' % WELL
_AFTER_A_POST = "query ($after: String) {posts(after: $after) {totalCount}}"
_IDS = [to_global_id("Post", key) for key in range(1, 40_001)]
BODIES = {
    # That are no request.
    "a string": malformed(b'"x"'),
    "null": malformed(b"null"),
    "a number": malformed(b"5"),
    "true": malformed(b"true"),
    "a list": malformed(b"[1]"),
    "a batch": malformed(b"[%s,%s]" % (WELL, WELL)),
    "a batch of 900": malformed(b"[%s]" % b",".join([WELL] * 900)),
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
    "lists in lists": malformed(b"[" * 1900),
    "lists in lists, closed": malformed(b"[" * 1900 + b"]" * 1900),
    "objects in objects": malformed(b'{"a":' * 1900),
    "a name of no operation": malformed(b'{"query": "{__typename}", "operationName": "%s"}' % (b"a" * DEEP)),
    "gzip that says it is JSON": malformed(gzip.compress(WELL)),
    "a body that is too long": too_large(WELL.ljust(MB + 1)),
    "a document of 10 MB": too_large(json.dumps({"query": "{viewer {id}}".ljust(10 * MB)}).encode()),
    "a comment of 10 MB": too_large(json.dumps({"query": "{viewer {id}} #" + "a" * 10 * MB}).encode()),
    "variables of 10 MB": too_large(WELL[:-1] + b', "variables": {"a": "%s"}}' % (b"a" * 10 * MB)),
    # More values than are parsed, in less than that.
    "100,000 lists in lists": too_large(b"[" * DEEP),
    "100,000 lists in lists, closed": too_large(b"[" * DEEP + b"]" * DEEP),
    "100,000 objects in objects": too_large(b'{"a":' * DEEP),
    "40,000 ids": too_large(json.dumps({"query": NODES, "variables": {"ids": _IDS}}).encode()),
    "330,000 lists": many("[]," * 330_000),
    "490,000 numbers": many("0," * 490_000),
    "330,000 texts": many('"",' * 330_000),
    "140,000 objects": many('{"":0},' * 140_000),
    "490 times 1,000 lists in lists": many(("[" * 1000 + "]" * 1000 + ",") * 490),
    "90,000 names": too_large(b"{%s}" % b",".join(b'"%x":0' % number for number in range(90_000))),
    # Of another kind.
    "gzip": compressed(b"gzip", gzip.compress(WELL)),
    "a gzip bomb": compressed(b"gzip", BOMB),
    "brotli": compressed(b"br", b"\x8b\x0c\x80"),
    "text": of_type(b"text/plain", WELL),
    "a form": of_type(b"application/x-www-form-urlencoded", b"query=%7B__typename%7D"),
    "a form of parts": of_type(b"multipart/form-data; boundary=x", _PART),
    "no type": of_type(b"", WELL),
}  # fmt: skip
VARIABLES = {
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
    "1,900 numbers for ids": variables(NODES, json.dumps({"ids": [1.5] * 1900})),
    "1,900 ids": meaningless(NODES, ids=_IDS[:1900]),
    "a page of -1": meaningless(POSTS, n=-1),
    "a page of 101": meaningless(POSTS, n=101),
    "a cursor that is none": meaningless(AFTER, after="garbage"),
    "a cursor of others": meaningless(AFTER, after=cursor(0.5)),
    "a cursor before all": meaningless(_AFTER_A_POST, after=forged_cursor(-1)),
    "a cursor beyond all": meaningless(_AFTER_A_POST, after=forged_cursor(2**63)),
    "a long cursor": meaningless(_AFTER_A_POST, after="A" * 900_000),
    "an id with zeros": meaningless(NODE, id=base64.b64encode(b"Post:01").decode()),
    "an id that is filled up": meaningless(NODE, id=to_global_id("Post", 1) + "="),
    "an id of no type": meaningless(NODE, id=base64.b64encode(b"Password:1").decode()),
    "a long id": meaningless(NODE, id="A" * 900_000),
}  # fmt: skip
ADDRESSES = {
    "no query": address("variables={}"),
    "no UTF-8 for a query": address("query=%ff%fe", PARSE_FAILED, (200, 400)),
    "percent signs": address("query=%%%zz%", PARSE_FAILED, (200, 400)),
    "nothing but separators": address("&&&=&;;=;&"),
    "a plus sign": address("+"),
    "variables that are no object": address("query={__typename}&variables=[1]"),
    "variables that are a text": address('query={__typename}&variables="{}"'),
    "variables that are no UTF-8": address("query={__typename}&variables=%ff"),
    "variables that are no JSON": address("query={__typename}&variables={"),
    "extensions that are no JSON": address("query={__typename}&extensions={{"),
    "a lone surrogate by GET": address(f"query={quote(BY_SLUG)}&variables=" + quote(r'{"s": "\ud800"}')),
    "NUL by GET": address(f"query={quote(BY_SLUG)}&variables=" + quote(r'{"s": "\u0000"}')),
    "lists in lists by GET": address("query={__typename}&variables=" + "[" * 1900),
    "10,000 lists in lists by GET": address(
        "query={__typename}&variables=" + "[" * 10_000, LIMIT, (414, 414)
    ),
    "an address that is too long": address("query={__typename}&" + "&" * 17_000, LIMIT, (414, 414)),
    "a mutation by GET": address(
        "query=mutation{logOut(input: {}) {endedSessions}}", INPUT, (405, 405)
    ),
}  # fmt: skip
TOKENS = {
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
LITERALS = {
    "NUL in a document": document("{viewer {id}} \x00", PARSE_FAILED),
    "a lone surrogate in a literal": document(r'{post(by: {slug: "\ud800"}) {id}}', INPUT),
    "a lone surrogate in braces": document(r'{post(by: {slug: "\u{d800}"}) {id}}', INPUT),
    "NUL in a literal": document(r'{post(by: {slug: "\u0000"}) {id}}', INPUT),
    "too large an Int literal": document("{posts(first: 2147483648) {totalCount}}", VALIDATION_FAILED),
    "5,000 digits in a literal": document("{posts(first: %s) {totalCount}}" % ("1" * 5000), INPUT),
    "no document": document("}", PARSE_FAILED),
    "large pages": document(f"{{{times(15, 'a#: posts(first: 100) {nodes {tags {nodes {id}}}}')}}}", LIMIT),
}  # fmt: skip
CASES = {
    **BODIES,
    **VARIABLES,
    **ADDRESSES,
    **TOKENS,
    **LITERALS,
    **{name: document(*found) for name, found in DOCUMENTS.items()},
}
