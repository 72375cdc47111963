"""Subscribers, as the transports are: what they are told, one event after the other."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson

from db.enums import Role
from gql.auth import authenticate
from gql.context import Caller
from gql.feed import Feed
from gql.live import Live
from gql.relay import to_global_id
from gql.requests import Operation
from gql.results import Result
from tests import factories
from tests.client import Client

COMMENTS = """
subscription ($post: ID!, $after: ID) {
  commentAdded(postId: $post, after: $after) {eventId comment {body author {username}}}
}
"""
PUBLISHED = """
subscription ($filter: PostFilter, $after: ID) {
  postPublished(filter: $filter, after: $after) {eventId post {title status}}
}
"""
UPDATED = """
subscription ($post: ID!, $after: ID) {
  postUpdated(id: $post, after: $after) {eventId post {title status}}
}
"""

PATIENCE = 20.0
"""Seconds; nothing is told later than that, on the busiest machine."""

QUIET = 0.3
"""Seconds to find that nothing is told."""


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not is_so():  # noqa: ASYNC110 # What is waited for has no event of its own.
            await asyncio.sleep(0.01)


class Follower:
    """One subscription."""

    def __init__(self, feed: Feed, results: Any) -> None:
        self._feed = feed
        self._results = results
        self._asked: asyncio.Task[Result] | None = None

    async def begins(self) -> None:
        """So that what happens from here on is told."""
        before = self._feed.followers
        self._ask()
        await until(lambda: self._feed.followers > before)

    async def result(self, seconds: float = PATIENCE) -> Result:
        """The next one; raises TimeoutError, after which it can be asked for again."""
        async with asyncio.timeout(seconds):
            result: Result = await asyncio.shield(self._ask())
        self._asked = None
        return result

    def _ask(self) -> "asyncio.Task[Result]":
        if self._asked is None:
            self._asked = asyncio.ensure_future(anext(self._results))
        return self._asked

    async def next(self) -> Any:
        """What the next event's only field has."""
        body = orjson.loads((await self.result()).body)
        assert "errors" not in body, body
        ((_, told),) = body["data"].items()
        return told

    async def is_quiet(self) -> None:
        try:
            await self.result(QUIET)
        except TimeoutError:
            return
        raise AssertionError("something was told")

    async def codes(self) -> set[str]:
        """Of the errors that come instead of an event."""
        body = orjson.loads((await self.result()).body)
        errors = body if isinstance(body, list) else body["errors"]
        return {error["extensions"]["code"] for error in errors}

    async def ends(self) -> None:
        try:
            result = await self.result()
        except StopAsyncIteration:
            return
        raise AssertionError(result)

    async def close(self) -> None:
        if self._asked is not None:
            self._asked.cancel()
            await asyncio.wait({self._asked})
        await self._results.aclose()


@asynccontextmanager
async def following(client: Client, document: str, **variables: Any) -> AsyncIterator[Follower]:
    """Follow something, as whoever the client is for."""
    live: Live = client.app.state.live
    accounts = client.app.state.accounts
    viewer = await authenticate(client.http.headers.get("authorization"), accounts.tokens, client.database)
    operation = Operation(document, variables, None)
    follower = Follower(client.app.state.feed, live.results(operation, viewer, Caller(accounts), "request"))
    try:
        yield follower
    finally:
        await follower.close()


class World:
    """A post of an author, and somebody else."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.author = factories.user(username="ada", role=Role.USER)
        self.other = factories.user(username="ben")
        self.post = factories.post(self.author, title="First")

    async def __call__(self) -> "World":
        await factories.save(self.client.database, self.post, self.other)
        self.ada = await self.client.viewing(self.author)
        self.ben = await self.client.viewing(self.other)
        self.id = to_global_id("Post", self.post.id)
        return self

    async def comment(self, body: str) -> Any:
        return await self.ben.mutate("createComment", "comment {id}", postId=self.id, body=body)

    async def draft(self) -> str:
        made = await self.ada.mutate("createPost", "post {id}", title="Draft", body="…")
        return str(made["post"]["id"])
