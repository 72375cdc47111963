"""What the server does below HTTP."""

import asyncio
import socket
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware.base import RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount

from gql.app import create_app
from gql.server import JoinedWrites
from gql.settings import Settings
from tests.client import Client
from tests.conftest import NewUrl
from tests.server import serving

pytestmark = pytest.mark.anyio


class Transport:
    """What was written, in how many writes."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def get_extra_info(self, name: str) -> str:
        return f"the {name}"


async def test_what_is_written_in_one_turn_is_one_write() -> None:
    transport: Any = Transport()
    joined = JoinedWrites(transport, asyncio.get_running_loop())
    joined.write(b"head")
    joined.write(b"body")
    assert transport.written == []
    await asyncio.sleep(0)
    joined.write(b"next")
    await asyncio.sleep(0)
    assert transport.written == [b"headbody", b"next"]
    assert joined.get_extra_info("peername") == "the peername"


async def test_what_is_closed_has_written_all_before_and_nothing_after() -> None:
    transport: Any = Transport()
    joined = JoinedWrites(transport, asyncio.get_running_loop())
    joined.write(b"last")
    joined.close()
    joined.write(b"too late")
    await asyncio.sleep(0)
    assert (transport.written, transport.is_closed) == ([b"last"], True)


async def test_a_served_response_is_one_write(new_sqlite_url: NewUrl) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: gazette\r\n\r\n"
    with serving(new_sqlite_url()) as address:
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            for _ in range(20):
                connection.sendall(request)
                # What had been written apart would mostly come apart: nothing else waits to be read.
                head, _, body = connection.recv(65536).partition(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200")
                assert body


async def test_a_middleware_that_is_added_sees_all_requests(new_sqlite_url: NewUrl) -> None:
    app = create_app(Settings(database_url=new_sqlite_url()))

    @app.middleware("http")
    async def marked(request: Request, call_next: RequestResponseEndpoint) -> Response:
        response = await call_next(request)
        response.headers["X-Marked"] = "yes"
        return response

    async with Client(app) as client:
        response = await client.http.post("/graphql", json={"query": "{__typename}"})
    assert (response.json(), response.headers["X-Marked"]) == ({"data": {"__typename": "Query"}}, "yes")


async def test_mounted_below_another_application(new_sqlite_url: NewUrl) -> None:
    app = create_app(Settings(database_url=new_sqlite_url()))
    outer = Starlette(routes=[Mount("/api", app)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(outer), base_url="http://gazette") as http:
        inside = await http.post("/api/graphql", json={"query": "{__typename}"})
        outside = await http.post("/graphql", json={"query": "{__typename}"})
    assert (inside.json(), outside.status_code) == ({"data": {"__typename": "Query"}}, 404)
