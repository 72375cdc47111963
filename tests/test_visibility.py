"""Nothing hidden appears to any viewer, whatever path is taken.

Everything that somebody may not see has a text or an id of its own, so that one look at all texts of a
response is enough: no draft, scheduled or archived post and no comment on it, no address, no session.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from graphql import GraphQLObjectType
from sqlalchemy import true

from db import read, selects
from db.base import Entity
from db.enums import Role
from db.models import Comment, Post, Session, Tag, User
from db.rows import Row
from gql.relay import to_global_id
from gql.schema import schema
from gql.settings import Settings
from tests import factories
from tests.client import Client
from tests.conftest import NewUrl
from tests.limits import UNLIMITED
from tests.paths import Paths, document, objects, texts

pytestmark = pytest.mark.anyio

PUBLIC_POSTS = 2
MARK = "SECRET"
VIEWERS = ("anonymous", "author", "reader", "editor", "admin")


@pytest.fixture
def settings(new_url: NewUrl) -> Settings:
    """All paths are one document."""
    return Settings(database_url=new_url(), **UNLIMITED)


@dataclass
class World:
    """Two authors, each with public posts and hidden ones of each kind, all with a tag and with comments."""

    users: dict[str, User]
    tag: Tag
    public: list[Post] = field(default_factory=list)
    hidden: dict[str, list[Post]] = field(default_factory=dict)
    said: dict[str, list[Comment]] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    clients: dict[str, Client] = field(default_factory=dict)

    def forbidden(self, viewer: str) -> tuple[set[str], set[str]]:
        """The marks and the ids that must not appear to a viewer."""
        marks = {f"{MARK} that ended"}
        marks |= {f"{MARK} post of {name}" for name in self.hidden if self.is_hidden(viewer, name)}
        for name in self.users:
            marks |= {f"{MARK} session of {name}"} if name != viewer else set()
            marks |= {f"{MARK}.mail.{name}"} if viewer not in (name, "admin") else set()
        rows: list[Entity] = [session for name, session in self.sessions.items() if name != viewer]
        for name, posts in self.hidden.items():
            rows += [*posts, *self.said[name]] if self.is_hidden(viewer, name) else []
        return marks, {to_global_id(type(row).__name__, row.id) for row in rows}

    def is_hidden(self, viewer: str, author: str) -> bool:
        return viewer not in (author, "editor", "admin")

    def posts_seen(self, viewer: str) -> int:
        return PUBLIC_POSTS + sum(
            len(posts) for author, posts in self.hidden.items() if not self.is_hidden(viewer, author)
        )


@pytest.fixture
async def world(client: Client) -> World:
    roles = {"editor": Role.EDITOR, "admin": Role.ADMIN}
    users = {
        name: factories.user(
            username=name, email=f"{MARK}.mail.{name}@example.org", role=roles.get(name, Role.USER)
        )
        for name in ("author", "rival", "reader", "editor", "admin")
    }
    made = World(users, factories.tag())
    for name in ("author", "rival"):
        author, mark = users[name], f"{MARK} post of {name}"
        texts: dict[str, Any] = {"title": mark, "body": mark, "attributes": {"a": mark}}
        made.public.append(factories.post(author, tags=[made.tag]))
        made.hidden[name] = [
            factories.post(author, tags=[made.tag], slug=f"{mark} {kind}", **texts, **given)
            for kind, given in factories.HIDDEN.items()
        ]
        made.said[name] = [factories.comment(post, users["rival"], text=mark) for post in made.hidden[name]]
        made.said[name].append(factories.reply(made.said[name][0], author, text=mark))
    open_to_all = [factories.comment(post, users["author"]) for post in made.public]
    made.said["anybody"] = [*open_to_all, *(factories.reply(said, users["rival"]) for said in open_to_all)]
    made.sessions = {
        name: Session(user=user, user_agent=f"{MARK} session of {name}", expires_at=factories.TOMORROW)
        for name, user in users.items()
    }
    comments = [comment for said in made.said.values() for comment in said]
    ended = Session(user=users["author"], user_agent=f"{MARK} that ended", expires_at=factories.YESTERDAY)
    await factories.save(client.database, ended, *comments, *made.sessions.values())
    made.clients = {"anonymous": client}
    made.clients |= {name: await client.viewing(users[name]) for name in VIEWERS[1:]}
    return made


def walk(world: World) -> tuple[str, Paths]:
    author = to_global_id("User", world.users["author"].id)
    tag = to_global_id("Tag", world.tag.id)
    looked_up = {
        f'user(by: {{id: "{author}"}})': "User",
        'user(by: {username: "rival"})': "User",
        f'post(by: {{slug: "{world.public[0].slug}"}})': "Post",
        f'post(by: {{id: "{to_global_id("Post", world.public[0].id)}"}})': "Post",
        f'tag(by: {{id: "{tag}"}})': "Tag",
        f'tag(by: {{slug: "{world.tag.slug}"}})': "Tag",
        "viewer": "User",
    }
    comment = to_global_id("Comment", world.said["anybody"][0].id)
    return document(looked_up, [("User", author), ("Tag", tag), ("Comment", comment)])


def by_name(world: World) -> str:
    """Everything hidden, looked up by its own ids and names."""
    fields = enumerate(_looked_up(world))
    return "{" + " ".join(f"a{number}: {field}" for number, field in fields) + "}"


def _looked_up(world: World) -> Iterator[str]:
    for author, posts in world.hidden.items():
        rows: list[Entity] = [*posts, *world.said[author], world.sessions[author]]
        for row in rows:
            key = to_global_id(type(row).__name__, row.id)
            yield f'node(id: "{key}") {{id}}'
            yield f'nodes(ids: ["{key}"]) {{id}}'
        for post in posts:
            key = to_global_id("Post", post.id)
            yield f'post(by: {{slug: "{post.slug}"}}) {{id}}'
            yield f'post(by: {{id: "{to_global_id("Post", post.id)}"}}) {{id}}'
    yield "users {nodes {sessions {totalCount nodes {id}} posts {totalCount nodes {id}}}}"
    for status in ("DRAFT", "SCHEDULED", "ARCHIVED"):
        yield f"posts(filter: {{status: {status}}}) {{totalCount nodes {{id title}}}}"


def leaked(world: World, viewer: str, bodies: list[dict[str, Any]]) -> list[Any]:
    """What responses tell a viewer of what they may not see: texts, ids or numbers."""
    marks, ids = world.forbidden(viewer)
    found: list[Any] = []
    for body in bodies:
        # A row that one loader shows and the next one hides is an error, and a leak.
        found += body.get("errors", [])
        found += [text for text in texts(body) if text in ids or any(mark in text for mark in marks)]
        for part in objects(body):
            lists = [part[name] for name in ("nodes", "edges") if name in part and "totalCount" in part]
            found += [part for nodes in lists if len(nodes) != part["totalCount"]]
    return found


async def test_the_walk_takes_every_field_that_reads(world: World) -> None:
    _, walked = walk(world)
    fields = {
        (name, field)
        for name, kind in schema._schema.type_map.items()
        if isinstance(kind, GraphQLObjectType) and not name.startswith("__")
        # What a payload or an event shows is an entity, read as all others are. Who is told of events at all
        # is what tests/test_subscriptions.py is about.
        if name not in ("Mutation", "Subscription", "UserError", "Tokens")
        and not name.endswith(("Payload", "Event"))
        for field in kind.fields
    }
    assert fields - walked == set()


@pytest.mark.parametrize("viewer", VIEWERS)
async def test_what_may_be_seen_appears_and_nothing_else(world: World, viewer: str) -> None:
    bodies = [await world.clients[viewer].execute(query) for query in (by_name(world), walk(world)[0])]
    assert leaked(world, viewer, bodies) == []
    everything = " ".join(texts(bodies[1]))
    for author in world.hidden:
        assert (f"{MARK} post of {author}" in everything) is not world.is_hidden(viewer, author)
    for name in world.users:
        assert (f"{MARK}.mail.{name}@" in everything) is (viewer in (name, "admin"))
        assert (f"{MARK} session of {name}" in everything) is (viewer == name)
    data = await world.clients[viewer].data("{posts {totalCount nodes {comments {totalCount}}}}")
    assert data["posts"]["totalCount"] == world.posts_seen(viewer)
    assert all(post["comments"]["totalCount"] for post in data["posts"]["nodes"])


async def test_who_is_deactivated_sees_nothing_at_all(client: Client, world: World) -> None:
    async with client.database.writing() as session:
        user = await session.get_one(User, world.users["author"].id)
        user.is_active = False
    body = await world.clients["author"].execute(walk(world)[0])
    assert "data" not in body
    assert [error["extensions"]["code"] for error in body["errors"]] == ["UNAUTHENTICATED"]


ALL_OF_THEM = read.Visible(selects.Alternatives([true()]))


def _rows_of_all(original: Callable[..., Any]) -> Callable[..., Any]:
    async def fetch(*arguments: Any) -> dict[Any, Row]:
        rows: dict[Any, Row] = await original(*arguments[:-1], ALL_OF_THEM)
        return rows

    return fetch


def _pages_of_all(original: Callable[..., Any]) -> Callable[..., Any]:
    async def fetch(database: Any, rows: read.Rows, *arguments: Any) -> Any:
        return await original(database, replace(rows, visible=ALL_OF_THEM), *arguments)

    return fetch


@pytest.mark.parametrize(
    ("loader", "forget"),
    [("rows_by_key", _rows_of_all), ("pages", _pages_of_all), ("counts", _pages_of_all)],
)
@pytest.mark.parametrize("viewer", ["anonymous", "author", "admin"])
async def test_a_loader_that_forgets_its_predicate_is_found_out(
    world: World, monkeypatch: pytest.MonkeyPatch, viewer: str, loader: str, forget: Callable[..., Any]
) -> None:
    monkeypatch.setattr(read, loader, forget(getattr(read, loader)))
    assert leaked(world, viewer, [await world.clients[viewer].execute(by_name(world))]) != []


async def test_the_viewer_is_who_is_logged_in(world: World) -> None:
    seen = {name: await client.data("{viewer {username}}") for name, client in world.clients.items()}
    expected = {name: {"viewer": {"username": name}} for name in VIEWERS[1:]}
    assert seen == {"anonymous": {"viewer": None}, **expected}
