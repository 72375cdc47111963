"""No draft, scheduled or archived post appears to whom it is not for, whatever path is taken."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from graphql import GraphQLField, GraphQLObjectType, get_named_type, is_leaf_type
from sqlalchemy import true

from db import read
from db.enums import Role
from db.models import Comment, Post, Tag, User
from db.rows import Row
from gql.policy import Viewer
from gql.relay import to_global_id
from gql.schema import schema
from tests import factories
from tests.acting import data_as, execute_as
from tests.client import Client

pytestmark = pytest.mark.anyio

SECRET = "SECRET"  # noqa: S105 # It is the text to look for.
PUBLIC_POSTS = 2


@dataclass
class World:
    """Public posts and hidden ones of each kind, of one author, with one tag, and comments on all of them."""

    author: User
    tag: Tag
    public: list[Post]
    hidden: list[Post]
    public_comments: list[Comment]
    hidden_comments: list[Comment]


@pytest.fixture
async def world(client: Client) -> World:
    author, tag = factories.user(), factories.tag()
    public = [factories.post(author, tags=[tag]) for _ in range(PUBLIC_POSTS)]
    texts: dict[str, Any] = {"title": SECRET, "body": SECRET, "attributes": {"a": SECRET}}
    hidden = [
        factories.post(author, tags=[tag], slug=f"{SECRET}-{kind}", **texts, **given)
        for kind, given in factories.HIDDEN.items()
    ]
    comments: dict[bool, list[Comment]] = {True: [], False: []}
    for post in public + hidden:
        text = SECRET if post in hidden else "said"
        said = factories.comment(post, author, text=text)
        comments[post in hidden] += [said, factories.reply(said, author, text=text)]
    await factories.save(client.database, *comments[True], *comments[False])
    return World(author, tag, public, hidden, comments[False], comments[True])


Paths = set[tuple[str, str]]
PARTS = ("Connection", "Edge", "PageInfo")


def selection(kind: GraphQLObjectType, depth: int, walked: Paths) -> str:
    """Every field of a type, and of the types that it leads to."""
    parts = ["__typename"]
    for name, field in kind.fields.items():
        named = get_named_type(field.type)
        if is_leaf_type(named):
            parts.append(name)
        elif isinstance(named, GraphQLObjectType) and (
            depth > 0 or named.name.endswith(("Edge", "PageInfo"))
        ):
            # What a connection is made of is no step further.
            inner = depth if kind.name.endswith(("Connection", "Edge")) else depth - 1
            parts.append(f"{name}{arguments(field)} {{ {selection(named, inner, walked)} }}")
        else:
            continue
        walked.add((kind.name, name))
    return " ".join(parts)


def arguments(field: GraphQLField) -> str:
    return "(first: 100)" if "first" in field.args else ""


def entity_type(name: str) -> GraphQLObjectType:
    kind = schema._schema.type_map[name]
    assert isinstance(kind, GraphQLObjectType)
    return kind


def walk(world: World) -> tuple[str, Paths]:
    """A document with every root field, each followed as deep as a cycle of the object graph is long."""
    walked: Paths = set()
    author = to_global_id("User", world.author.id)
    tag = to_global_id("Tag", world.tag.id)
    comment = to_global_id("Comment", world.public_comments[0].id)
    looked_up = {
        f'user(by: {{id: "{author}"}})': "User",
        f'user(by: {{username: "{world.author.username}"}})': "User",
        f'post(by: {{slug: "{world.public[0].slug}"}})': "Post",
        f'post(by: {{id: "{to_global_id("Post", world.public[0].id)}"}})': "Post",
        f'tag(by: {{id: "{tag}"}})': "Tag",
        f'tag(by: {{slug: "{world.tag.slug}"}})': "Tag",
        "viewer": "User",
    }
    fields = [f"{field} {{ {selection(entity_type(name), 3, walked)} }}" for field, name in looked_up.items()]
    for key, name in ((author, "User"), (tag, "Tag"), (comment, "Comment")):
        fragment = f"... on {name} {{ {selection(entity_type(name), 3, walked)} }}"
        fields += [f'node(id: "{key}") {{ {fragment} }}', f'nodes(ids: ["{key}"]) {{ {fragment} }}']
    for name in ("users", "posts", "tags"):
        connection = entity_type(f"{name[:-1].title()}Connection")
        fields.append(f"{name}(first: 100) {{ {selection(connection, 3, walked)} }}")
    walked |= {("Query", field.split("(")[0].split(" ")[0]) for field in fields}
    return "{" + " ".join(f"a{number}: {field}" for number, field in enumerate(fields)) + "}", walked


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object of a response."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from objects(inner)


async def leaks(client: Client, world: World, viewer: Viewer | None = None) -> list[Any]:
    """What a response tells of hidden posts: text, ids, statuses or numbers."""
    found: list[Any] = []
    document, _ = walk(world)
    body = await execute_as(viewer, client, document)
    # A row that one loader shows and the next one hides is an error, and a leak.
    found += body.get("errors", [])
    hidden = {to_global_id("Post", post.id) for post in world.hidden}
    hidden |= {to_global_id("Comment", comment.id) for comment in world.hidden_comments}
    for part in objects(body):
        found += [
            part for text in part.values() if isinstance(text, str) and (SECRET in text or text in hidden)
        ]
        found += [part] if part.get("status", "PUBLISHED") != "PUBLISHED" else []
        if "totalCount" in part:
            lists = [part[name] for name in ("nodes", "edges") if name in part]
            found += [part] if any(len(nodes) != part["totalCount"] for nodes in lists) else []
            is_posts = part["__typename"] == "PostConnection"
            found += [part] if is_posts and part["totalCount"] > PUBLIC_POSTS else []
    for query in by_name(world):
        data = await data_as(viewer, client, query)
        found += [data for value in data.values() if value not in (None, [None])]
    for status in NOT_PUBLIC:
        document = f"{{a: posts(filter: {{status: {status}}}) {{totalCount nodes {{id}}}}}}"
        data = await data_as(viewer, client, document)
        found += [data] if data != {"a": {"totalCount": 0, "nodes": []}} else []
    return found


NOT_PUBLIC = ("DRAFT", "SCHEDULED", "ARCHIVED")


def by_name(world: World) -> Iterator[str]:
    """Lookups of what is hidden, all of which have to answer null."""
    for post in world.hidden:
        key = to_global_id("Post", post.id)
        yield f'{{a: post(by: {{slug: "{post.slug}"}}) {{id}}}}'
        yield f'{{a: post(by: {{id: "{key}"}}) {{id}}}}'
        yield f'{{a: node(id: "{key}") {{id}}}}'
        yield f'{{a: nodes(ids: ["{key}"]) {{id}}}}'
    for comment in world.hidden_comments:
        key = to_global_id("Comment", comment.id)
        yield f'{{a: node(id: "{key}") {{id}}}}'
        yield f'{{a: nodes(ids: ["{key}"]) {{id}}}}'


async def test_the_walk_takes_every_field_of_the_schema(world: World) -> None:
    _, walked = walk(world)
    fields = {
        (name, field)
        for name, kind in schema._schema.type_map.items()
        if isinstance(kind, GraphQLObjectType) and not name.startswith("__")
        for field in kind.fields
    }
    assert fields - walked == set()


async def test_nothing_hidden_appears(client: Client, world: World) -> None:
    assert await leaks(client, world) == []


async def test_nothing_of_others_appears_to_a_user(client: Client, world: World) -> None:
    reader = factories.user()
    await factories.save(client.database, reader)
    assert await leaks(client, world, Viewer(reader.id, reader.role)) == []


async def test_everything_appears_to_its_author_and_to_an_editor(client: Client, world: World) -> None:
    editor = factories.user(role=Role.EDITOR)
    await factories.save(client.database, editor)
    hidden = {post.slug for post in world.hidden}
    for user in (world.author, editor):
        viewer = Viewer(user.id, user.role)
        data = await data_as(viewer, client, "{posts {totalCount nodes {slug comments {totalCount}}}}")
        assert {post["slug"] for post in data["posts"]["nodes"]} == {
            post.slug for post in world.public
        } | hidden
        assert data["posts"]["totalCount"] == len(data["posts"]["nodes"])
        assert all(post["comments"]["totalCount"] == 2 for post in data["posts"]["nodes"])


async def test_what_is_public_does_appear(client: Client, world: World) -> None:
    data = await client.data("{posts {totalCount nodes {slug comments {totalCount}}}}")
    assert data["posts"]["totalCount"] == PUBLIC_POSTS
    assert {post["slug"] for post in data["posts"]["nodes"]} == {post.slug for post in world.public}
    assert all(post["comments"]["totalCount"] == 2 for post in data["posts"]["nodes"])


def _rows_of_all(original: Callable[..., Any]) -> Callable[..., Any]:
    async def fetch(*arguments: Any) -> dict[Any, Row]:
        rows: dict[Any, Row] = await original(*arguments[:-1], (true(),))
        return rows

    return fetch


def _pages_of_all(original: Callable[..., Any]) -> Callable[..., Any]:
    async def fetch(database: Any, rows: read.Rows, *arguments: Any) -> Any:
        return await original(database, replace(rows, visible=(true(),)), *arguments)

    return fetch


@pytest.mark.parametrize(
    ("loader", "forget"),
    [("rows_by_key", _rows_of_all), ("pages", _pages_of_all), ("counts", _pages_of_all)],
)
async def test_a_loader_that_forgets_its_predicate_is_found_out(
    client: Client, world: World, monkeypatch: pytest.MonkeyPatch, loader: str, forget: Callable[..., Any]
) -> None:
    monkeypatch.setattr(read, loader, forget(getattr(read, loader)))
    assert await leaks(client, world) != []


async def test_an_address_is_for_its_owner_and_for_admins(client: Client, world: World) -> None:
    reader = factories.user()
    admin = factories.user(role=Role.ADMIN)
    await factories.save(client.database, reader, admin)
    query = f'{{user(by: {{username: "{world.author.username}"}}) {{email}}}}'
    seen = {}
    for name, viewer in {"nobody": None, "owner": world.author, "reader": reader, "admin": admin}.items():
        who = None if viewer is None else Viewer(viewer.id, viewer.role)
        seen[name] = (await data_as(who, client, query))["user"]["email"]
    email = world.author.email
    assert seen == {"nobody": None, "owner": email, "reader": None, "admin": email}


async def test_the_viewer_is_who_is_logged_in(client: Client, world: World) -> None:
    assert await client.data("{viewer {id}}") == {"viewer": None}
    author = Viewer(world.author.id, world.author.role)
    data = await data_as(author, client, "{viewer {username}}")
    assert data == {"viewer": {"username": world.author.username}}
