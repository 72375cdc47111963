"""The entities. A docstring and each `doc=` are also what the GraphQL schema says of them."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    Computed,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    and_,
    case,
    func,
    literal_column,
    not_,
    text,
    type_coerce,
)
from sqlalchemy.orm import Mapped, column_property, mapped_column, relationship, synonym

from db.associations import PostTag
from db.base import OPTIONS, Entity, Versioned, if_dated, is_dated, is_public
from db.enums import POST_STATUS, PostStatus, Role
from db.types import NEVER, now


class User(Versioned):
    """Somebody who writes posts or comments."""

    __tablename__ = "users"

    username: Mapped[str] = mapped_column(String(32), doc="The public handle, unique whatever its case.")
    username_key: Mapped[str] = mapped_column(String(64), unique=True, doc="`username`, folded.")
    email: Mapped[str] = mapped_column(
        String(254), doc="The address. Null for everybody but its owner and admins."
    )
    email_key: Mapped[str] = mapped_column(String(508), doc="`email`, folded.")
    email_verified_at: Mapped[datetime | None] = mapped_column(
        doc="When the owner of the address confirmed it; null for everybody but its owner and admins."
    )
    name: Mapped[str | None] = mapped_column(String(100), doc="The name to show, where one was given.")
    bio: Mapped[str] = mapped_column(server_default="", doc="A few lines about this person, as plain text.")
    password_hash: Mapped[str | None] = mapped_column(
        doc="An argon2id hash; null when no password can log in."
    )
    role: Mapped[Role] = mapped_column(server_default=Role.USER.name, doc="What this user may do.")
    is_active: Mapped[bool] = mapped_column(
        server_default=text("true"),
        doc="Whether this user may log in. Null for everybody but the user and admins.",
    )

    posts: Mapped[list["Post"]] = relationship(
        back_populates="author", lazy="raise", passive_deletes="all", doc="The posts this user wrote."
    )
    comments: Mapped[list["Comment"]] = relationship(
        back_populates="author", lazy="raise", passive_deletes="all", doc="The comments this user wrote."
    )
    sessions: Mapped[list["Session"]] = relationship(
        back_populates="user",
        lazy="raise",
        passive_deletes="all",
        doc="Where this user is logged in. Empty for everybody but the user.",
    )

    __table_args__ = (
        Index(None, "created_at", "id"),
        Index(None, "username_key", "id"),
        Index("ix_users_name_id", text("name NULLS FIRST"), "id"),
        Index(None, "email_key", "id"),
        # Whoever only claims an address keeps its owner from nothing.
        Index(
            "uq_users_email_key",
            "email_key",
            unique=True,
            postgresql_where=text("email_verified_at IS NOT NULL"),
            sqlite_where=text("email_verified_at IS NOT NULL"),
        ),
        CheckConstraint("role IN ('USER', 'EDITOR', 'ADMIN')", name="role"),
        OPTIONS,
    )


class Session(Entity):
    """A place where somebody is logged in, until they log out or do not come back for 30 days."""

    __tablename__ = "sessions"

    owner_id: Mapped[int] = mapped_column("user_id", ForeignKey("users.id", ondelete="CASCADE"))
    user_agent: Mapped[str] = mapped_column(String(200), doc="What the browser or program calls itself.")
    created_at: Mapped[datetime] = mapped_column(server_default=now(), doc="When the user logged in.")
    last_used_at: Mapped[datetime] = mapped_column(
        server_default=now(), doc="When its tokens were last renewed."
    )
    expires_at: Mapped[datetime] = mapped_column(doc="When it ends, unless its tokens are renewed before.")

    user: Mapped[User] = relationship(back_populates="sessions", lazy="raise", doc="Who is logged in.")

    __table_args__ = (Index(None, "user_id", "created_at", "id"), OPTIONS)


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
            (is_public(public_from), literal_column("'PUBLISHED'", POST_STATUS)),
            (stored_status == literal_column("'PUBLISHED'"), literal_column("'SCHEDULED'", POST_STATUS)),
            else_=stored_status,
        ),
        deferred=True,
        doc="Where the post stands.",
    )
    excerpt: Mapped[str] = column_property(
        func.substr(body, literal_column("1"), literal_column("280"), type_=Text()),
        deferred=True,
        doc="The first 280 characters of the body.",
    )

    owner_id = synonym("author_id")

    author: Mapped[User] = relationship(back_populates="posts", lazy="raise", doc="Who wrote this.")
    comments: Mapped[list["Comment"]] = relationship(
        back_populates="post",
        lazy="raise",
        passive_deletes="all",
        doc="What people say about this, oldest first.",
    )
    tags: Mapped[list["Tag"]] = relationship(
        secondary=PostTag.__table__,
        back_populates="posts",
        lazy="raise",
        passive_deletes=True,
        doc="What this is about.",
    )

    __table_args__ = (
        # The two unique constraints are what the foreign keys of comments and post_tags refer to, and in this
        # order of columns they also serve the connections.
        UniqueConstraint("public_from", "id", "author_id"),
        UniqueConstraint("created_at", "id", "public_from", "author_id"),
        Index(None, "author_id", "public_from", "id"),
        Index(None, "author_id", "created_at", "id"),
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
    stored = Post.stored_status == literal_column(f"'{status.name}'", POST_STATUS)
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
    owner_id: Mapped[int] = mapped_column(
        "post_author_id", doc="The post's author, kept true by the foreign key."
    )
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    parent_id: Mapped[int | None]
    text: Mapped[str] = mapped_column("body")
    deleted_at: Mapped[datetime | None] = mapped_column(doc="When this was deleted; null while it stands.")

    body: Mapped[str | None] = column_property(
        type_coerce(case((author_id.is_not(None), text)), Text()),
        deferred=True,
        doc="What was said; null once it was deleted.",
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
            ["post_id", "post_public_from", "post_author_id"],
            ["posts.id", "posts.public_from", "posts.author_id"],
            ondelete="CASCADE",
            onupdate="CASCADE",
        ),
        UniqueConstraint("post_id", "id"),
        # A comment with replies cannot be deleted, only made a tombstone; all go when their post goes.
        ForeignKeyConstraint(["post_id", "parent_id"], ["comments.post_id", "comments.id"]),
        Index(None, "post_id", "created_at", "id"),
        Index(None, "parent_id", "created_at", "id"),
        Index(None, "author_id", "created_at", "id"),
        Index(None, "author_id", "post_author_id", "created_at", "id"),
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
    name_key: Mapped[str] = mapped_column(String(100), unique=True, doc="`name`, folded.")
    slug: Mapped[str] = mapped_column(String(64), unique=True, doc="The name in addresses, unique.")

    posts: Mapped[list[Post]] = relationship(
        secondary=PostTag.__table__,
        back_populates="tags",
        lazy="raise",
        passive_deletes=True,
        doc="The posts with this tag.",
    )

    __table_args__ = (Index(None, "name", "id"), OPTIONS)
