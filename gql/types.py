"""The types: each field is a column, a row to which a relationship leads, or a connection."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from strawberry.scalars import JSON

from db import models
from db.enums import PostStatus, Role
from db.keyset import Order
from gql import policy
from gql.connections import Connection, many
from gql.context import Info
from gql.inputs import PostFilter, PostOrder
from gql.relay import Node, computed, entity, one

NEWEST_FIRST = Order("public_from", descending=True)
OLDEST_FIRST = Order("created_at")


def _email(root: Any, info: Info) -> str | None:
    return root.email if policy.may_see_email(info.context.viewer, root.id) else None


@entity(models.User)
class User(Node):
    username: str
    name: str | None
    bio: str
    email: str | None = computed(_email, models.User.email)
    role: Role
    created_at: datetime
    updated_at: datetime
    version: int
    posts: Connection[Post] = many(models.User.posts, NEWEST_FIRST, filter=PostFilter, order=PostOrder)
    comments: Connection[Comment] = many(models.User.comments, Order("created_at", descending=True))


@entity(models.Post)
class Post(Node):
    title: str
    slug: str
    body: str
    excerpt: str
    status: PostStatus
    published_at: datetime | None
    view_count: int
    attributes: JSON
    created_at: datetime
    updated_at: datetime
    version: int
    author: User = one(models.Post.author)
    comments: Connection[Comment] = many(models.Post.comments, OLDEST_FIRST)
    tags: Connection[Tag] = many(models.Post.tags, Order("id"))


@entity(models.Comment)
class Comment(Node):
    body: str | None
    created_at: datetime
    updated_at: datetime
    version: int
    author: User | None = one(models.Comment.author)
    post: Post = one(models.Comment.post)
    parent: Comment | None = one(models.Comment.parent)
    replies: Connection[Comment] = many(models.Comment.replies, OLDEST_FIRST)


@entity(models.Tag)
class Tag(Node):
    name: str
    slug: str
    posts: Connection[Post] = many(models.Tag.posts, NEWEST_FIRST, filter=PostFilter, order=PostOrder)
