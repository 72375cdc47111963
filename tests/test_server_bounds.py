"""What never comes to the application: requests without end, and what two parties may read in two ways."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from abuse.crowds import silent_clients, slow_senders
from abuse.shapes import AMBIGUOUS, CHUNK, CHUNKED, GET, LENGTH, PIECES, POST, QUERY
from gql.bounds import Bounds
from gql.server import Protocol
from tests.conftest import NewUrl
from tests.server import free_port, serving

HEAD, BODY = 2048, 4000
LARGE = 64_000_000
TYPENAME = b'{"data":{"__typename":"Query"}}'


@pytest.fixture(scope="module")
def address(new_sqlite_url: NewUrl) -> Iterator[tuple[str, int]]:
    with serving(
        new_sqlite_url(),
        GAZETTE_HEAD_LIMIT=str(HEAD),
        GAZETTE_BODY_LIMIT=str(BODY),
        GAZETTE_REQUEST_TIMEOUT="2",
    ) as url:
        host, port = url.removeprefix("http://").split(":")
        yield host, int(port)


@contextmanager
def connected(address: tuple[str, int]) -> Iterator[socket.socket]:
    with socket.create_connection(address, timeout=10) as connection:
        yield connection


def everything(connection: socket.socket) -> bytes:
    """What comes until the server closes."""
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def statuses(answers: bytes) -> list[int]:
    return [int(part[:3]) for part in answers.split(b"HTTP/1.1 ")[1:]]


def answered(address: tuple[str, int], *parts: bytes) -> list[int]:
    """The statuses of what comes, until the server closes."""
    with connected(address) as connection:
        try:
            for part in parts:
                connection.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return statuses(everything(connection))


def is_cut_off(connection: socket.socket, more: bytes) -> bool:
    """Whether the server closes while a little comes again and again."""
    for _ in range(400):
        try:
            connection.sendall(more)
        except (BrokenPipeError, ConnectionResetError):
            return True
        time.sleep(0.02)
    return False


WHOLE = {
    "a body of a length": POST + LENGTH + b"\r\n" + QUERY,
    "a body in pieces": POST + CHUNKED + b"\r\n" + CHUNK + b"0\r\n\r\n",
    "a query by GET": GET + b"\r\n",
    "an empty line before it": b"\r\n" + GET + b"\r\n",
}


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_right_is_answered_however_it_comes(address: tuple[str, int], name: str) -> None:
    request = WHOLE[name]
    with connected(address) as connection:
        for size in (len(request), 7, 1):
            for start in range(0, len(request), size):
                connection.sendall(request[start : start + size])
                time.sleep(0.0005)
            answer = b""
            while TYPENAME not in answer:
                answer += connection.recv(65536)
            assert statuses(answer) == [200]


def test_two_at_once_are_answered_in_order(address: tuple[str, int]) -> None:
    first, second = WHOLE["a body of a length"], WHOLE["a query by GET"]
    half = len(second) // 2
    with connected(address) as connection:
        connection.sendall(first + second[:half])
        time.sleep(0.2)
        connection.sendall(second[half:])
        time.sleep(0.2)
        assert connection.recv(65536).count(TYPENAME) == 2


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_what_can_be_read_in_two_ways_is_refused(address: tuple[str, int], name: str) -> None:
    assert answered(address, POST + AMBIGUOUS[name] + b"\r\n" + QUERY + GET + b"\r\n") == [400]


@pytest.mark.parametrize("name", PIECES)
def test_pieces_that_are_none(address: tuple[str, int], name: str) -> None:
    answers = answered(address, POST + CHUNKED + b"\r\n" + PIECES[name])
    assert answers == [400]


def test_other_protocols_are_not_spoken(address: tuple[str, int]) -> None:
    upgrade = b"Connection: Upgrade, close\r\nUpgrade: %s\r\n"
    h2c = upgrade % b"h2c" + b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"
    assert answered(address, GET + h2c + b"\r\n") == [200]
    # A body belongs to the request all the same, however both come, and is not the next one.
    posted = POST + (upgrade % b"h2c").replace(b", close", b"")
    length, pieces = posted + LENGTH + b"\r\n" + QUERY, posted + CHUNKED + b"\r\n" + CHUNK + b"0\r\n\r\n"
    two = posted + b"Connection: keep-alive\r\n" + LENGTH + b"\r\n" + QUERY
    for request in (length, pieces, two):
        for size in (len(request), 40, 1):
            with connected(address) as connection:
                for start in range(0, len(request), size):
                    connection.sendall(request[start : start + size])
                    time.sleep(0.0005)
                assert TYPENAME in connection.recv(65536)
                connection.sendall(GET + b"Connection: close\r\n\r\n")
                assert statuses(everything(connection)) == [200]
    assert answered(address, length + GET + b"Connection: close\r\n\r\n") == [200, 200]
    assert answered(address, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == [400]
    assert answered(address, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03") == [400]
    assert answered(address, b"GET /graphql HTTP/0.9\r\n\r\n") == [400]


def test_garbage_behind_a_request_is_not_answered_as_the_request(address: tuple[str, int]) -> None:
    assert answered(address, GET + b"\r\n\x00") == []
    assert answered(address, WHOLE["a body of a length"] + b"\r\n\x00") == []


def test_two_requests_and_the_heads_limit(address: tuple[str, int]) -> None:
    # What came with the one before does not count. A long head does there, too, and there is no place for
    # its answer: it would be taken for that of the first.
    first = POST + b"Content-Length: %d\r\n\r\n%s" % (BODY, QUERY.ljust(BODY))
    with connected(address) as connection:
        connection.sendall(first + GET)
        time.sleep(0.1)
        connection.sendall(b"Connection: close\r\n\r\n")
        assert statuses(everything(connection)) == [200, 200]
    assert answered(address, first + GET + b"X-A: %s\r\n\r\n" % (b"a" * HEAD)) == []


def test_a_head_that_is_too_long(address: tuple[str, int]) -> None:
    # In one piece, in many, and in one header that never ends.
    assert answered(address, GET + b"X-A: %s\r\n\r\n" % (b"a" * HEAD)) == [431]
    assert answered(address, GET + b"X-A: b\r\n" * (HEAD // 8) + b"\r\n") == [431]
    assert answered(address, GET, *[b"X-A: b\r\n"] * 10_000) == [431]
    assert answered(address, GET + b"X-A: ", *[b"a" * 1000] * 1000) == [431]
    assert answered(address, b"GET /graphql?query=", *[b"a" * 1000] * 1000) == [431]
    just = GET + b"X-A: %s\r\nConnection: close\r\n\r\n" % (b"a" * (HEAD - 200))
    assert answered(address, just) == [200]


def test_a_body_that_is_too_long(address: tuple[str, int]) -> None:
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


def test_who_goes_on_sending_is_cut_off(address: tuple[str, int]) -> None:
    with connected(address) as connection:
        connection.sendall(POST + b"Content-Length: 1000000000\r\n\r\n")
        begun = time.monotonic()
        assert is_cut_off(connection, b"a" * 100)
        assert time.monotonic() < begun + 1.8


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
def test_who_is_too_slow_is_cut_off(address: tuple[str, int], sent: bytes, status: list[int]) -> None:
    begun = time.monotonic()
    assert answered(address, sent) == status
    assert 1.9 < time.monotonic() - begun < 4


def test_who_was_quick_once_is_cut_off_too(address: tuple[str, int]) -> None:
    with connected(address) as connection:
        connection.sendall(GET + b"\r\n")
        assert TYPENAME in connection.recv(65536)
        begun = time.monotonic()
        connection.sendall(GET + b"X-A: ")
        # Byte by byte is no way out.
        assert is_cut_off(connection, b"a")
        assert 1.9 < time.monotonic() - begun < 4


def test_hundreds_who_hold_connections_keep_nobody_waiting(address: tuple[str, int]) -> None:
    with slow_senders(address[1]) as slow, silent_clients(address[1]) as silent:
        assert answered(address, GET + b"Connection: close\r\n\r\n") == [200]
        assert {tuple(statuses(everything(connection))) for connection in slow} == {(408,)}
        assert {everything(connection) for connection in silent} == {b""}


def test_a_connection_in_use_stays(address: tuple[str, int]) -> None:
    with connected(address) as connection:
        for _ in range(6):
            connection.sendall(GET + b"\r\n")
            assert TYPENAME in connection.recv(65536)
            time.sleep(0.5)


def test_an_empty_line_behind_a_request_keeps_no_connection(address: tuple[str, int]) -> None:
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
