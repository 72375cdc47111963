"""The floor of Python: ASGI, asyncpg, a statement a level, dicts and orjson.

It knows no GraphQL: the operation's name chooses what it does. There is no less for a server in Python that
fetches rows and builds the answer itself.
"""

import os
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg  # type: ignore[import-untyped] # It says nothing of its types.
import orjson
from starlette.types import Receive, Scope, Send

_POST = "SELECT id, title, author_id FROM posts WHERE id = $1"
_POSTS = """SELECT id, title, slug, status, created_at, author_id FROM posts
  ORDER BY created_at DESC, id DESC LIMIT $1"""
_FEED = "SELECT id, title, created_at, author_id FROM posts ORDER BY created_at DESC, id DESC LIMIT $1"
_USERS = "SELECT id, name FROM users WHERE id = ANY($1::bigint[])"
_LONG_USERS = "SELECT id, username, name FROM users WHERE id = ANY($1::bigint[])"
_COMMENTS = """SELECT found.* FROM unnest($1::bigint[]) post(id) CROSS JOIN LATERAL (
    SELECT comments.id, post_id, author_id, body FROM comments
    WHERE post_id = post.id ORDER BY created_at, comments.id LIMIT $2) found"""
_NEW_COMMENT = """INSERT INTO comments (post_id, post_public_from, post_author_id, author_id, body)
  SELECT id, public_from, author_id, $2, $3 FROM posts WHERE id = $1 RETURNING id, created_at, author_id"""


async def _one_post(connection: Any, given: dict[str, Any]) -> dict[str, Any]:
    post = await connection.fetchrow(_POST, int(given["id"]))
    if post is None:
        return {"post": None}
    (author,) = await connection.fetch(_USERS, [post["author_id"]])
    author = {"id": str(author["id"]), "name": author["name"]}
    return {"post": {"id": str(post["id"]), "title": post["title"], "author": author}}


async def _feed(connection: Any, given: dict[str, Any]) -> dict[str, Any]:
    posts = await connection.fetch(_FEED, given["first"])
    comments = await connection.fetch(_COMMENTS, [post["id"] for post in posts], given["comments"])
    keys = {row["author_id"] for row in posts} | {row["author_id"] for row in comments}
    rows = await connection.fetch(_USERS, list(keys))
    users = {key: {"id": str(key), "name": name} for key, name in rows}
    of_post: dict[int, list[Any]] = {}
    for key, post_id, author_id, text in comments:
        of_post.setdefault(post_id, []).append({"id": str(key), "body": text, "author": users[author_id]})
    return {
        "posts": [
            {
                "id": str(key),
                "title": title,
                "createdAt": created_at,
                "author": users[author_id],
                "comments": of_post.get(key, []),
            }
            for key, title, created_at, author_id in posts
        ]
    }


async def _long_list(connection: Any, given: dict[str, Any]) -> dict[str, Any]:
    posts = await connection.fetch(_POSTS, given["first"])
    rows = await connection.fetch(_LONG_USERS, list({post["author_id"] for post in posts}))
    users = {key: {"id": str(key), "username": username, "name": name} for key, username, name in rows}
    return {
        "posts": [
            {
                "id": str(key),
                "title": title,
                "slug": slug,
                "status": status,
                "createdAt": created_at,
                "author": users[author_id],
            }
            for key, title, slug, status, created_at, author_id in posts
        ]
    }


async def _new_comment(connection: Any, given: dict[str, Any]) -> dict[str, Any]:
    comment = await connection.fetchrow(
        _NEW_COMMENT, int(given["postId"]), int(given["authorId"]), given["body"]
    )
    (author,) = await connection.fetch(_USERS, [comment["author_id"]])
    made = {
        "id": str(comment["id"]),
        "createdAt": comment["created_at"],
        "author": {"name": author["name"]},
    }
    return {"createComment": made}


_OPERATIONS: dict[str, Callable[[Any, dict[str, Any]], Awaitable[dict[str, Any]]]] = {
    "Q1": _one_post,
    "Q2": _feed,
    "Q3": _long_list,
    "M1": _new_comment,
}


class Application:
    """Answers operations to POST, and 200 to GET."""

    pool: Any

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["method"] == "GET":
            await _reply(send, b"ok")
        else:
            request = orjson.loads(await _body(receive))
            async with self.pool.acquire() as connection:
                data = await _OPERATIONS[request["operationName"]](connection, request["variables"])
            await _reply(send, orjson.dumps({"data": data}))

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self.pool = await asyncpg.create_pool(
            os.environ["DATABASE_URL"], min_size=16, max_size=16, reset=_keep_session
        )
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.pool.close()
        await send({"type": "lifespan.shutdown.complete"})


async def _keep_session(connection: Any) -> None:
    """Otherwise asyncpg sends a statement each time a connection is given back."""


async def _body(receive: Receive) -> bytes:
    content = b""
    while True:
        message = await receive()
        content += bytes(message["body"])
        if not message.get("more_body"):
            return content


async def _reply(send: Send, content: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


app = Application()
