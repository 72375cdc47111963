"""The mixed load: clients that each send so many requests a second, and remember what they were answered."""

import itertools
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from abuse.crowds import silent_clients, slow_senders
from abuse.probe import feed
from abuse.requests import CASES
from abuse.shapes import HEADERS, SHAPES
from abuse.wire import Gone, exchange
from db.demo import PASSWORD

_POSTS = "{posts(first: 50) {nodes {id}}}"
_COMMENT = """mutation ($input: CreateCommentInput!) {createComment(input: $input) {
  comment {id} userErrors {code}}}"""
_LOG_IN = """mutation ($input: LogInInput!) {logIn(input: $input) {tokens {accessToken} userErrors {code}}}"""
_FOUND = "query ($ids: [ID!]!) {nodes(ids: $ids) {... on Comment {id body}}}"


def request(query: str, token: str = "", **variables: Any) -> bytes:
    body = json.dumps({"query": query, "variables": variables}).encode()
    head = b"POST /graphql HTTP/1.1\r\nHost: gazette\r\nContent-Type: application/json\r\n"
    if token:
        head += b"Authorization: Bearer %s\r\n" % token.encode()
    return head + b"Accept: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


@dataclass
class Clients:
    """Of one server. `statuses` are by client; `written` are bodies of comments by their ids."""

    port: int
    over: threading.Event = field(default_factory=threading.Event)
    statuses: Counter[tuple[str, str]] = field(default_factory=Counter)
    written: dict[str, str] = field(default_factory=dict)
    unexpected: list[str] = field(default_factory=list)

    def send(self, client: str, *parts: bytes) -> Any:
        """The answer's JSON, where it has one."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            try:
                status, body, _ = exchange(connection, parts)
            except Gone:
                self.statuses[client, "closed"] += 1
                return None
        self.statuses[client, str(status)] += 1
        if status == 500 or b"INTERNAL_SERVER_ERROR" in body:
            self.unexpected.append(f"{client}: {status} {body[:300]!r}")
        return json.loads(body) if body[:1] == b"{" else None

    def ask(self, client: str, query: str, token: str = "", **variables: Any) -> Any:
        return self.send(client, request(query, token, **variables))

    def read(self) -> Iterator[None]:
        page = feed()
        while True:
            self.send("reader", page)
            yield

    def write(self) -> Iterator[None]:
        """One comment after the other, by an admin. What is acknowledged has to be there at the end."""
        token = self.log_in("writer", PASSWORD)
        posts = [post["id"] for post in self.ask("writer", _POSTS)["data"]["posts"]["nodes"]]
        for number, post in enumerate(itertools.cycle(posts)):
            body = f"Number {number} of many."
            answer = self.ask("writer", _COMMENT, token, input={"postId": post, "body": body})
            payload = ((answer or {}).get("data") or {}).get("createComment") or {}
            if payload.get("comment"):
                self.written[payload["comment"]["id"]] = body
            yield

    def log_in(self, client: str, password: str) -> str:
        answer = self.ask(client, _LOG_IN, input={"username": "ada", "password": password})
        tokens = answer["data"]["logIn"]["tokens"]
        return tokens["accessToken"] if tokens else ""

    def log_ins(self) -> Iterator[None]:
        """Right and wrong ones in turn: the wrong ones are few enough not to lock the account."""
        for number in itertools.count():
            self.log_in("log-in", PASSWORD if number % 10 else "wrong")
            yield

    def abuse(self) -> Iterator[None]:
        items = [
            *((case.wire(),) for case in CASES.values()),
            *((shape,) for shape in SHAPES.values()),
            HEADERS,
        ]
        for item in itertools.cycle(items):
            self.send("abuser", *item)
            yield

    def crowd(self) -> Iterator[None]:
        while True:
            with slow_senders(self.port), silent_clients(self.port):
                self.over.wait(5)
            yield

    def started(self) -> list[threading.Thread]:
        """Each client in a thread of its own, with the seconds from one of its requests to the next."""
        paces: dict[Callable[[], Iterator[None]], float] = {
            self.read: 0.05,
            self.write: 0.1,
            self.log_ins: 1,
            self.abuse: 0.1,
            self.crowd: 60,
        }
        threads = [threading.Thread(target=self._run, args=item, daemon=True) for item in paces.items()]
        for thread in threads:
            thread.start()
        return threads

    def _run(self, client: Callable[[], Iterator[None]], pace: float) -> None:
        due = time.monotonic()
        try:
            for _ in client():
                due = max(due + pace, time.monotonic())
                if self.over.wait(due - time.monotonic()):
                    return
        except Exception as error:  # A client that has ended is found out at the end.
            self.unexpected.append(f"{client.__name__}: {error!r}")

    def lost(self) -> list[str]:
        """Ids of acknowledged comments that are not there as they were written."""
        ids = list(self.written)
        found: dict[str, str] = {}
        for start in range(0, len(ids), 100):
            answer = self.ask("check", _FOUND, ids=ids[start : start + 100])
            found |= {node["id"]: node["body"] for node in answer["data"]["nodes"] if node}
        return [key for key, body in self.written.items() if found.get(key) != body]
