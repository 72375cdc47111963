"""An innocent client beside the abuse: a page of the feed twenty times a second, in a process of its own."""

import gc
import json
import multiprocessing
import socket
import statistics
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import NamedTuple, Self

from abuse.wire import read_answer

EACH = 0.05  # Seconds.
_FEED = """query Feed {posts(first: 20) {nodes {
  id title createdAt author {id name} comments(first: 3) {nodes {id body author {id name}}}}}}"""


class Sample(NamedTuple):
    """When a request was due, in seconds of the machine's clock, and what passed until its answer."""

    at: float
    seconds: float
    status: int


def feed() -> bytes:
    body = json.dumps({"query": _FEED}).encode()
    head = b"POST /graphql HTTP/1.1\r\nHost: gazette\r\nContent-Type: application/json\r\n"
    return head + b"Accept: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def _ask(port: int, over: Connection) -> None:
    """Ask on one connection until something comes over `over`; then send the samples there.

    What comes late counts from when it was due: a client that waits for an answer would ask less just then.
    """
    gc.disable()
    samples: list[Sample] = []
    request = feed()
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        due = time.monotonic()
        while not over.poll(max(0, due - time.monotonic())):
            connection.sendall(request)
            status, _ = read_answer(connection)
            samples.append(Sample(due, time.monotonic() - due, status))
            due += EACH
    over.send(samples)


class Probe:
    """Asks while the block runs; its samples are there after it."""

    def __init__(self, port: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._over, other = context.Pipe()
        self._process = context.Process(target=_ask, args=(port, other), daemon=True)
        self.samples: list[Sample] = []

    def __enter__(self) -> Self:
        self._process.start()
        # Its start is no part of what it measures.
        time.sleep(1)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.send(None)
        self.samples = self._over.recv()
        self._process.join()


def percentile(seconds: Sequence[float], percent: int) -> float:
    """In milliseconds."""
    return 1000 * statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1]
