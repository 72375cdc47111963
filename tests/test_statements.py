"""The number of SQL statements depends on the document, never on the number of rows."""

from collections.abc import Iterator

import pytest
from graphql import (
    FieldNode,
    GraphQLObjectType,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_leaf_type,
    parse,
)

from db import demo
from db.enums import Role
from gql.relay import entities
from gql.schema import schema
from gql.settings import Settings
from tests import factories
from tests.client import Client
from tests.conftest import NewUrl
from tests.limits import UNLIMITED
from tests.queries import FEED

pytestmark = pytest.mark.anyio

ROWS = (2, 20, 200)
STEPS = 3


@pytest.fixture
def settings(new_url: NewUrl) -> Settings:
    """Deep documents ask for all rows at once."""
    return Settings(database_url=new_url(), **UNLIMITED)


def relations(kind: GraphQLObjectType) -> Iterator[tuple[str, GraphQLObjectType, bool]]:
    """A type's fields that lead to other rows: name, type there, and whether it is a connection."""
    for name, field in kind.fields.items():
        target = get_named_type(field.type)
        if isinstance(target, GraphQLObjectType) and target.name != "PageInfo":
            is_connection = target.name.endswith("Connection")
            yield (
                name,
                get_named_type(target.fields["nodes"].type) if is_connection else target,
                is_connection,
            )


def chains(kind: GraphQLObjectType, steps: int) -> Iterator[str]:
    """Every way to go from relation to relation, as a selection."""
    yield "id"
    if steps:
        for name, target, is_connection in relations(kind):
            for inner in chains(target, steps - 1):
                if is_connection:
                    yield f"{name}(first: 2) {{totalCount nodes {{{inner}}}}}"
                else:
                    yield f"{name} {{{inner}}}"


def documents() -> Iterator[str]:
    for root in ("users", "posts", "tags"):
        kind = schema._schema.type_map[root[:-1].title()]
        assert isinstance(kind, GraphQLObjectType)
        for chain in chains(kind, STEPS):
            yield f"{{{root}(first: 50) {{nodes {{{chain}}}}}}}"


def bound(document: str) -> int:
    """At most one statement for each field that reads, and for each wave in which its parents arrive.

    Rows that are loaded already arrive a moment before the others: each step can double the waves.
    """
    operation = parse(document).definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    query = schema._schema.query_type
    assert query is not None
    return _bound(operation.selection_set, query, 1)


def _bound(selections: SelectionSetNode, kind: GraphQLObjectType, waves: int) -> int:
    total = 0
    for node in selections.selections:
        assert isinstance(node, FieldNode)
        target = get_named_type(kind.fields[node.name.value].type)
        reads = node.name.value == "totalCount" or kind.name == "Query" or kind.name in entities
        if reads and not (kind.name in entities and is_leaf_type(target)):
            total += waves
        if node.selection_set and isinstance(target, GraphQLObjectType):
            is_step = kind.name in entities
            total += _bound(node.selection_set, target, waves * 2 if is_step else waves)
    return total


@pytest.mark.parametrize("posts", [2, 20, 100])
@pytest.mark.parametrize("who", ["nobody", "an author", "an editor"])
async def test_the_feed_takes_two_statements_and_one_for_who_is_logged_in(
    client: Client, who: str, posts: int
) -> None:
    authors = [factories.user() for _ in range(3)]
    readers = [factories.user(role=Role.EDITOR) for _ in range(3)]
    written = [factories.post(authors[number % 3]) for number in range(posts)]
    said = [factories.comment(post, reader) for post in written for reader in readers * 2]
    await factories.save(client.database, *said)
    viewer = {
        "nobody": client,
        "an author": await client.viewing(authors[0]),
        "an editor": await client.viewing(readers[0]),
    }[who]
    with client.statements() as statements:
        feed = (await viewer.data(FEED, {"first": posts}))["posts"]["nodes"]
    assert len(feed) == posts
    assert all(len(post["comments"]["nodes"]) == 3 for post in feed)
    assert len(statements) == (2 if who == "nobody" else 3)


async def test_every_chain_of_relations_keeps_to_its_bound(client: Client) -> None:
    taken: dict[str, list[int]] = {}
    for rows in ROWS:
        await factories.clear(client.database)
        await demo.seed(client.database, demo.Size(users=rows, posts=rows, comments=rows * 5))
        for document in documents():
            with client.statements() as statements:
                await client.data(document)
            taken.setdefault(document, []).append(len(statements))
    assert len(taken) > 70
    assert {document: counts for document, counts in taken.items() if max(counts) > bound(document)} == {}


THREAD = "replies(first: 5) {totalCount nodes {body author {username posts(first: 2) {nodes {slug}}} REST}}"
WIDE = """
{
  posts(first: 100) {
    totalCount
    nodes {
      title author {username}
      tags {nodes {name posts(first: 2) {nodes {title author {name}}}}}
      comments(first: 5) {nodes {body parent {id} REST}}
    }
  }
}
"""


async def test_a_wide_and_deep_document_keeps_to_its_bound(client: Client) -> None:
    document = WIDE
    for part in (THREAD, THREAD, THREAD, ""):
        document = document.replace("REST", part)
    taken = []
    for rows in ROWS:
        await factories.clear(client.database)
        await demo.seed(client.database, demo.Size(users=rows, posts=rows, comments=rows * 5))
        with client.statements() as statements:
            await client.data(document)
        taken.append(len(statements))
    assert 8 < max(taken) <= bound(document)


@pytest.mark.parametrize(
    ("document", "is_read"),
    [
        ("{posts {nodes {title}}}", False),
        ("{posts {edges {node {title}}}}", False),
        ("{posts {edges {node {title} cursor}}}", True),
        ("{posts {nodes {title} pageInfo {endCursor}}}", True),
        ("{posts {...Page}} fragment Page on PostConnection {edges {cursor}}", True),
    ],
)
async def test_what_a_connection_is_ordered_by_is_read_for_cursors_only(
    client: Client, document: str, is_read: bool
) -> None:
    await factories.save(client.database, factories.post(factories.user()))
    with client.statements() as statements:
        await client.data(document)
    columns, _, _ = statements[0].sql.partition("FROM")
    assert ("public_from" in columns) is is_read
