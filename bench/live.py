"""What it takes to keep many subscribers of one process up to date, and that each gets everything in order.

Comments are written at a steady rate, through the same process. How long it takes until a subscriber has one
counts from when the mutation is sent.
"""

import argparse
import asyncio
import itertools
import json
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

import httpx
import uvloop
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from bench.contestants import SECRET, Contestant, Server
from bench.contestants import token as token_of_member
from bench.postgresql import PostgreSQL
from bench.processes import cpu_seconds, machine_cpu_seconds, resident_megabytes
from bench.report import table
from bench.rounds import say
from bench.rows import Size
from bench.subscribers import Subscriber, subscribe
from db.engine import DatabaseSettings
from gql.relay import to_global_id
from gql.tokens import Claims, Tokens

_SIZE = Size(users=1_000, posts=1_000, comments=4_000)
_FIRST_VIEWER = 100  # Beyond the member, who writes.
_PATIENCE = 30.0  # Seconds that the last event may take.
_AT_ONCE = 50  # Sockets that are opened at once.
_COMMENT = "mutation ($input: CreateCommentInput!) {createComment(input: $input) {userErrors {code}}}"
_SESSIONS = """
INSERT INTO sessions (id, user_id, user_agent, expires_at)
SELECT id, id, 'bench', now() + interval '30 days' FROM users WHERE id >= :first
"""
_CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'live'"


@dataclass(frozen=True)
class Scenario:
    """Who follows what: so many sockets, in turn of so many viewers (0: strangers), and of so many posts."""

    name: str
    posts: int
    viewers: int = 0


_SCENARIOS = (
    Scenario("strangers, 4 posts", posts=4),
    Scenario("100 viewers, 4 posts", posts=4, viewers=100),
    Scenario("strangers, 1 post", posts=1),
    Scenario("100 viewers, 1 post", posts=1, viewers=100),
)


async def log_in(url: str) -> None:
    """All users from the first viewer on."""
    engine = create_async_engine(DatabaseSettings(url=url).parsed_url)
    async with engine.begin() as connection:
        await connection.execute(text(_SESSIONS), {"first": _FIRST_VIEWER})
    await engine.dispose()


class Writer:
    """Writes comments; each has its number and the time when it was sent."""

    def __init__(self, port: int, posts: Sequence[str]) -> None:
        self._posts = posts
        self._client = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {token_of_member()}"}
        )

    async def write(self, number: int) -> None:
        given = {"postId": self._posts[number % len(self._posts)], "body": f"{number} {time.monotonic()}"}
        body = {"query": _COMMENT, "variables": {"input": given}}
        answer = (await self._client.post("/graphql", json=body, timeout=_PATIENCE)).json()
        assert answer == {"data": {"createComment": {"userErrors": []}}}, answer

    async def write_all(self, numbers: Iterable[int], a_second: float) -> None:
        """At their times, or as soon as the one before is answered."""
        started = time.monotonic()
        for index, number in enumerate(numbers):
            await asyncio.sleep(max(0.0, started + index / a_second - time.monotonic()))
            await self.write(number)

    async def warm_up(self) -> None:
        """Have all connections open that reads and writes use, so that what subscribers hold shows."""
        queries = (f"{{posts(first: {number}) {{nodes {{title}}}}}}" for number in range(1, 41))
        await asyncio.gather(*(self._client.post("/graphql", json={"query": query}) for query in queries))
        await self.write(-1)

    async def close(self) -> None:
        await self._client.aclose()


async def connected(port: int, scenario: Scenario, count: int, posts: Sequence[str]) -> list[Subscriber]:
    tokens: list[str | None] = [None]
    if scenario.viewers:
        keys = range(_FIRST_VIEWER, _FIRST_VIEWER + scenario.viewers)
        tokens = [Tokens([SECRET]).access(Claims(key, key), timedelta(days=1)) for key in keys]
    found: list[Subscriber] = []
    for first in range(0, count, _AT_ONCE):
        beginning = (
            subscribe(port, posts[number % len(posts)], tokens[number // len(posts) % len(tokens)])
            for number in range(first, min(first + _AT_ONCE, count))
        )
        found += await asyncio.gather(*beginning)
    return found


async def begun(subscribers: Sequence[Subscriber], writer: Writer, posts: int) -> None:
    """Until each has got a comment: numbers below 0 are of those."""
    async with asyncio.timeout(_PATIENCE):
        for number in itertools.count(1):
            await writer.write(-number)
            await asyncio.sleep(0.5 / posts)
            if all(subscriber.messages for subscriber in subscribers):
                break
    await asyncio.sleep(1)
    for subscriber in subscribers:
        subscriber.messages.clear()
        del subscriber.times[:]


async def all_told(subscribers: Sequence[Subscriber], each: int) -> None:
    """Until there is nothing more to come, or too late."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            for subscriber in subscribers:
                await subscriber.has(each)
    await asyncio.sleep(1)


def delays(subscribers: Sequence[Subscriber], expected: dict[str, list[int]]) -> list[float]:
    """In seconds, of all that was told. Raises SystemExit where that is not all, each once, in order."""
    found: list[float] = []
    for subscriber in subscribers:
        numbers = []
        for told, message in zip(subscriber.times, subscriber.messages, strict=True):
            number, sent = _body_of(message).split()
            numbers.append(int(number))
            found.append(told - float(sent))
        if numbers != expected[subscriber.post_id] or subscriber.ended:
            raise SystemExit(f"A subscriber was told {numbers}, and {subscriber.ended or 'is connected'}.")
    return found


def _body_of(message: bytes) -> str:
    return str(json.loads(message)["payload"]["data"]["commentAdded"]["comment"]["body"])


class Gauge:
    """What server and PostgreSQL have used up and hold, each time that it is read."""

    def __init__(self, server: int, postgres: PostgreSQL) -> None:
        self._server = server
        self._postgres = postgres
        self.memory: list[str] = []
        self.connections: list[str] = []

    async def read(self) -> "Used":
        """`memory` and `connections` get one entry more each time."""
        self.memory.append(f"{resident_megabytes(self._server):.0f}")
        self.connections.append(str(await asyncio.to_thread(self._postgres.execute, _CONNECTIONS)))
        of_server, of_postgres = cpu_seconds(self._server), cpu_seconds(self._postgres.pid)
        others = machine_cpu_seconds() - of_server - of_postgres - time.process_time()
        return Used(time.monotonic(), of_server, of_postgres, others)


class Used(NamedTuple):
    """Seconds: on the clock, and of CPU."""

    time: float
    server: float
    postgres: float
    others: float

    def since(self, before: "Used") -> "Used":
        return Used(*(now - then for now, then in zip(self, before, strict=True)))


async def measure(
    server: Server, gauge: Gauge, scenario: Scenario, count: int, events: range, a_second: float
) -> list[str]:
    """A row of the table."""
    posts = [str(to_global_id("Post", key + 1)) for key in range(scenario.posts)]
    expected = {post: [n for n in events if n % scenario.posts == at] for at, post in enumerate(posts)}
    writer = Writer(server.port, posts)
    await writer.warm_up()
    await gauge.read()
    subscribers = await connected(server.port, scenario, count, posts)
    await begun(subscribers, writer, scenario.posts)
    before = await gauge.read()
    await writer.write_all(events, a_second)
    wrote = time.monotonic() - before.time
    await all_told(subscribers, len(events) // scenario.posts)
    used = (await gauge.read()).since(before)
    await writer.close()
    found = sorted(delays(subscribers, expected))
    for subscriber in subscribers:
        subscriber.transport.abort()
    return [
        scenario.name,
        f"{len(found):,}",
        f"{len(events) / wrote:.1f}",
        *(f"{1000 * found[int(len(found) * part)]:.0f}" for part in (0.5, 0.99)),
        f"{100 * used.server / used.time:.0f} + {100 * used.postgres / used.time:.0f}",
        f"{1e6 * used.server / len(found):.0f}",
        " → ".join(gauge.memory),
        " → ".join(gauge.connections),
        f"{used.others / used.time:.1f}",
    ]


_HEADINGS = [
    "subscribers",
    "told",
    "events a second",
    "p50 ms",
    "p99 ms",
    "CPU of server + PostgreSQL, % of a core",
    "µs of the server a message",
    "MB before → connected → after",
    "database connections",
    "cores that other programs used",
]


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-live", description=__doc__)
    parser.add_argument("--subscribers", type=int, default=1_000)
    parser.add_argument("--a-second", type=float, default=10, help="events")
    parser.add_argument("--seconds", type=float, default=25)
    parser.add_argument("--only", default="", help="the beginning of scenarios' names")
    given = parser.parse_args()
    room = str(2 * given.subscribers)
    environment = {
        "GAZETTE_SECRET_KEYS": SECRET,
        "GAZETTE_SOCKETS": room,
        "GAZETTE_ADDRESS_SOCKETS": room,
    }
    contestant = Contestant("gazette", ("gql", "serve"), {}, environment)
    rows = [_HEADINGS]
    with PostgreSQL() as postgres:
        postgres.prepare("rows", _SIZE)
        asyncio.run(log_in(postgres.url("rows")))
        for scenario in _SCENARIOS:
            if not scenario.name.startswith(given.only):
                continue
            say(scenario.name)
            url = postgres.copy("rows", "live")
            # As many for each post, so that all have as much to be told.
            events = range(int(given.seconds * given.a_second) // scenario.posts * scenario.posts)
            with Server(contestant, url) as server, asyncio.Runner(loop_factory=uvloop.new_event_loop) as run:
                gauge = Gauge(server.pid, postgres)
                measuring = measure(server, gauge, scenario, given.subscribers, events, given.a_second)
                rows.append(run.run(measuring))
    print(table(rows))


if __name__ == "__main__":
    main()
