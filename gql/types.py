"""The types: each field is a column, a row to which a relationship leads, or a connection."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy.orm import InstrumentedAttribute
from strawberry.scalars import JSON

from db import models
from db.enums import PostStatus, Role
from db.keyset import Order
from gql import policy
from gql.connections import Connection, many
from gql.context import Info
from gql.inputs import PostFilter, PostOrder
from gql.policy import Move, Viewer
from gql.relay import Node, computed, entity, one

NEWEST_FIRST = Order("public_from", descending=True)
NEWEST_USERS = Order("created_at", descending=True)
OLDEST_FIRST = Order("created_at")


Can = Callable[[Viewer | None, Any], bool]


def _account(attribute: InstrumentedAttribute[Any]) -> Any:
    """A column of an account that only its user and admins may see."""

    def resolve(root: Any, info: Info) -> Any:
        return getattr(root, attribute.key) if policy.may_see_account(info.context.viewer, root) else None

    return computed(resolve, attribute)


def _asked(description: str, policy: Can, *needs: InstrumentedAttribute[Any]) -> Any:
    """What the policy says of the viewer and the row."""

    def resolve(root: Any, info: Info) -> bool:
        return policy(info.context.viewer, root)

    return computed(resolve, *needs, description=description)


def _can(what: str, may: Can, *needs: InstrumentedAttribute[Any]) -> Any:
    """Whether a mutation would let the viewer do this: both ask the same policy."""
    return _asked(f"Whether you may {what}.", may, *needs)


def _moves(what: str, move: Move) -> Any:
    def may(viewer: Viewer | None, post: Any) -> bool:
        return policy.may_move(viewer, post, move)

    return _can(what, may, models.Post.author_id, models.Post.status)


@entity(models.User)
class User(Node):
    username: str
    name: str | None
    bio: str
    email: str | None = _account(models.User.email)
    email_verified_at: datetime | None = _account(models.User.email_verified_at)
    is_active: bool | None = _account(models.User.is_active)
    role: Role
    created_at: datetime
    updated_at: datetime
    version: int
    posts: Connection[Post] = many(models.User.posts, NEWEST_FIRST, filter=PostFilter, order=PostOrder)
    comments: Connection[Comment] = many(models.User.comments, Order("created_at", descending=True))
    sessions: Connection[Session] = many(models.User.sessions, Order("created_at", descending=True))
    viewer_can_update: bool = _can("change this profile", policy.may_write_user, models.User.id)
    viewer_can_delete: bool = _can("delete this account", policy.may_delete_user, models.User.id)
    viewer_can_administrate: bool = _can(
        "give this user a role, and deactivate or reactivate them", policy.may_administrate, models.User.id
    )


@entity(models.Session)
class Session(Node):
    user_agent: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    is_current: bool = _asked("Whether it is the session that asks.", policy.is_current, models.Session.id)


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
    viewer_can_update: bool = _can("change this post", policy.may_write_post, models.Post.author_id)
    viewer_can_delete: bool = _can("delete this post", policy.may_write_post, models.Post.author_id)
    viewer_can_publish: bool = _moves("publish this post, or give it another time", Move.PUBLISH)
    viewer_can_unpublish: bool = _moves("make this post a draft again", Move.UNPUBLISH)
    viewer_can_archive: bool = _moves("archive this post", Move.ARCHIVE)
    viewer_can_comment: bool = _can("comment on this post", policy.may_comment, models.Post.id)


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
    viewer_can_update: bool = _can("change this comment", policy.may_update_comment, models.Comment.author_id)
    viewer_can_delete: bool = _can("delete this comment", policy.may_delete_comment, models.Comment.author_id)


@entity(models.Tag)
class Tag(Node):
    name: str
    slug: str
    posts: Connection[Post] = many(models.Tag.posts, NEWEST_FIRST, filter=PostFilter, order=PostOrder)
    viewer_can_update: bool = _can("rename this tag", policy.may_write_tag, models.Tag.id)
    viewer_can_delete: bool = _can("delete this tag", policy.may_write_tag, models.Tag.id)
