"""first tables.

Revision: 0001, after
"""

import sqlalchemy as sa
from alembic import op

import db.types

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tags",
        sa.Column("id", db.types.BigInt, nullable=False),
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tags")),
        sa.UniqueConstraint("slug", name=op.f("uq_tags_slug")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_tags_name_id"), "tags", ["name", "id"])

    op.create_table(
        "users",
        sa.Column("id", db.types.BigInt, nullable=False),
        sa.Column("username", sa.String(length=32), nullable=False),
        sa.Column("username_key", sa.String(length=64), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("email_key", sa.String(length=508), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=True),
        sa.Column("bio", sa.Text(), server_default="", nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column(
            "role",
            sa.Enum("USER", "EDITOR", "ADMIN", name="role", native_enum=False, length=16),
            server_default="USER",
            nullable=False,
        ),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("(true)"), nullable=False),
        sa.Column(
            "version",
            sa.Integer(),
            server_default="1",
            nullable=False,
        ),
        sa.Column(
            "created_at",
            db.types.UtcDateTime(),
            server_default=db.types.now(),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            db.types.UtcDateTime(),
            server_default=db.types.now(),
            nullable=False,
        ),
        sa.CheckConstraint("role IN ('USER', 'EDITOR', 'ADMIN')", name=op.f("ck_users_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email_key", name=op.f("uq_users_email_key")),
        sa.UniqueConstraint("username_key", name=op.f("uq_users_username_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_users_name_id"), "users", [sa.text("name NULLS FIRST"), "id"])
    op.create_index(op.f("ix_users_created_at_id"), "users", ["created_at", "id"])
    op.create_index(op.f("ix_users_username_key_id"), "users", ["username_key", "id"])

    op.create_table(
        "posts",
        sa.Column("id", db.types.BigInt, nullable=False),
        sa.Column("author_id", db.types.BigInt, nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("slug", sa.String(length=220), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "DRAFT", "SCHEDULED", "PUBLISHED", "ARCHIVED", name="poststatus", native_enum=False, length=16
            ),
            server_default="DRAFT",
            nullable=False,
        ),
        sa.Column("published_at", db.types.UtcDateTime(), nullable=True),
        sa.Column(
            "public_from",
            db.types.UtcDateTime(),
            sa.Computed(
                "CASE WHEN status = 'PUBLISHED' THEN published_at ELSE 'infinity' END", persisted=True
            ),
            nullable=False,
        ),
        sa.Column(
            "view_count",
            sa.Integer(),
            server_default="0",
            nullable=False,
        ),
        sa.Column("attributes", db.types.Json, server_default=sa.text("'{}'"), nullable=False),
        sa.Column(
            "version",
            sa.Integer(),
            server_default="1",
            nullable=False,
        ),
        sa.Column(
            "created_at",
            db.types.UtcDateTime(),
            server_default=db.types.now(),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            db.types.UtcDateTime(),
            server_default=db.types.now(),
            nullable=False,
        ),
        sa.CheckConstraint(
            "status <> 'PUBLISHED' OR published_at IS NOT NULL", name=op.f("ck_posts_published_at")
        ),
        sa.CheckConstraint("status IN ('DRAFT', 'PUBLISHED', 'ARCHIVED')", name=op.f("ck_posts_status")),
        sa.CheckConstraint("length(body) <= 100000", name=op.f("ck_posts_body")),
        sa.ForeignKeyConstraint(
            ["author_id"], ["users.id"], name=op.f("fk_posts_author_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_posts")),
        sa.UniqueConstraint(
            "created_at", "id", "public_from", name=op.f("uq_posts_created_at_id_public_from")
        ),
        sa.UniqueConstraint("public_from", "id", name=op.f("uq_posts_public_from_id")),
        sa.UniqueConstraint("slug", name=op.f("uq_posts_slug")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_posts_author_id_public_from_id"), "posts", ["author_id", "public_from", "id"])
    op.create_index(
        op.f("ix_posts_public_author_id_created_at_id"),
        "posts",
        ["author_id", "created_at", "id"],
        postgresql_where=sa.text("public_from < 'infinity'"),
        sqlite_where=sa.text("public_from < 'infinity'"),
    )
    op.create_index(
        op.f("ix_posts_public_created_at_id"),
        "posts",
        ["created_at", "id"],
        postgresql_where=sa.text("public_from < 'infinity'"),
        sqlite_where=sa.text("public_from < 'infinity'"),
    )

    op.create_table(
        "comments",
        sa.Column("id", db.types.BigInt, nullable=False),
        sa.Column("post_id", db.types.BigInt, nullable=False),
        sa.Column("post_public_from", db.types.UtcDateTime(), nullable=False),
        sa.Column("author_id", db.types.BigInt, nullable=True),
        sa.Column("parent_id", db.types.BigInt, nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("deleted_at", db.types.UtcDateTime(), nullable=True),
        sa.Column(
            "version",
            sa.Integer(),
            server_default="1",
            nullable=False,
        ),
        sa.Column(
            "created_at",
            db.types.UtcDateTime(),
            server_default=db.types.now(),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            db.types.UtcDateTime(),
            server_default=db.types.now(),
            nullable=False,
        ),
        sa.CheckConstraint("deleted_at IS NULL OR author_id IS NULL", name=op.f("ck_comments_tombstone")),
        sa.ForeignKeyConstraint(
            ["author_id"], ["users.id"], name=op.f("fk_comments_author_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["post_id", "parent_id"],
            ["comments.post_id", "comments.id"],
            name=op.f("fk_comments_post_id_parent_id"),
        ),
        sa.ForeignKeyConstraint(
            ["post_id", "post_public_from"],
            ["posts.id", "posts.public_from"],
            name=op.f("fk_comments_post_id_post_public_from"),
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comments")),
        sa.UniqueConstraint("post_id", "id", name=op.f("uq_comments_post_id_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_comments_author_id_created_at_id"), "comments", ["author_id", "created_at", "id"]
    )
    op.create_index(
        op.f("ix_comments_parent_id_created_at_id"), "comments", ["parent_id", "created_at", "id"]
    )
    op.create_index(op.f("ix_comments_post_id_created_at_id"), "comments", ["post_id", "created_at", "id"])
    op.create_index(
        op.f("ix_comments_public_author_id_created_at_id"),
        "comments",
        ["author_id", "created_at", "id"],
        postgresql_where=sa.text("post_public_from < 'infinity'"),
        sqlite_where=sa.text("post_public_from < 'infinity'"),
    )

    op.create_table(
        "post_tags",
        sa.Column("post_id", db.types.BigInt, nullable=False),
        sa.Column("tag_id", db.types.BigInt, nullable=False),
        sa.Column("post_created_at", db.types.UtcDateTime(), nullable=False),
        sa.Column("post_public_from", db.types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["post_id", "post_created_at", "post_public_from"],
            ["posts.id", "posts.created_at", "posts.public_from"],
            name=op.f("fk_post_tags_post_id_post_created_at_post_public_from"),
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tag_id"], ["tags.id"], name=op.f("fk_post_tags_tag_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("post_id", "tag_id", name=op.f("pk_post_tags")),
    )
    op.create_index(
        op.f("ix_post_tags_tag_id_post_created_at_post_id"),
        "post_tags",
        ["tag_id", "post_created_at", "post_id"],
        postgresql_where=sa.text("post_public_from < 'infinity'"),
        sqlite_where=sa.text("post_public_from < 'infinity'"),
    )
    op.create_index(
        op.f("ix_post_tags_tag_id_post_public_from_post_id"),
        "post_tags",
        ["tag_id", "post_public_from", "post_id"],
    )


def downgrade() -> None:
    for table in ("post_tags", "comments", "posts", "users", "tags"):
        op.drop_table(table)
