"""Who takes part, and how a server is started, checked and stopped."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import httpx

from bench import queries
from bench.queries import Operation
from bench.rows import MEMBER, Size
from db.models import Post
from db.rows import row_maker
from gql import cursors
from gql.tokens import Claims, Tokens
from gql.types import NEWEST_FIRST

SECRET = "the-benchmark-signs-its-tokens-with-this"  # noqa: S105 # Of servers that live for seconds.
_PATIENCE = 60  # Seconds that a server may take to start.
_UVICORN = ("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning")


@dataclass(frozen=True)
class Contestant:
    """A module to run with `python -m`, and what it is asked; `original` is the database with its rows."""

    name: str
    arguments: tuple[str, ...]
    operations: dict[str, Operation]
    environment: Mapping[str, str] = field(default_factory=dict)
    original: str = "rows"


def token() -> str:
    """An access token of the member, for longer than any benchmark runs."""
    return Tokens([SECRET]).access(Claims(MEMBER, 1), timedelta(days=1))


def cursor(depth: float) -> str:
    """Where a part of all posts lies before, newest first. No post need be there."""
    moment = datetime(2024, 1, 1, tzinfo=UTC) + (1 - depth) * timedelta(minutes=500_000)
    return cursors.encode(row_maker(Post, ("id", "public_from"))((0, moment)), NEWEST_FIRST)


# What a hundred root fields need.
_LIMITS = {"GAZETTE_ALIAS_LIMIT": "100", "GAZETTE_ROOT_FIELD_LIMIT": "100"}


def gazette(name: str, size: Size, original: str = "rows", **environment: str) -> Contestant:
    """Gazette as it is served, but for the largest page."""
    operations = queries.gazette(size.posts, token(), middle=cursor(0.5), deep=cursor(0.9))
    settings = {"GAZETTE_SECRET_KEYS": SECRET, "GAZETTE_PAGE_LIMIT": "1000", **_LIMITS, **environment}
    return Contestant(name, ("gql", "serve"), operations, settings, original)


def contestants(size: Size) -> list[Contestant]:
    plain = queries.plain(size.posts)
    return [
        gazette("gazette", size),
        gazette("stock", size, GAZETTE_EXECUTOR="stock"),
        Contestant("textbook", ("uvicorn", "bench.textbook:app", *_UVICORN), plain),
        Contestant("by hand", ("uvicorn", "bench.by_hand:app", *_UVICORN), plain),
    ]


class Server:
    """A contestant that runs, on a port of its own, while the block does."""

    def __init__(self, contestant: Contestant, database_url: str) -> None:
        self.contestant = contestant
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        variables = {"DATABASE_URL": database_url, "HOST": "127.0.0.1", "PORT": str(self.port)}
        self._environment = {**os.environ, **contestant.environment, **variables}

    @property
    def pid(self) -> int:
        return self._process.pid

    def __enter__(self) -> Self:
        port = ("--port", str(self.port)) if self.contestant.arguments[0] == "uvicorn" else ()
        command = (sys.executable, "-m", *self.contestant.arguments, *port)
        self._log = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(command, env=self._environment, stdout=self._log, stderr=self._log)
        try:
            self._wait()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _wait(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                if httpx.get(f"http://127.0.0.1:{self.port}/readyz").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        self._log.seek(0)
        raise SystemExit(f"{self.contestant.name} did not start:\n{self._log.read()}")

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def ask(self, operation: Operation) -> Any:
        """The data of an answer, which has to be a success."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if operation.token:
            headers["Authorization"] = f"Bearer {operation.token}"
        response = httpx.post(
            f"http://127.0.0.1:{self.port}/graphql",
            content=operation.bodies[0],
            headers=headers,
            timeout=_PATIENCE,
        )
        answer = json.loads(response.content)
        if response.status_code != 200 or "errors" in answer or _is_refused(answer["data"]):
            raise SystemExit(f"{self.contestant.name}, {operation.key}: {response.text[:500]}")
        return answer["data"]


def _is_refused(data: dict[str, Any]) -> bool:
    return any(isinstance(value, dict) and value.get("userErrors") for value in data.values())
