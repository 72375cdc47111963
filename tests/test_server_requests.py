"""What a server reads as a request, in one way only: what two parties may read in two ways is refused."""

import time
from collections.abc import Iterator

import pytest

from abuse.shapes import AMBIGUOUS, CHUNK, CHUNKED, GET, LENGTH, PIECES, POST, QUERY
from tests.conftest import NewUrl
from tests.server import serving
from tests.wire import TYPENAME, Address, address_of, answered, connected, everything, is_cut_off, statuses


@pytest.fixture(scope="module")
def address(sqlite_databases: NewUrl) -> Iterator[Address]:
    with serving(sqlite_databases()) as url:
        yield address_of(url)


WHOLE = {
    "a body of a length": POST + LENGTH + b"\r\n" + QUERY,
    "a body in pieces": POST + CHUNKED + b"\r\n" + CHUNK + b"0\r\n\r\n",
    "a query by GET": GET + b"\r\n",
    "an empty line before it": b"\r\n" + GET + b"\r\n",
}


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_right_is_answered_however_it_comes(address: Address, name: str) -> None:
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


def test_two_at_once_are_answered_in_order(address: Address) -> None:
    first, second = WHOLE["a body of a length"], WHOLE["a query by GET"]
    half = len(second) // 2
    with connected(address) as connection:
        connection.sendall(first + second[:half])
        time.sleep(0.2)
        connection.sendall(second[half:])
        time.sleep(0.2)
        assert connection.recv(65536).count(TYPENAME) == 2


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_what_can_be_read_in_two_ways_is_refused(address: Address, name: str) -> None:
    assert answered(address, POST + AMBIGUOUS[name] + b"\r\n" + QUERY + GET + b"\r\n") == [400]


@pytest.mark.parametrize("name", PIECES)
def test_pieces_that_are_none(address: Address, name: str) -> None:
    answers = answered(address, POST + CHUNKED + b"\r\n" + PIECES[name])
    assert answers == [400]


def test_other_protocols_are_not_spoken(address: Address) -> None:
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


def test_garbage_behind_a_request_is_not_answered_as_the_request(address: Address) -> None:
    assert answered(address, GET + b"\r\n\x00") == []
    assert answered(address, WHOLE["a body of a length"] + b"\r\n\x00") == []


def test_who_goes_on_sending_is_cut_off(address: Address) -> None:
    """Long before the rest would have to be there: nobody waits for a request that has its answer."""
    with connected(address) as connection:
        connection.sendall(POST + b"Content-Length: 1000000000\r\n\r\n")
        assert is_cut_off(connection, b"a" * 100)
