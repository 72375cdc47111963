"""The same mutations by both executors, each on a database of its own: they write and answer the same."""

import json
import random
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from sqlalchemy import select

from db.base import Base
from db.models import User
from gql.app import create_app
from gql.relay import to_global_id
from gql.settings import Settings
from tests import factories
from tests.client import Client
from tests.conftest import NewUrl

pytestmark = pytest.mark.anyio

# What differs from run to run: moments, cursors of them, tokens, and the numbers of logged errors.
_MOMENT = re.compile(r'"\d{4}-\d\d-\d\dT[^"]+"')
_TOKEN = re.compile(r'"ey[\w-]+\.[\w.-]+"|"[\w-]{40,}"|"(?:requestId|cursor)": ?"[^"]+"')
_NAMES = ("ada", "bob")

POST = """{id title slug body status version viewCount tags {nodes {name posts {totalCount}}}
  author {username posts(first: 3) {totalCount nodes {title}}}
  comments {totalCount nodes {body author {username} replies {nodes {body}}}}}"""
COMMENT = "{id body version author {username} post {title comments {totalCount}} replies {totalCount}}"
ERRORS = "userErrors {code path message}"


class Twins:
    """Two applications that differ in their executor alone, each with one client for everybody."""

    def __init__(self, clients: list[dict[str, Client]]) -> None:
        self.clients = clients

    async def execute(self, name: str, document: str, variables: dict[str, Any] | None = None) -> Any:
        """The body that both answer."""
        answers = [(await client[name].send(document, variables)).text for client in self.clients]
        shown = [_TOKEN.sub('"<token>"', _MOMENT.sub('"<moment>"', answer)) for answer in answers]
        assert shown[0] == shown[1], document
        return json.loads(answers[1])

    async def written(self) -> list[list[str]]:
        """What the databases have of everything, without moments and numbers of transactions."""
        return [await _rows(client["nobody"]) for client in self.clients]


async def _rows(client: Client) -> list[str]:
    found: list[str] = []
    async with client.database.reading() as connection:
        for table in Base.metadata.sorted_tables:
            left_out = "_at$|hash|token|password|transaction_id"
            kept = [column for column in table.c if not re.search(left_out, column.name)]
            rows = (await connection.execute(select(*kept))).all()
            found.append(f"{table.name}: {sorted(map(repr, rows))}")
    return [re.sub(r"datetime\([^)]*\)|UUID\([^)]*\)", "", text) for text in found]


@pytest.fixture
async def twins(new_url: NewUrl) -> AsyncIterator[Twins]:
    async with AsyncExitStack() as stack:
        clients = []
        for executor in ("stock", "compiled"):
            settings = Settings(database_url=new_url(), executor=executor)
            client = await stack.enter_async_context(Client(create_app(settings)))
            users = [factories.user(username=name, id=number) for number, name in enumerate(_NAMES, 1)]
            await factories.save(client.database, *users)
            viewing = {user.username: await client.viewing(user) for user in users}
            clients.append({"nobody": client, **viewing})
        yield Twins(clients)


def call(field: str, given: dict[str, Any], answer: str) -> str:
    written = ", ".join(f"{name}: {json.dumps(value)}" for name, value in given.items())
    return f"{field}(input: {{{written}}}) {{{answer} {ERRORS}}}"


SCRIPT = (
    (
        "ada",
        call(
            "createPost",
            {"title": "One", "body": "1", "tags": ["x", "y"]},
            f"post {POST} postEdge {{cursor}}",
        ),
    ),
    ("bob", call("createPost", {"title": "Two", "body": "2", "slug": "one"}, f"post {POST}")),
    ("bob", call("updatePost", {"id": to_global_id("Post", 1), "title": "Mine"}, f"post {POST}")),
    ("nobody", call("createPost", {"title": "No", "body": "-"}, "post {id}")),
    ("ada", call("createPost", {"title": "", "body": "-"}, "post {id}")),
    ("ada", call("publishPost", {"id": to_global_id("Post", 1)}, f"post {POST} postEdge {{node {{title}}}}")),
    ("bob", call("createComment", {"postId": to_global_id("Post", 1), "body": "Hi"}, f"comment {COMMENT}")),
    (
        "ada",
        call(
            "updatePost", {"id": to_global_id("Post", 1), "expectedVersion": 9, "body": "x"}, f"post {POST}"
        ),
    ),
    ("bob", call("recordPostView", {"id": to_global_id("Post", 1)}, "post {viewCount}")),
    ("bob", call("logIn", {"username": "bob", "password": "not it"}, "viewer {id} tokens {accessToken}")),
    ("ada", call("deletePost", {"id": to_global_id("Post", 1)}, f"deletedPostId post {POST}")),
    ("ada", call("deletePost", {"id": "nothing"}, "deletedPostId")),
)


async def test_one_after_the_other(twins: Twins) -> None:
    for name, document in SCRIPT:
        await twins.execute(name, f"mutation {{{document}}}")
    stock, compiled = await twins.written()
    assert stock == compiled


async def test_several_in_one_document(twins: Twins) -> None:
    """Each sees what those before it wrote, and an error of one does not undo the others."""
    documents = [" ".join(f"m{number}: {document}" for number, (_, document) in enumerate(SCRIPT[:8]))]
    documents.append("... {" + documents[0].replace("m", "n", 1) + "} ...F")
    fragment = f"fragment F on Mutation {{last: {SCRIPT[3][1]} failing: updatePost {{post {{id}}}}}}"
    await twins.execute("ada", f"mutation {{{documents[0]}}}")
    await twins.execute("bob", f"mutation {{{documents[1]}}} {fragment}")
    stock, compiled = await twins.written()
    assert stock == compiled


def at_random(r: random.Random) -> str:
    """Some mutation of some row, which may be there or not, and belong to somebody else."""
    post, comment = (to_global_id(kind, r.randint(1, 6)) for kind in ("Post", "Comment"))
    title = r.choice(["One", "Two", "", "x" * 200])
    choices: tuple[tuple[str, dict[str, Any], str], ...] = (
        ("createPost", {"title": title, "body": "b", "slug": f"s{r.randint(1, 9)}"}, f"post {POST}"),
        ("updatePost", {"id": post, "title": title, "tags": r.sample("abc", 2)}, f"post {POST}"),
        ("publishPost", {"id": post}, f"post {POST} postEdge {{cursor node {{id}}}}"),
        ("unpublishPost", {"id": post}, "post {status version}"),
        ("archivePost", {"id": post, "expectedVersion": r.randint(1, 3)}, "post {status version}"),
        ("deletePost", {"id": post}, "deletedPostId post {title}"),
        ("recordPostView", {"id": post}, "post {viewCount}"),
        (
            "createComment",
            {"postId": post, "body": title or "c"},
            f"comment {COMMENT} commentEdge {{cursor}}",
        ),
        ("createComment", {"postId": post, "parentId": comment, "body": "r"}, f"comment {COMMENT}"),
        ("updateComment", {"id": comment, "body": "changed"}, f"comment {COMMENT}"),
        ("deleteComment", {"id": comment}, f"deletedCommentId comment {COMMENT}"),
        ("renameTag", {"id": to_global_id("Tag", 1), "name": "z"}, "tag {name}"),
        ("updateUser", {"id": to_global_id("User", 1), "name": title}, "user {name version}"),
    )
    return call(*r.choice(choices))


@pytest.mark.parametrize("seed", range(3))
async def test_random_ones(twins: Twins, seed: int) -> None:
    r = random.Random(seed)
    for title in ("First", "Second", "Third", "Fourth"):
        await twins.execute(
            "ada", f"mutation {{{call('createPost', {'title': title, 'body': 'b'}, 'post {id}')}}}"
        )
    for _ in range(40):
        fields = [f"m{number}: {at_random(r)}" for number in range(r.choice([1, 1, 2, 4]))]
        await twins.execute(r.choice([*_NAMES, *_NAMES, "nobody"]), f"mutation {{{' '.join(fields)}}}")
    stock, compiled = await twins.written()
    assert stock == compiled


async def test_both_did_write(twins: Twins) -> None:
    await twins.execute("ada", f"mutation {{{SCRIPT[0][1]}}}")
    for clients in twins.clients:
        async with clients["nobody"].database.reading() as connection:
            names = (await connection.scalars(select(User.username).order_by(User.id))).all()
        assert list(names) == list(_NAMES)
    assert all("'One'" in "".join(rows) for rows in await twins.written())
