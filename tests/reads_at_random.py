"""Any reads of the read lane, over rows that are there and some that are not."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import strawberry
from sqlalchemy import false, inspect

from db import read
from db.base import Entity
from db.companions import Companion
from db.engine import Database
from db.enums import PostStatus, Role
from db.keyset import Order, Page, Position
from db.models import Comment, Post, Session, Tag, User
from db.read import Company
from db.selects import Alternatives
from db.sources import Target, many_to_one, source_of
from gql import policy
from gql.inputs import DateTimeRange, PostFilter, TagBy, UserBy
from gql.loaders import EVERYTHING, Narrowing
from gql.policy import Viewer
from gql.relay import to_global_id
from tests import factories

ORDERS: dict[type[Entity], tuple[str, ...]] = {
    User: ("id", "created_at", "name", "username_key"),
    Post: ("id", "created_at", "public_from", "published_at"),
    Comment: ("id", "created_at", "parent_id", "deleted_at"),
    Tag: ("id", "name"),
    Session: ("created_at",),
}
KEYS: dict[type[Entity], tuple[str, ...]] = {
    User: ("id", "username_key"),
    Post: ("id", "slug"),
    Tag: ("id", "slug"),
}
TARGETS: tuple[Any, ...] = (
    *ORDERS,
    *(User.posts, User.comments, User.sessions),
    *(Post.comments, Post.tags, Comment.replies, Tag.posts),
)
RELATIONSHIPS: tuple[Any, ...] = (Post.author, Comment.author, Comment.post, Comment.parent, Session.user)
# To nobody.
HIDDEN = read.Visible(Alternatives([false()]))
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


async def a_few_of_everything(database: Database) -> dict[type[Entity], list[Any]]:
    """A few of everything, with nulls, equal values, the first and the last moment, and odd text."""
    moments = [factories.YESTERDAY, factories.NOW, factories.NOW - timedelta(microseconds=1)]
    users = [
        factories.user(name=name, role=role, created_at=moments[index % 3], email_verified_at=None)
        for index, (name, role) in enumerate(
            [
                (None, Role.USER),
                ("Ada", Role.USER),
                ("Ada", Role.EDITOR),
                (None, Role.ADMIN),
                ("é\\'\"%", Role.USER),
            ]
        )
    ]
    kinds: list[dict[str, Any]] = [{}, {}, *factories.HIDDEN.values(), {"published_at": FIRST}]
    values = [{}, {"a": [1, 2.5, None, True, "é"]}, {"big": 10**30, "nested": {"": {}}}]
    posts = [
        factories.post(
            users[index % 3],
            created_at=moments[index % 3],
            attributes=values[index % 3],
            body="ü" * 150 * (index % 4),
            **kind,
        )
        for index, kind in enumerate(kinds * 3)
    ]
    tags = [factories.tag() for _ in range(3)]
    for index, post in enumerate(posts):
        post.tags = tags[: index % 4]
    comments = [
        factories.comment(posts[index % 7], users[index % 5], created_at=moments[index % 3])
        for index in range(20)
    ]
    comments += [factories.reply(comments[index % 5], users[index % 5]) for index in range(10)]
    comments += [factories.reply(comments[index], None, deleted_at=moments[index % 3]) for index in range(3)]
    sessions = [
        Session(
            owner_id=None, user=users[index % 3], user_agent="test", expires_at=LAST if index % 2 else FIRST
        )
        for index in range(6)
    ]
    await factories.save(database, *users, *posts, *tags, *comments, *sessions)
    return {User: users, Post: posts, Tag: tags, Comment: comments, Session: sessions}


def typed(found: dict[Any, Any]) -> dict[Any, str]:
    """Texts tell a number from a truth value, and a moment from one without an offset."""
    return {repr(key): repr(value) for key, value in found.items()}


@dataclass
class Read:
    """A read that can be done twice, and companions that its rows can have."""

    description: str
    run: Callable[[Company], Any]
    company: Company


class Reads:
    """Any reads."""

    def __init__(self, rows: dict[type[Entity], list[Any]], database: Database, seed: int) -> None:
        self.random = random.Random(seed)
        self.rows = rows
        self.database = database

    def any(self) -> Read:
        return self.random.choice([self.by_key, self.page, self.page, self.page, self.count])()

    def by_key(self) -> Read:
        model = self.random.choice(list(KEYS))
        key = self.random.choice(KEYS[model])
        values = [getattr(row, key) for row in self._some(model)] + self.random.choice(
            [[], [0 if key == "id" else "?"]]
        )
        viewer = self._viewer()
        company = self._company(model, viewer)
        arguments = (model, key, values, self._columns(model, company), policy.visible(model, viewer))
        run = partial(read.rows_by_key, self.database, *arguments)
        return Read(f"{arguments}, {company}", run, company)

    def page(self) -> Read:
        viewer = self._viewer()
        target, rows, parents = self._connection(viewer)
        model = source_of(target).model
        order = Order(self.random.choice(ORDERS[model]), self.random.random() < 0.5)
        page = Page(
            self.random.choice([1, 2, 3, 50]),
            order,
            backward=self.random.random() < 0.5,
            after=self._position(model, order),
            before=self._position(model, order),
        )
        company = self._company(model, viewer)
        arguments = (rows, parents, page, self._columns(model, company))
        run = partial(read.pages, self.database, *arguments)
        return Read(f"{arguments}, {company}", run, company)

    def count(self) -> Read:
        _, rows, parents = self._connection(self._viewer())
        return Read(f"{(rows, parents)}", lambda _: read.counts(self.database, rows, parents), read.ALONE)

    def _connection(self, viewer: Viewer | None) -> tuple[Target, read.Rows, list[Any]]:
        target = self.random.choice(TARGETS)
        source = source_of(target)
        narrowing = self._narrowing() if source.model is Post else EVERYTHING
        seen = policy.visible(source.model, viewer, hidden=narrowing.hidden)
        parents: list[Any] = [read.ALL]
        if source.parent is not None:
            parents = [row.id for row in self._some(target.parent.class_)] + self.random.choice([[], [0]])
        return target, read.Rows(target, seen, narrowing.left, narrowing.values), parents

    def _some(self, model: type[Entity]) -> list[Any]:
        return self.random.sample(self.rows[model], self.random.randint(0, min(6, len(self.rows[model]))))

    def _viewer(self) -> Viewer | None:
        user = self.random.choice([None, *self.rows[User]])
        return user and Viewer(user.id, user.role)

    def _company(self, model: type[Entity], viewer: Viewer | None) -> Company:
        """Any that its rows can have; some as nobody may see them."""
        found = [each for each in RELATIONSHIPS if each.class_ is model and self.random.random() < 0.8]
        companions: list[Companion] = []
        values: dict[str, Any] = {}
        for relationship in found:
            other = many_to_one(relationship).model
            visible = self.random.choice([policy.visible(other, viewer), HIDDEN])
            companions.append(Companion(relationship, self._columns(other), visible.alternatives))
            values.update(visible.values)
        return Company(tuple(companions), values, {})

    def _columns(self, model: type[Entity], company: Company = read.ALONE) -> tuple[str, ...]:
        names = list(inspect(model).column_attrs.keys())
        chosen = self.random.sample(names, self.random.randint(0, len(names)))
        refer = [many_to_one(companion.relationship).local_key for companion in company.companions]
        return tuple(dict.fromkeys(["id", *chosen, *refer]))

    def _position(self, model: type[Entity], order: Order) -> Position | None:
        row = self.random.choice([None, *self.rows[model]])
        # What is generated by the database the rows that were saved do not all know.
        value = None if row is None else vars(row).get(order.column)
        return row and (value if value is not None or self._is_nullable(model, order) else FIRST, row.id)

    def _is_nullable(self, model: type[Entity], order: Order) -> bool:
        return bool(getattr(inspect(model).column_attrs[order.column].columns[0], "nullable", False))

    def _narrowing(self) -> Narrowing:
        def maybe(value: Any) -> Any:
            return self.random.choice([value, strawberry.UNSET, strawberry.UNSET])

        user, tag = self.random.choice(self.rows[User]), self.random.choice(self.rows[Tag])
        users = (UserBy(id=strawberry.ID(to_global_id("User", user.id))), UserBy(username=user.username))
        tags = (
            TagBy(id=strawberry.ID(to_global_id("Tag", tag.id))),
            TagBy(slug=self.random.choice([tag.slug, "?"])),
        )
        spans = (DateTimeRange(since=maybe(factories.YESTERDAY), before=maybe(LAST)) for _ in range(2))
        return PostFilter(
            author=maybe(self.random.choice(users)),
            tag=maybe(self.random.choice(tags)),
            status=maybe(self.random.choice(list(PostStatus))),
            created_at=maybe(next(spans)),
            published_at=maybe(next(spans)),
        ).narrowing()
