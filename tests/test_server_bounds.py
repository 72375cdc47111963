"""What never comes to the application: requests without end, and who does not read what is answered."""

import asyncio
import contextlib
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from abuse.crowds import silent_clients, slow_senders
from abuse.shapes import CHUNKED, GET, LENGTH, POST, QUERY
from gql.bounds import Bounds
from gql.server import Protocol
from tests.conftest import NewUrl
from tests.server import free_port, serving
from tests.wire import TYPENAME, Address, address_of, answered, connected, everything, is_cut_off, statuses

HEAD, BODY = 2048, 4000
LARGE = 64_000_000


@pytest.fixture(scope="module")
def address(sqlite_databases: NewUrl) -> Iterator[Address]:
    with serving(
        sqlite_databases(),
        GAZETTE_HEAD_LIMIT=str(HEAD),
        GAZETTE_BODY_LIMIT=str(BODY),
        GAZETTE_REQUEST_TIMEOUT="2",
    ) as url:
        yield address_of(url)


def test_two_requests_and_the_heads_limit(address: Address) -> None:
    # What came with the one before does not count. A long head does there, too, and there is no place for
    # its answer: it would be taken for that of the first.
    first = POST + b"Content-Length: %d\r\n\r\n%s" % (BODY, QUERY.ljust(BODY))
    with connected(address) as connection:
        connection.sendall(first + GET)
        time.sleep(0.1)
        connection.sendall(b"Connection: close\r\n\r\n")
        assert statuses(everything(connection)) == [200, 200]
    assert answered(address, first + GET + b"X-A: %s\r\n\r\n" % (b"a" * HEAD)) == []


def test_a_head_that_is_too_long(address: Address) -> None:
    # In one piece, in many, and in one header that never ends.
    assert answered(address, GET + b"X-A: %s\r\n\r\n" % (b"a" * HEAD)) == [431]
    assert answered(address, GET + b"X-A: b\r\n" * (HEAD // 8) + b"\r\n") == [431]
    assert answered(address, GET, *[b"X-A: b\r\n"] * 10_000) == [431]
    assert answered(address, GET + b"X-A: ", *[b"a" * 1000] * 1000) == [431]
    assert answered(address, b"GET /graphql?query=", *[b"a" * 1000] * 1000) == [431]
    just = GET + b"X-A: %s\r\nConnection: close\r\n\r\n" % (b"a" * (HEAD - 200))
    assert answered(address, just) == [200]


def test_a_body_that_is_too_long(address: Address) -> None:
    # Nothing of it has to come for the first answer.
    with connected(address) as connection:
        connection.sendall(POST + b"Content-Length: %d\r\n\r\n" % (BODY + 1))
        assert connection.recv(65536).startswith(b"HTTP/1.1 413")
        # Who sends it all the same can go on after it.
        time.sleep(0.2)
        connection.sendall(b"a" * (BODY + 1) + GET + b"Connection: close\r\n\r\n")
        assert statuses(everything(connection)) == [200]
    assert answered(address, POST + CHUNKED + b"\r\n", *[b"3e8\r\n%s\r\n" % (b"a" * 1000)] * 10_000) == [413]
    at_once = b"%x\r\n%s\r\n0\r\n\r\n" % (BODY + 1, b" " * (BODY + 1))
    assert answered(address, POST + CHUNKED + b"Connection: close\r\n\r\n" + at_once) == [413]
    # Little in much else: in sizes, and behind the last piece.
    endless = [b"1;a=%s\r\nb\r\n" % (b"a" * 100)] * 1000
    assert answered(address, POST + CHUNKED + b"\r\n", *endless)[0] in (400, 413)
    assert answered(address, POST + CHUNKED + b"\r\n0\r\nX-A: ", *[b"a" * 1000] * 1000)[0] in (400, 413)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"", []),
        (b"\r\n", [408]),
        (GET, [408]),
        (POST + LENGTH + b"\r\n{", [408]),
        (POST + CHUNKED + b"\r\n", [408]),
    ],
    ids=["nothing", "an empty line", "a head", "a body", "a body in pieces"],
)
def test_who_is_too_slow_is_cut_off(address: Address, sent: bytes, status: list[int]) -> None:
    begun = time.monotonic()
    assert answered(address, sent) == status
    assert time.monotonic() > begun + 1.9


def test_who_was_quick_once_is_cut_off_too(address: Address) -> None:
    with connected(address) as connection:
        connection.sendall(GET + b"\r\n")
        assert TYPENAME in connection.recv(65536)
        begun = time.monotonic()
        connection.sendall(GET + b"X-A: ")
        # Byte by byte is no way out.
        assert is_cut_off(connection, b"a")
        assert time.monotonic() > begun + 1.9


def test_hundreds_who_hold_connections_keep_nobody_waiting(address: Address) -> None:
    with slow_senders(address[1]) as slow, silent_clients(address[1]) as silent:
        assert answered(address, GET + b"Connection: close\r\n\r\n") == [200]
        assert {tuple(statuses(everything(connection))) for connection in slow} == {(408,)}
        assert {everything(connection) for connection in silent} == {b""}


def test_a_connection_in_use_stays(address: Address) -> None:
    with connected(address) as connection:
        for _ in range(6):
            connection.sendall(GET + b"\r\n")
            assert TYPENAME in connection.recv(65536)
            time.sleep(0.5)


def test_an_empty_line_behind_a_request_keeps_no_connection(address: Address) -> None:
    with connected(address) as connection:
        connection.sendall(GET + b"\r\n")
        assert TYPENAME in connection.recv(65536)
        connection.sendall(b"\r\n")
        assert statuses(everything(connection)) == [408]


async def _large(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with more than any kernel takes at once."""
    if scope["type"] == "lifespan":
        await _slow(scope, receive, send)
        return
    body = b"a" * LARGE
    length = [(b"content-length", b"%d" % LARGE)]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    await send({"type": "http.response.body", "body": body})


@pytest.mark.anyio
@pytest.mark.parametrize("end", [b"", b"Connection: close\r\n"])
async def test_who_takes_nothing_of_an_answer_is_cut_off(end: bytes) -> None:
    port = free_port()
    config = uvicorn.Config(_large, port=port, http=Protocol, lifespan="on", log_level="critical")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 # uvicorn has no event for it.
        await asyncio.sleep(0.01)
    idle_reader, idle = await asyncio.open_connection("127.0.0.1", port, limit=1024)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
    for each in (idle, writer):
        each.write(GET + end + b"\r\n")
    # To take some now and then is enough, also for longer than whoever takes nothing has.
    taken = 0
    while taken < LARGE and (part := await reader.read(LARGE // 40)):
        taken += len(part)
        if taken < LARGE // 2:
            await asyncio.sleep(0.003)
    assert taken >= LARGE
    writer.close()
    for _ in range(200):
        if not server.server_state.connections:
            break
        await asyncio.sleep(0.05)
    assert not server.server_state.connections
    with contextlib.suppress(ConnectionResetError):
        assert len(await idle_reader.read()) < LARGE
    idle.close()
    server.should_exit = True
    await task


async def _slow(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await receive()
        scope["state"]["bounds"] = Bounds(seconds=1)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    await asyncio.sleep(1.5)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})


@pytest.mark.anyio
async def test_who_waits_for_an_answer_is_not_too_slow() -> None:
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(_slow, port=port, http=Protocol, lifespan="on", log_level="critical")
    )
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 # uvicorn has no event for it.
        await asyncio.sleep(0.01)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    # The second one is there only in part when the first one is answered.
    writer.write(GET + b"\r\n" + GET)
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.write(b"Connection: close\r\n\r\n")
    assert b"HTTP/1.1 200" in await reader.read()
    writer.close()
    server.should_exit = True
    await task
