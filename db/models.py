"""The tables. A docstring and each `doc=` are also what the GraphQL schema says of them."""

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    Computed,
    Enum,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    UniqueConstraint,
    and_,
    case,
    func,
    literal_column,
    not_,
    text,
)
from sqlalchemy.orm import Mapped, column_property, mapped_column, relationship

from db.base import OPTIONS, Base, Entity, Versioned, if_dated, is_dated, is_public
from db.types import NEVER, now


class Role(enum.Enum):
    """What a user may do; each role includes those before it."""

    USER = "USER"
    EDITOR = "EDITOR"
    ADMIN = "ADMIN"


class PostStatus(enum.Enum):
    """Where a post stands. SCHEDULED is never stored: it is PUBLISHED with a time that is still to come."""

    DRAFT = "DRAFT"
    SCHEDULED = "SCHEDULED"
    PUBLISHED = "PUBLISHED"
    ARCHIVED = "ARCHIVED"


_STATUS = Enum(PostStatus, native_enum=False, length=16)


class User(Versioned):
    """Somebody who writes posts or comments."""

    __tablename__ = "users"

    username: Mapped[str] = mapped_column(String(32), doc="The public handle, unique whatever its case.")
    username_key: Mapped[str] = mapped_column(String(64), unique=True, doc="`username`, folded.")
    email: Mapped[str] = mapped_column(
        String(254), doc="The address. Null for everybody but its owner and admins."
    )
    email_key: Mapped[str] = mapped_column(String(508), unique=True, doc="`email`, folded.")
    name: Mapped[str | None] = mapped_column(String(100), doc="The name to show, where one was given.")
    bio: Mapped[str] = mapped_column(server_default="", doc="A few lines about this person, as plain text.")
    password_hash: Mapped[str | None] = mapped_column(
        doc="An argon2id hash; null when no password can log in."
    )
    role: Mapped[Role] = mapped_column(server_default=Role.USER.name, doc="What this user may do.")
    is_active: Mapped[bool] = mapped_column(server_default=text("true"), doc="Whether this user may log in.")

    posts: Mapped[list["Post"]] = relationship(
        back_populates="author", lazy="raise", passive_deletes="all", doc="The posts this user wrote."
    )
    comments: Mapped[list["Comment"]] = relationship(
        back_populates="author", lazy="raise", passive_deletes="all", doc="The comments this user wrote."
    )

    __table_args__ = (
        Index(None, "created_at", "id"),
        Index(None, "username_key", "id"),
        Index("ix_users_name_id", text("name NULLS FIRST"), "id"),
        CheckConstraint("role IN ('USER', 'EDITOR', 'ADMIN')", name="role"),
        OPTIONS,
    )


class PostTag(Base):
    """That a post has a tag.

    The foreign key brings along what a tag's posts are selected and ordered by, and keeps the copy true (ON
    UPDATE CASCADE), so that a page of any tag is a range of one index.
    """

    __tablename__ = "post_tags"

    post_id: Mapped[int]
    tag_id: Mapped[int] = mapped_column(ForeignKey("tags.id", ondelete="CASCADE"))
    post_created_at: Mapped[datetime]
    post_public_from: Mapped[datetime]

    __table_args__ = (
        PrimaryKeyConstraint("post_id", "tag_id"),
        ForeignKeyConstraint(
            ["post_id", "post_created_at", "post_public_from"],
            ["posts.id", "posts.created_at", "posts.public_from"],
            ondelete="CASCADE",
            onupdate="CASCADE",
        ),
        Index(None, "tag_id", "post_public_from", "post_id"),
        Index(None, "tag_id", "post_created_at", "post_id", **if_dated("post_public_from")),
    )


class Post(Versioned):
    """An article, written in Markdown."""

    __tablename__ = "posts"

    author_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(String(200), doc="The headline, as plain text.")
    slug: Mapped[str] = mapped_column(String(220), unique=True, doc="The name in addresses, unique.")
    body: Mapped[str] = mapped_column(doc="The text, in Markdown.")
    stored_status: Mapped[PostStatus] = mapped_column("status", server_default=PostStatus.DRAFT.name)
    published_at: Mapped[datetime | None] = mapped_column(
        doc="When this became public, or will; null when that was never decided."
    )
    public_from: Mapped[datetime] = mapped_column(
        Computed(f"CASE WHEN status = 'PUBLISHED' THEN published_at ELSE '{NEVER}' END", persisted=True),
        nullable=False,
        doc="From when on everybody may read this; NEVER for what is not published.",
    )
    view_count: Mapped[int] = mapped_column(Integer, server_default="0", doc="How often this was read.")
    attributes: Mapped[dict[str, Any]] = mapped_column(
        server_default=text("'{}'"), doc="Whatever else a front end keeps with the post, as a JSON object."
    )

    # The type, the filter and the policy all read this one definition of being public.
    status: Mapped[PostStatus] = column_property(
        case(
            (is_public(public_from), literal_column("'PUBLISHED'", _STATUS)),
            (stored_status == literal_column("'PUBLISHED'"), literal_column("'SCHEDULED'", _STATUS)),
            else_=stored_status,
        ),
        deferred=True,
        doc="Where the post stands.",
    )
    excerpt: Mapped[str] = column_property(
        func.substr(body, literal_column("1"), literal_column("280")),
        deferred=True,
        doc="The first 280 characters of the body.",
    )

    author: Mapped[User] = relationship(back_populates="posts", lazy="raise", doc="Who wrote this.")
    comments: Mapped[list["Comment"]] = relationship(
        back_populates="post",
        lazy="raise",
        passive_deletes="all",
        doc="What people say about this, oldest first.",
    )
    tags: Mapped[list["Tag"]] = relationship(
        secondary="post_tags",
        back_populates="posts",
        lazy="raise",
        passive_deletes=True,
        doc="What this is about.",
    )

    __table_args__ = (
        # The two unique constraints are what the foreign keys of comments and post_tags refer to, and in this
        # order of columns they also serve the connections.
        UniqueConstraint("public_from", "id"),
        UniqueConstraint("created_at", "id", "public_from"),
        Index(None, "author_id", "public_from", "id"),
        Index("ix_posts_public_created_at_id", "created_at", "id", **if_dated("public_from")),
        Index(
            "ix_posts_public_author_id_created_at_id",
            "author_id",
            "created_at",
            "id",
            **if_dated("public_from"),
        ),
        CheckConstraint("status IN ('DRAFT', 'PUBLISHED', 'ARCHIVED')", name="status"),
        CheckConstraint("status <> 'PUBLISHED' OR published_at IS NOT NULL", name="published_at"),
        CheckConstraint("length(body) <= 100000", name="body"),
        OPTIONS,
    )


def has_status(status: PostStatus) -> ColumnElement[bool]:
    """Whether a post has this status, told by `public_from` wherever that narrows the range of an index."""
    if status is PostStatus.PUBLISHED:
        return is_public(Post.public_from)
    if status is PostStatus.SCHEDULED:
        return and_(is_dated(Post.public_from), Post.public_from > now())
    stored = Post.stored_status == literal_column(f"'{status.name}'", _STATUS)
    return and_(stored, not_(is_dated(Post.public_from)))


class Comment(Versioned):
    """What somebody says about a post, or a reply to that.

    Where the author is gone the comment is a tombstone: it keeps the thread together and says nothing.
    """

    __tablename__ = "comments"

    post_id: Mapped[int]
    public_from: Mapped[datetime] = mapped_column(
        "post_public_from", doc="The post's `public_from`, kept true by the foreign key."
    )
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    parent_id: Mapped[int | None]
    text: Mapped[str] = mapped_column("body")
    deleted_at: Mapped[datetime | None] = mapped_column(doc="When this was deleted; null while it stands.")

    body: Mapped[str | None] = column_property(
        case((author_id.is_not(None), text)), deferred=True, doc="What was said; null once it was deleted."
    )

    post: Mapped[Post] = relationship(back_populates="comments", lazy="raise", doc="The post this is about.")
    author: Mapped[User | None] = relationship(
        back_populates="comments", lazy="raise", doc="Who said this; null once it was deleted."
    )
    # Only `parent_id` is this relationship's to write: the post is the same one by constraint.
    parent: Mapped["Comment | None"] = relationship(
        primaryjoin="foreign(Comment.parent_id) == remote(Comment.id)",
        back_populates="replies",
        lazy="raise",
        doc="The comment this replies to, if any.",
    )
    replies: Mapped[list["Comment"]] = relationship(
        primaryjoin="remote(foreign(Comment.parent_id)) == Comment.id",
        back_populates="parent",
        lazy="raise",
        passive_deletes="all",
        doc="What people reply, oldest first.",
    )

    __table_args__ = (
        ForeignKeyConstraint(
            ["post_id", "post_public_from"],
            ["posts.id", "posts.public_from"],
            ondelete="CASCADE",
            onupdate="CASCADE",
        ),
        UniqueConstraint("post_id", "id"),
        # A comment with replies cannot be deleted, only made a tombstone; all go when their post goes.
        ForeignKeyConstraint(["post_id", "parent_id"], ["comments.post_id", "comments.id"]),
        Index(None, "post_id", "created_at", "id"),
        Index(None, "parent_id", "created_at", "id"),
        Index(None, "author_id", "created_at", "id"),
        Index(
            "ix_comments_public_author_id_created_at_id",
            "author_id",
            "created_at",
            "id",
            **if_dated("post_public_from"),
        ),
        CheckConstraint("deleted_at IS NULL OR author_id IS NULL", name="tombstone"),
        OPTIONS,
    )


class Tag(Entity):
    """What posts are about."""

    __tablename__ = "tags"

    name: Mapped[str] = mapped_column(String(50), doc="The tag as people read it.")
    slug: Mapped[str] = mapped_column(String(64), unique=True, doc="The name in addresses, unique.")

    posts: Mapped[list[Post]] = relationship(
        secondary="post_tags",
        back_populates="tags",
        lazy="raise",
        passive_deletes=True,
        doc="The posts with this tag.",
    )

    __table_args__ = (Index(None, "name", "id"), OPTIONS)
