"""What `viewerCan` fields say is what mutations do; what cannot be seen is as if it were not there."""

from collections.abc import Callable
from typing import Any

import pytest
from graphql import GraphQLObjectType, get_named_type, is_leaf_type

from db.base import Entity
from db.enums import Role
from db.models import Comment, Post, Session, User
from gql.relay import entities, to_global_id
from gql.schema import schema
from tests import factories
from tests.client import Client
from tests.inputs import INPUTS, global_id, kind_of_id, payload_of

pytestmark = pytest.mark.anyio

CAN: dict[tuple[str, str], dict[str, dict[str, Any]]] = {
    ("Post", "viewerCanUpdate"): {"updatePost": {"title": "Another"}},
    ("Post", "viewerCanDelete"): {"deletePost": {}},
    ("Post", "viewerCanPublish"): {"publishPost": {}},
    ("Post", "viewerCanUnpublish"): {"unpublishPost": {}},
    ("Post", "viewerCanArchive"): {"archivePost": {}},
    ("Post", "viewerCanComment"): {"createComment": {"body": "x"}},
    ("Comment", "viewerCanUpdate"): {"updateComment": {"body": "x"}},
    ("Comment", "viewerCanDelete"): {"deleteComment": {}},
    ("Tag", "viewerCanUpdate"): {"renameTag": {"name": "Another"}},
    ("Tag", "viewerCanDelete"): {"deleteTag": {}},
    ("User", "viewerCanUpdate"): {"updateUser": {"bio": "x"}},
    ("User", "viewerCanDelete"): {"deleteUser": {}},
    ("User", "viewerCanAdministrate"): {
        "setUserRole": {"role": "EDITOR"},
        "deactivateUser": {},
        "reactivateUser": {},
    },
}
"""Which mutations each field speaks of, and what else they need."""

VIEWERS: dict[str, Role | None] = {
    "nobody": None,
    "the author": Role.USER,
    "another user": Role.USER,
    "an editor": Role.EDITOR,
    "an admin": Role.ADMIN,
}
REFUSALS = {"FORBIDDEN", "NOT_FOUND", "IMPOSSIBLE"}


def types() -> dict[str, GraphQLObjectType]:
    found = {name: schema._schema.type_map[name] for name in entities}
    return {name: kind for name, kind in found.items() if isinstance(kind, GraphQLObjectType)}


def test_no_field_and_no_mutation_is_forgotten() -> None:
    fields = {
        (name, field)
        for name, kind in types().items()
        for field in kind.fields
        if field.startswith("viewerCan")
    }
    assert fields == set(CAN)
    tried = {name for mutations in CAN.values() for name in mutations}
    about_rows = {
        name
        for name, kind in INPUTS.items()
        if {"id", "postId"} & set(kind.fields) and kind_of_id(name, id_field(name)) != "Session"
    }
    # Everybody who sees a post counts as its reader.
    assert about_rows - tried == {"recordPostView"}


def id_field(name: str) -> str:
    return "id" if "id" in INPUTS[name].fields else "postId"


def posts(author: User, viewer: User) -> list[Entity]:
    return [factories.post(author, **given) for given in ({}, *factories.HIDDEN.values())]


def comments(author: User, viewer: User) -> list[Entity]:
    elsewhere, own = factories.post(factories.user()), factories.post(author)
    draft = factories.HIDDEN["draft"]
    own_draft, other_draft = factories.post(author, **draft), factories.post(factories.user(), **draft)
    answered, tombstone = factories.comment(elsewhere, author), factories.comment(elsewhere, None)
    factories.reply(answered, viewer)
    return [
        answered,
        tombstone,
        *(factories.comment(post, author) for post in (elsewhere, own, own_draft, other_draft)),
        *(factories.comment(post, factories.user()) for post in (own, own_draft)),
        factories.comment(elsewhere, None, deleted_at=factories.NOW),
    ]


def users(author: User, viewer: User) -> list[Entity]:
    others = [factories.user(role=role) for role in Role]
    return [viewer, author, *others, factories.user(is_active=False)]


def tags(author: User, viewer: User) -> list[Entity]:
    return [factories.tag()]


ROWS: dict[str, Callable[[User, User], list[Entity]]] = {
    "Post": posts,
    "Comment": comments,
    "User": users,
    "Tag": tags,
}


async def world(client: Client, name: str, kind: str) -> tuple[Client, list[Entity]]:
    """Rows of this type that nothing was done to yet, and somebody who is new."""
    role = VIEWERS[name]
    author = factories.user()
    viewer = author if name == "the author" else factories.user(role=role or Role.USER)
    rows = ROWS[kind](author, viewer)
    await factories.save(client.database, author, viewer, *rows)
    return (client if role is None else await client.viewing(viewer)), rows


@pytest.mark.parametrize("viewer", VIEWERS)
@pytest.mark.parametrize(("kind", "field"), CAN)
async def test_what_the_viewer_can_is_what_succeeds(
    client: Client, kind: str, field: str, viewer: str
) -> None:
    for name, given in CAN[kind, field].items():
        count = len((await world(client, viewer, kind))[1])
        for number in range(count):
            # Each is tried for real, so that each needs a world of its own.
            asking, rows = await world(client, viewer, kind)
            key = global_id(rows[number])
            query = f"query ($id: ID!) {{node(id: $id) {{... on {kind} {{{field}}}}}}}"
            node = (await asking.data(query, {"id": key}))["node"]
            can = node is not None and node[field]
            if viewer == "nobody":
                assert not can
                document = (
                    f"mutation ($i: {INPUTS[name].name}!) {{{name}(input: $i) {{userErrors {{code}}}}}}"
                )
                assert await asking.codes(document, {"i": {id_field(name): key, **given}}) == {
                    "UNAUTHENTICATED"
                }
                continue
            errors = (await asking.mutate(name, **{id_field(name): key, **given}))["userErrors"]
            assert (errors == []) == can, (name, number, errors)
            assert {code for code, _ in errors} <= ({"NOT_FOUND", "FORBIDDEN"} if node is None else REFUSALS)


@pytest.mark.parametrize("kind", ROWS)
async def test_the_viewer_costs_no_statement(client: Client, kind: str) -> None:
    asking, rows = await world(client, "an admin", kind)
    fields = " ".join(field for of, field in CAN if of == kind)
    counts = []
    for selection in ("id", f"id {fields}"):
        query = f"query ($ids: [ID!]!) {{nodes(ids: $ids) {{... on {kind} {{{selection}}}}}}}"
        with asking.statements() as sent:
            nodes = (await asking.data(query, {"ids": [global_id(row) for row in rows]}))["nodes"]
        assert len([node for node in nodes if node]) == len(rows)
        counts.append(len(sent))
    # One is for who asks, and one for the rows.
    assert counts == [2, 2]


SECRET = "a-secret"  # noqa: S105 # It is the text to look for.
IDS = [
    (name, field)
    for name, kind in INPUTS.items()
    for field, found in kind.fields.items()
    if str(found.type).rstrip("!") == "ID"
]


async def hidden_rows(client: Client) -> dict[str, list[Post | Comment | Session]]:
    """What only its owner and editors see, full of a text to look for."""
    author = factories.user()
    found: dict[str, list[Post | Comment | Session]] = {"Post": [], "Comment": [], "Session": []}
    for number, given in enumerate(factories.HIDDEN.values()):
        texts = {"title": SECRET, "body": SECRET, "slug": f"{SECRET}-{number}"}
        post = factories.post(author, **texts, attributes={SECRET: 1}, **given)
        found["Post"].append(post)
        found["Comment"].append(factories.comment(post, author, text=SECRET))
    session = Session(user=author, user_agent=SECRET, expires_at=factories.TOMORROW)
    found["Session"].append(session)
    await factories.save(client.database, *(row for rows in found.values() for row in rows))
    return found


def document(name: str) -> str:
    """With all texts of all that the payload has."""
    answer = " ".join(f"{field} {texts(found.type)}" for field, found in payload_of(name).fields.items())
    return f"mutation ($input: {INPUTS[name].name}!) {{{name}(input: $input) {{{answer}}}}}"


def texts(of: Any) -> str:
    kind = get_named_type(of)
    if is_leaf_type(kind):
        return ""
    if "node" in kind.fields:
        return f"{{cursor node {texts(kind.fields['node'].type)}}}"
    leaves = [field for field, found in kind.fields.items() if is_leaf_type(get_named_type(found.type))]
    return "{" + " ".join(leaves) + "}"


@pytest.mark.parametrize("viewer", ["nobody", "another user"])
async def test_what_cannot_be_seen_is_as_what_is_not_there(client: Client, viewer: str) -> None:
    rows = await hidden_rows(client)
    other = factories.user()
    public = factories.post(other)
    await factories.save(client.database, public)
    asking = client if viewer == "nobody" else await client.viewing(other)
    needed = {"postId": global_id(public), "body": "x", "title": "x", "name": "x", "role": "USER"}
    for name, field in IDS:
        kind = kind_of_id(name, field)
        given: dict[str, Any] = {
            other: value for other, value in needed.items() if other in INPUTS[name].fields
        }
        # A version that is wrong tells nothing either.
        given |= {"expectedVersion": 7} if "expectedVersion" in INPUTS[name].fields else {}
        missing = {"input": {**given, field: to_global_id(kind, 10**9)}}
        expected = (await asking.send(document(name), missing)).content
        for row in rows.get(kind, ()):
            response = await asking.send(document(name), {"input": {**given, field: global_id(row)}})
            assert response.content == expected
            assert SECRET not in response.text
            assert b"NOT_FOUND" in expected or (viewer == "nobody" and b"UNAUTHENTICATED" in expected)
