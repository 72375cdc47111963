"""What queries take: how to find one, and how to filter and order many."""

import dataclasses
import enum
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import strawberry
from sqlalchemy import ColumnElement, and_, bindparam, select, true
from strawberry import UNSET

from db import models
from db.base import Entity, is_dated
from db.enums import PostStatus
from db.rows import expression
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


def _key(model: type[Entity], by: UserBy | TagBy) -> ColumnElement[int]:
    """The key of the one that is meant, as SQL: NULL where there is none, which equals nothing."""
    name, value = by.unique()
    column, key = expression(model, name), expression(model, "id")
    if column is key:
        return bindparam(None, value, key.type)
    return select(key).where(column == value).scalar_subquery()


@strawberry.input(description="A span of time; an end that is left out is open.")
class DateTimeRange:
    since: datetime | None = strawberry.field(default=UNSET, description="At this moment or later.")
    before: datetime | None = strawberry.field(default=UNSET, description="Before this moment.")

    def contains(self, column: Any) -> Iterator[ColumnElement[bool]]:
        if self.since:
            yield column >= self.since
        if self.before:
            yield column < self.before


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
        return Narrowing(
            key=dataclasses.astuple(self),
            where=and_(true(), *self._conditions()),
            member_of=(models.Tag.posts, _key(models.Tag, self.tag)) if self.tag else None,
            hidden=bool(self.status) and self.status is not PostStatus.PUBLISHED,
        )

    def _conditions(self) -> Iterator[ColumnElement[bool]]:
        if self.author:
            yield models.Post.author_id == _key(models.User, self.author)
        if self.status:
            yield models.has_status(self.status)
        if self.created_at:
            yield from self.created_at.contains(models.Post.created_at)
        if self.published_at:
            # For what is published this is the same moment, and the column that has the indexes.
            yield from self.published_at.contains(models.Post.public_from)
            yield is_dated(models.Post.public_from)


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
