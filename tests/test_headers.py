"""What every answer tells browsers, whoever makes it."""

import socket
from collections.abc import Iterator

import httpx
import pytest

from gql.explorer import CONTENT_SECURITY_POLICY
from tests.conftest import NewUrl
from tests.server import serving

EXPECTED = {
    "x-content-type-options": ["nosniff"],
    "referrer-policy": ["no-referrer"],
    "cross-origin-resource-policy": ["same-origin"],
    "content-security-policy": ["frame-ancestors 'none'"],
    "server": [],
}
FRONT_END = "https://front.example"
JSON = {"Content-Type": "application/json"}
PREFLIGHT = {"Origin": FRONT_END, "Access-Control-Request-Method": "POST"}

REQUESTS: dict[str, tuple[str, str, dict[str, str], bytes, int]] = {
    "an answer": ("POST", "/graphql", JSON, b'{"query": "{__typename}"}', 200),
    "one to another origin": ("POST", "/graphql", {**JSON, **PREFLIGHT}, b'{"query": "{__typename}"}', 200),
    "no JSON": ("POST", "/graphql", JSON, b"{", 400),
    "another method": ("PUT", "/graphql", {}, b"", 405),
    "a form": ("POST", "/graphql", {"Content-Type": "text/plain"}, b"{}", 415),
    "a preflight": ("OPTIONS", "/graphql", PREFLIGHT, b"", 200),
    "the root": ("GET", "/", {}, b"", 307),
    "a file": ("GET", "/explorer/explorer.css", {}, b"", 200),
    "health": ("GET", "/healthz", {}, b"", 200),
    "readiness": ("GET", "/readyz", {}, b"", 200),
    "metrics": ("GET", "/metrics", {}, b"", 200),
    "nothing": ("GET", "/nothing", {}, b"", 404),
}
MALFORMED = {
    400: b"nonsense\r\n\r\n",
    431: b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + 70_000 * b"x" + b"\r\n\r\n",
}


@pytest.fixture(scope="module")
def address(sqlite_databases: NewUrl) -> Iterator[str]:
    with serving(sqlite_databases(), GAZETTE_ORIGINS=FRONT_END) as address:
        yield address


def told(headers: httpx.Headers) -> dict[str, list[str]]:
    return {name: headers.get_list(name) for name in EXPECTED}


@pytest.mark.parametrize("name", REQUESTS)
def test_every_answer_has_them_once(address: str, name: str) -> None:
    method, path, headers, body, status = REQUESTS[name]
    response = httpx.request(method, f"{address}{path}", headers=headers, content=body)
    assert response.status_code == status
    expected = dict(EXPECTED)
    if path.startswith("/explorer"):
        expected["content-security-policy"] = [*expected["content-security-policy"], CONTENT_SECURITY_POLICY]
    assert told(response.headers) == expected


def test_the_explorer_has_its_own_policy_besides(address: str) -> None:
    response = httpx.get(f"{address}/graphql", headers={"Accept": "text/html"})
    assert told(response.headers) == {
        **EXPECTED,
        "content-security-policy": [*EXPECTED["content-security-policy"], CONTENT_SECURITY_POLICY],
    }


@pytest.mark.parametrize("status", MALFORMED)
def test_what_never_becomes_a_request_is_answered_likewise(address: str, status: int) -> None:
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(MALFORMED[status])
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    head = received.partition(b"\r\n\r\n")[0].decode()
    status_line, *lines = head.split("\r\n")
    assert status_line.startswith(f"HTTP/1.1 {status}")
    headers = httpx.Headers([(name, value) for name, _, value in (line.partition(": ") for line in lines)])
    assert told(headers) == EXPECTED
    assert "date" in headers
