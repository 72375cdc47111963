"""The read lane gives the same rows as SQLAlchemy's own way, of the same types, for all that can be asked."""

import secrets
from typing import Any

import pytest
import strawberry
from sqlalchemy import Float, Numeric, bindparam, inspect, literal_column, select, update

from db import read, selects
from db.base import Entity
from db.engine import Database
from db.enums import PostStatus, Role
from db.keyset import Order, Page
from db.models import Comment, Post, Tag, User
from db.rows import Row
from db.statements import SHAPES, Statement
from gql import policy
from gql.auth import _session
from gql.inputs import DateTimeRange, PostFilter, TagBy, UserBy
from gql.loaders import EVERYTHING, Narrowing
from gql.policy import Viewer
from gql.relay import to_global_id
from tests import factories
from tests.lanes import ordinary
from tests.reads_at_random import ORDERS, Reads, a_few_of_everything, typed

pytestmark = pytest.mark.anyio

SEED = secrets.randbits(32)
READS = 250

PARENTS = {"users": User, "posts": Post, "comments": Comment, "tags": Tag}


@pytest.fixture
async def rows(database: Database) -> dict[type[Entity], list[Any]]:
    return await a_few_of_everything(database)


async def test_any_read_gives_the_same_as_a_statement_written_for_it(
    database: Database, rows: dict[type[Entity], list[Any]]
) -> None:
    reads, found_any = Reads(rows, database, SEED), 0
    for _ in range(READS):
        some = reads.any()
        found = await some.run(some.company)
        with ordinary():
            expected = await some.run(some.company)
        assert typed(found) == typed(expected), f"seed {SEED}: {some}"
        found_any += bool(found)
        for value in found.values():
            for row in value if isinstance(value, list) else [value]:
                assert isinstance(row, Row | int)
    assert found_any > READS / 3, f"seed {SEED}"


async def test_the_same_shape_is_the_same_statement_whatever_its_values(
    database: Database, rows: dict[type[Entity], list[Any]]
) -> None:
    ada, bob = (Viewer(user.id, user.role) for user in rows[User][:2])
    for reader in (ada, bob, ada):
        columns = ("id", "title")
        seen = await read.rows_by_key(
            database, Post, "id", [post.id for post in rows[Post]], columns, policy.visible(Post, reader)
        )
        with ordinary():
            expected = await read.rows_by_key(
                database, Post, "id", [post.id for post in rows[Post]], columns, policy.visible(Post, reader)
            )
        assert seen == expected
    one = selects.rows_by_key(database.dialect, Post, "id", columns, policy.visible(Post, ada).alternatives)
    other = selects.rows_by_key(database.dialect, Post, "id", columns, policy.visible(Post, bob).alternatives)
    assert one is other


def filters() -> list[Narrowing]:
    moment = factories.NOW
    ids = strawberry.ID(to_global_id("User", 1)), strawberry.ID(to_global_id("Tag", 1))
    spans = [
        DateTimeRange(),
        DateTimeRange(since=moment),
        DateTimeRange(before=moment),
        DateTimeRange(since=moment, before=moment),
    ]
    return [
        EVERYTHING,
        *(PostFilter(author=by).narrowing() for by in (UserBy(id=ids[0]), UserBy(username="ada"))),
        *(PostFilter(tag=by).narrowing() for by in (TagBy(id=ids[1]), TagBy(slug="ada"))),
        *(PostFilter(status=status).narrowing() for status in PostStatus),
        *(PostFilter(created_at=span).narrowing() for span in spans[1:]),
        *(PostFilter(published_at=span).narrowing() for span in spans),
    ]


async def test_shapes_that_are_nearly_the_same_have_statements_of_their_own(database: Database) -> None:
    some, null = (1, 1), (None, 1)
    order = Order("published_at")
    base = Page(3, order)
    orders = [Order("published_at", True), Order("created_at"), Order("created_at", True), Order("id")]
    varied = [
        *(Page(3, other) for other in orders),
        Page(4, order),
        Page(3, order, backward=True, after=some),
        *(Page(3, order, after=bound) for bound in (some, null)),
        *(Page(3, order, before=bound) for bound in (some, null)),
        *(Page(3, order, after=after, before=before) for after in (some, null) for before in (some, null)),
    ]
    viewers = [None, Viewer(1, Role.USER), Viewer(1, Role.EDITOR)]
    ways = [
        policy.visible(Post, viewer, hidden=hidden).alternatives
        for viewer in viewers
        for hidden in (False, True)
    ]
    lefts = [narrowing.left for narrowing in filters()]
    columns = ("id", "published_at", "created_at")
    shape: selects.Shape = (User.posts, lefts[0], ways[2])
    asked = [
        *((selects.pages_of_parents, (shape, page.shape(), columns)) for page in (base, *varied)),
        *((selects.pages_of_parents, ((shape[0], left, shape[2]), base, columns)) for left in lefts[1:]),
        # Editors see everything, whether it is hidden or not.
        *(
            (selects.pages_of_parents, ((*shape[:2], way), base, columns))
            for way in (ways[0], ways[1], ways[3], ways[4])
        ),
        (selects.pages_of_parents, ((Tag.posts, *shape[1:]), base, columns)),
        (selects.pages_of_parents, (shape, base, columns[::-1])),
        (selects.pages_of_parents, (shape, base, (*columns, "title"))),
        (selects.page_of_all, (shape, base, columns)),
        *((selects.counts, (shape, of_parents)) for of_parents in (False, True)),
        *((selects.rows_by_key, (Post, key, columns, ways[2])) for key in ("id", "slug")),
    ]
    texts = [build(database.dialect, *arguments).sql for build, arguments in asked]
    assert len(set(texts)) == len(texts), [text for text in texts if texts.count(text) > 1]
    # The same again is the same again.
    assert texts == [build(database.dialect, *arguments).sql for build, arguments in asked]


async def test_nothing_in_a_statement_stays_as_it_was_the_first_time(database: Database) -> None:
    """A value in its text would be right for the first who asked."""
    shapes: list[selects.Shape] = [
        (Post, narrowing.left, seen) for narrowing in filters() for seen in _all_ways(Post)
    ]
    page = Page(3, Order("published_at"), after=(1, 1), before=(1, 1)).shape()
    statements = [
        selects.page_of_all(database.dialect, shape, page, ("id", "published_at")) for shape in shapes
    ]
    statements += [
        selects.rows_by_key(database.dialect, model, "id", tuple(inspect(model).column_attrs.keys()), seen)
        for model in ORDERS
        for seen in _all_ways(model)
    ]
    for statement in (*statements, _session(database.dialect)):
        # SQLite's dialect says that the first row comes first.
        assert set(statement._compiled[2].values()) <= ({0} if database.is_sqlite else set()), statement.sql
        assert len(statement.sql) < 15_000, "asyncpg keeps no longer ones prepared"


def _all_ways(model: type[Entity]) -> list[selects.Alternatives]:
    viewers = (None, Viewer(1, Role.USER), Viewer(1, Role.EDITOR))
    return [policy.visible(model, viewer).alternatives for viewer in viewers]


async def test_only_so_many_statements_are_kept(database: Database) -> None:
    shape: selects.Shape = (Tag, selects.EVERYTHING, policy.visible(Tag, None).alternatives)
    for limit in range(SHAPES + 50):
        selects.page_of_all(database.dialect, shape, Page(limit, Order("id")), ("id",))
    for builder in (selects.page_of_all, selects.pages_of_parents, selects.counts, selects.rows_by_key):
        assert builder.cache_info().maxsize == SHAPES
        assert builder.cache_info().currsize <= SHAPES


async def test_types_that_depend_on_what_the_driver_says_are_the_same_too(database: Database) -> None:
    columns: list[Any] = [
        literal_column("CAST('1.50' AS NUMERIC)", Numeric()),
        literal_column("CAST('1.50' AS NUMERIC)", Numeric(asdecimal=False)),
        literal_column("CAST('1.50' AS FLOAT)", Float()),
        literal_column("CAST('1.50' AS FLOAT)", Float(asdecimal=True)),
    ]
    statement = Statement(select(*columns, bindparam("given", type_=Numeric())), database.dialect)
    values = {"given": 2}
    expected = await read.fetch(database, statement.source, values)
    found = map(tuple, await read.run(database, statement, values))
    assert repr(list(found)) == repr(statement.transposed(expected))


async def test_a_value_that_is_missing_is_an_error_and_not_a_null(database: Database) -> None:
    statement = Statement(select(User.id).where(User.id == bindparam("given")), database.dialect)
    with pytest.raises(Exception, match="given"):
        await read.run(database, statement, {})
    assert await read.run(database, statement, {"given": 0}) == [()]


async def test_what_was_written_since_is_read(
    database: Database, rows: dict[type[Entity], list[Any]]
) -> None:
    post = rows[Post][0]
    seen = policy.visible(Post, None)
    for title in ("one", "two"):
        async with database.writing() as session:
            await session.execute(update(Post).where(Post.id == post.id).values(title=title))
        found = await read.rows_by_key(database, Post, "id", [post.id], ("id", "title"), seen)
        assert found[post.id].title == title  # type: ignore[attr-defined] # A light row has what was asked for.
