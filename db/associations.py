"""Tables that stand between two entities."""

from datetime import datetime

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, PrimaryKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, if_dated


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
    post_author_id: Mapped[int]

    __table_args__ = (
        PrimaryKeyConstraint("post_id", "tag_id"),
        ForeignKeyConstraint(
            ["post_id", "post_created_at", "post_public_from", "post_author_id"],
            ["posts.id", "posts.created_at", "posts.public_from", "posts.author_id"],
            ondelete="CASCADE",
            onupdate="CASCADE",
            name="fk_post_tags_post",
        ),
        Index(None, "tag_id", "post_public_from", "post_id"),
        Index(None, "tag_id", "post_created_at", "post_id"),
        Index(
            "ix_post_tags_public_tag_id_post_created_at_post_id",
            "tag_id",
            "post_created_at",
            "post_id",
            **if_dated("post_public_from"),
        ),
        Index(None, "tag_id", "post_author_id", "post_public_from", "post_id"),
        Index(None, "tag_id", "post_author_id", "post_created_at", "post_id"),
    )
