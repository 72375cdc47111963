"""accounts: sessions, tokens, idempotency keys; authors as a part of visibility.

Revision: 0002, after 0001
"""

import unicodedata

import sqlalchemy as sa
from alembic import op

import db.types

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_VERIFIED = sa.text("email_verified_at IS NOT NULL")
_DATED = sa.text("post_public_from < 'infinity'")
_CHILDREN = ("comments", "post_tags")


def upgrade() -> None:
    _users()
    _authors()
    _tags()
    _accounts()


def _users() -> None:
    with op.batch_alter_table("users") as users:
        users.add_column(sa.Column("email_verified_at", db.types.UtcDateTime(), nullable=True))
        users.drop_constraint("uq_users_email_key", type_="unique")
    # Until now an address was taken by whoever was there first.
    op.execute("UPDATE users SET email_verified_at = created_at")
    op.create_index(op.f("ix_users_email_key_id"), "users", ["email_key", "id"])
    op.create_index(
        "uq_users_email_key",
        "users",
        ["email_key"],
        unique=True,
        postgresql_where=_VERIFIED,
        sqlite_where=_VERIFIED,
    )


def _authors() -> None:
    """Let comments and post_tags bring along the post's author with its other copies."""
    with op.batch_alter_table("comments") as comments:
        comments.add_column(sa.Column("post_author_id", db.types.BigInt, nullable=True))
        comments.drop_constraint("fk_comments_post_id_post_public_from", type_="foreignkey")
    with op.batch_alter_table("post_tags") as post_tags:
        post_tags.add_column(sa.Column("post_author_id", db.types.BigInt, nullable=True))
        post_tags.drop_constraint("fk_post_tags_post_id_post_created_at_post_public_from", type_="foreignkey")
    with op.batch_alter_table("posts") as posts:
        posts.drop_constraint("uq_posts_public_from_id", type_="unique")
        posts.drop_constraint("uq_posts_created_at_id_public_from", type_="unique")
        posts.create_unique_constraint(
            op.f("uq_posts_public_from_id_author_id"), ["public_from", "id", "author_id"]
        )
        posts.create_unique_constraint(
            op.f("uq_posts_created_at_id_public_from_author_id"),
            ["created_at", "id", "public_from", "author_id"],
        )
        posts.create_index(op.f("ix_posts_author_id_created_at_id"), ["author_id", "created_at", "id"])
    for table in _CHILDREN:
        op.execute(
            f"UPDATE {table} SET post_author_id = "  # noqa: S608 # The names are our own.
            f"(SELECT author_id FROM posts WHERE posts.id = {table}.post_id)"
        )
    with op.batch_alter_table("comments") as comments:
        comments.alter_column("post_author_id", existing_type=db.types.BigInt, nullable=False)
        comments.create_foreign_key(
            op.f("fk_comments_post_id_post_public_from_post_author_id"),
            "posts",
            ["post_id", "post_public_from", "post_author_id"],
            ["id", "public_from", "author_id"],
            onupdate="CASCADE",
            ondelete="CASCADE",
        )
        comments.create_index(
            op.f("ix_comments_author_id_post_author_id_created_at_id"),
            ["author_id", "post_author_id", "created_at", "id"],
        )
    with op.batch_alter_table("post_tags") as post_tags:
        post_tags.alter_column("post_author_id", existing_type=db.types.BigInt, nullable=False)
        post_tags.create_foreign_key(
            "fk_post_tags_post",
            "posts",
            ["post_id", "post_created_at", "post_public_from", "post_author_id"],
            ["id", "created_at", "public_from", "author_id"],
            onupdate="CASCADE",
            ondelete="CASCADE",
        )
    op.drop_index("ix_post_tags_tag_id_post_created_at_post_id", "post_tags")
    for columns in (
        ["tag_id", "post_created_at", "post_id"],
        ["tag_id", "post_author_id", "post_public_from", "post_id"],
        ["tag_id", "post_author_id", "post_created_at", "post_id"],
    ):
        op.create_index(op.f(f"ix_post_tags_{'_'.join(columns)}"), "post_tags", columns)
    op.create_index(
        "ix_post_tags_public_tag_id_post_created_at_post_id",
        "post_tags",
        ["tag_id", "post_created_at", "post_id"],
        postgresql_where=_DATED,
        sqlite_where=_DATED,
    )


def _tags() -> None:
    with op.batch_alter_table("tags") as tags:
        tags.add_column(sa.Column("name_key", sa.String(length=100), nullable=True))
    table = sa.table("tags", sa.column("id"), sa.column("name"), sa.column("name_key"))
    connection = op.get_bind()
    taken: set[str] = set()
    for key, name in connection.execute(sa.select(table.c.id, table.c.name).order_by(table.c.id)).all():
        # Names had no rule: those that differ in case only stay two tags.
        folded = _fold(name) if _fold(name) not in taken else f"{_fold(name)} {key}"
        taken.add(folded)
        connection.execute(table.update().where(table.c.id == key).values(name_key=folded))
    with op.batch_alter_table("tags") as tags:
        tags.alter_column("name_key", existing_type=sa.String(length=100), nullable=False)
        tags.create_unique_constraint(op.f("uq_tags_name_key"), ["name_key"])


def _fold(text: str) -> str:
    """As it was done when this was written."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _accounts() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", db.types.BigInt, nullable=False),
        sa.Column("user_id", db.types.BigInt, nullable=False),
        sa.Column("user_agent", sa.String(length=200), nullable=False),
        sa.Column("created_at", db.types.UtcDateTime(), server_default=db.types.now(), nullable=False),
        sa.Column("last_used_at", db.types.UtcDateTime(), server_default=db.types.now(), nullable=False),
        sa.Column("expires_at", db.types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_sessions_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_sessions_user_id_created_at_id"), "sessions", ["user_id", "created_at", "id"])
    op.create_table(
        "refresh_tokens",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("session_id", db.types.BigInt, nullable=False),
        sa.Column("used_at", db.types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name=op.f("fk_refresh_tokens_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_refresh_tokens")),
    )
    op.create_index(op.f("ix_refresh_tokens_session_id"), "refresh_tokens", ["session_id"])
    op.create_table(
        "mailed_tokens",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", db.types.BigInt, nullable=False),
        sa.Column(
            "purpose",
            sa.Enum("RESET_PASSWORD", "VERIFY_EMAIL", name="purpose", native_enum=False, length=16),
            nullable=False,
        ),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("expires_at", db.types.UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "purpose IN ('RESET_PASSWORD', 'VERIFY_EMAIL')", name=op.f("ck_mailed_tokens_purpose")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_mailed_tokens_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_mailed_tokens")),
    )
    op.create_index(op.f("ix_mailed_tokens_user_id_purpose"), "mailed_tokens", ["user_id", "purpose"])
    op.create_table(
        "idempotency_keys",
        sa.Column("user_id", db.types.BigInt, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("mutation", sa.String(length=64), nullable=False),
        sa.Column("input_hash", sa.String(length=64), nullable=False),
        sa.Column("outcome", db.types.Json, nullable=True),
        sa.Column("created_at", db.types.UtcDateTime(), server_default=db.types.now(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_idempotency_keys_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(
        op.f("ix_idempotency_keys_user_id_created_at"), "idempotency_keys", ["user_id", "created_at"]
    )


def downgrade() -> None:
    for table in ("idempotency_keys", "mailed_tokens", "refresh_tokens", "sessions"):
        op.drop_table(table)
    with op.batch_alter_table("tags") as tags:
        tags.drop_constraint("uq_tags_name_key", type_="unique")
        tags.drop_column("name_key")
    _without_authors()
    op.drop_index("uq_users_email_key", "users")
    op.drop_index("ix_users_email_key_id", "users")
    # Of several who claim an address the one who confirmed it keeps it.
    op.execute(
        "UPDATE users SET email_key = email_key || ' ' || id WHERE email_verified_at IS NULL AND EXISTS "
        "(SELECT 1 FROM users AS others WHERE others.email_key = users.email_key AND others.id <> users.id)"
    )
    with op.batch_alter_table("users") as users:
        users.drop_column("email_verified_at")
        users.create_unique_constraint("uq_users_email_key", ["email_key"])


def _without_authors() -> None:
    for columns in (
        "public_tag_id_post_created_at_post_id",
        "tag_id_post_created_at_post_id",
        "tag_id_post_author_id_post_public_from_post_id",
        "tag_id_post_author_id_post_created_at_post_id",
    ):
        op.drop_index(f"ix_post_tags_{columns}", "post_tags")
    op.drop_index("ix_comments_author_id_post_author_id_created_at_id", "comments")
    with op.batch_alter_table("comments") as comments:
        comments.drop_constraint("fk_comments_post_id_post_public_from_post_author_id", type_="foreignkey")
        comments.drop_column("post_author_id")
    with op.batch_alter_table("post_tags") as post_tags:
        post_tags.drop_constraint("fk_post_tags_post", type_="foreignkey")
        post_tags.drop_column("post_author_id")
    with op.batch_alter_table("posts") as posts:
        posts.drop_index("ix_posts_author_id_created_at_id")
        posts.drop_constraint("uq_posts_public_from_id_author_id", type_="unique")
        posts.drop_constraint("uq_posts_created_at_id_public_from_author_id", type_="unique")
        posts.create_unique_constraint("uq_posts_public_from_id", ["public_from", "id"])
        posts.create_unique_constraint(
            "uq_posts_created_at_id_public_from", ["created_at", "id", "public_from"]
        )
    with op.batch_alter_table("comments") as comments:
        comments.create_foreign_key(
            "fk_comments_post_id_post_public_from",
            "posts",
            ["post_id", "post_public_from"],
            ["id", "public_from"],
            onupdate="CASCADE",
            ondelete="CASCADE",
        )
    with op.batch_alter_table("post_tags") as post_tags:
        post_tags.create_foreign_key(
            "fk_post_tags_post_id_post_created_at_post_public_from",
            "posts",
            ["post_id", "post_created_at", "post_public_from"],
            ["id", "created_at", "public_from"],
            onupdate="CASCADE",
            ondelete="CASCADE",
        )
    op.create_index(
        "ix_post_tags_tag_id_post_created_at_post_id",
        "post_tags",
        ["tag_id", "post_created_at", "post_id"],
        postgresql_where=_DATED,
        sqlite_where=_DATED,
    )
