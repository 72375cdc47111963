"""What queries take: how to find one, and how to filter and order many."""

import dataclasses
import enum
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any

import strawberry
from sqlalchemy import ColumnElement, and_, bindparam, select, true
from strawberry import UNSET

from db import models
from db.base import Entity, is_dated
from db.enums import PostStatus
from db.rows import expression
from db.selects import Left
from db.text import fold
from gql.connections import OrderDirection
from gql.loaders import Narrowing
from gql.relay import described, key_of

# Declared here because a filter uses it; enums that only types use are declared with their column.
strawberry.enum(PostStatus, description=described(PostStatus.__doc__))

Unique = tuple[str, Any]
"""A unique column of a model, and the value to find there."""


@strawberry.input(one_of=True, description="Which user, by exactly one of these.")
class UserBy:
    id: strawberry.ID | None = strawberry.field(default=UNSET, description="The global id.")
    username: str | None = strawberry.field(default=UNSET, description="The username, in any case.")

    def unique(self) -> Unique:
        if self.username is not UNSET:
            return "username_key", fold(self.username or "")
        return "id", key_of(self.id, models.User)


@strawberry.input(one_of=True, description="Which post, by exactly one of these.")
class PostBy:
    id: strawberry.ID | None = strawberry.field(default=UNSET, description="The global id.")
    slug: str | None = strawberry.field(default=UNSET, description="The post's name in addresses.")

    def unique(self) -> Unique:
        return ("slug", self.slug) if self.slug is not UNSET else ("id", key_of(self.id, models.Post))


@strawberry.input(one_of=True, description="Which tag, by exactly one of these.")
class TagBy:
    id: strawberry.ID | None = strawberry.field(default=UNSET, description="The global id.")
    slug: str | None = strawberry.field(default=UNSET, description="The tag's name in addresses.")

    def unique(self) -> Unique:
        return ("slug", self.slug) if self.slug is not UNSET else ("id", key_of(self.id, models.Tag))


@strawberry.input(description="A span of time; an end that is left out is open.")
class DateTimeRange:
    since: datetime | None = strawberry.field(default=UNSET, description="At this moment or later.")
    before: datetime | None = strawberry.field(default=UNSET, description="Before this moment.")

    def ends(self, name: str) -> dict[str, datetime]:
        """Those that are given, as the values of parameters."""
        ends = {f"{name}_since": self.since, f"{name}_before": self.before}
        return {parameter: moment for parameter, moment in ends.items() if moment}


@strawberry.input(description="Only posts for which all that is given holds.")
class PostFilter:
    author: UserBy | None = strawberry.field(default=UNSET, description="Written by this user.")
    tag: TagBy | None = strawberry.field(default=UNSET, description="With this tag.")
    status: PostStatus | None = strawberry.field(default=UNSET, description="With this status.")
    created_at: DateTimeRange | None = strawberry.field(default=UNSET, description="Created in this span.")
    published_at: DateTimeRange | None = strawberry.field(
        default=UNSET,
        description="Public, or to become so, from a moment in this span; never a draft or an archived post.",
    )

    def narrowing(self) -> Narrowing:
        author, author_id = self.author.unique() if self.author else (None, None)
        tag, tag_id = self.tag.unique() if self.tag else (None, None)
        created = self.created_at.ends("created") if self.created_at else {}
        published = self.published_at.ends("published") if self.published_at else None
        return Narrowing(
            key=dataclasses.astuple(self),
            left=_left(
                author,
                tag,
                self.status or None,
                tuple(created),
                None if published is None else tuple(published),
            ),
            values={"author": author_id, "tag": tag_id, **created, **(published or {})},
            hidden=bool(self.status) and self.status is not PostStatus.PUBLISHED,
        )


Ends = tuple[str, ...]
"""Which ends of a span are given, by the names of their parameters."""


@lru_cache(maxsize=1024)
def _left(
    author: str | None, tag: str | None, status: PostStatus | None, created: Ends, published: Ends | None
) -> Left:
    """What is left of the posts by a filter that looks for its author and its tag by these columns."""
    conditions: list[ColumnElement[bool]] = [true()]
    if author:
        conditions.append(models.Post.author_id == _key(models.User, author, "author"))
    if status:
        conditions.append(models.has_status(status))
    conditions += _within(models.Post.created_at, created)
    if published is not None:
        # For what is published this is the same moment, and the column that has the indexes.
        conditions += _within(models.Post.public_from, published)
        conditions.append(is_dated(models.Post.public_from))
    member_of = (models.Tag.posts, _key(models.Tag, tag, "tag")) if tag else None
    return Left(and_(*conditions), member_of)


def _key(model: type[Entity], name: str, parameter: str) -> ColumnElement[int]:
    """The key of the one that is meant, as SQL: NULL where there is none, which equals nothing."""
    column, key = expression(model, name), expression(model, "id")
    if column is key:
        return bindparam(parameter, type_=key.type)
    return select(key).where(column == bindparam(parameter)).scalar_subquery()


def _within(column: Any, ends: Ends) -> Iterator[ColumnElement[bool]]:
    for end in ends:
        moment: ColumnElement[Any] = bindparam(end, type_=column.type)
        yield column >= moment if end.endswith("since") else column < moment


@strawberry.enum(description="By what posts can be ordered.")
class PostOrderField(enum.Enum):
    PUBLISHED_AT = strawberry.enum_value(
        "public_from",
        description="When the post became public, or will; what is neither counts as later than all dates.",
    )
    CREATED_AT = strawberry.enum_value("created_at", description="When the post was created.")


@strawberry.input(description="The order of posts.")
class PostOrder:
    field: PostOrderField = strawberry.field(description="By what.")
    direction: OrderDirection = strawberry.field(description="Which end comes first.")


@strawberry.enum(description="By what users can be ordered.")
class UserOrderField(enum.Enum):
    CREATED_AT = strawberry.enum_value("created_at", description="When the user signed up.")
    NAME = strawberry.enum_value(
        "name", description="The name to show; who has none comes before all others."
    )
    USERNAME = strawberry.enum_value("username_key", description="The username, whatever its case.")


@strawberry.input(description="The order of users.")
class UserOrder:
    field: UserOrderField = strawberry.field(description="By what.")
    direction: OrderDirection = strawberry.field(description="Which end comes first.")
