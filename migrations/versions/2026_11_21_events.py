"""events: what happened, for subscriptions; what is scheduled, to be announced.

Revision: 0004, after 0003
"""

import sqlalchemy as sa
from alembic import op

import db.types
from db.events import transaction_id

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("id", db.types.BigInt, nullable=False),
        sa.Column("transaction_id", db.types.BigInt, server_default=transaction_id(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("post_id", db.types.BigInt, nullable=False),
        sa.Column("key", db.types.BigInt, nullable=False),
        sa.Column("created_at", db.types.UtcDateTime(), server_default=db.types.now(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('POST_PUBLISHED', 'POST_UPDATED', 'COMMENT_ADDED')", name=op.f("ck_events_kind")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_events_transaction_id_id"), "events", ["transaction_id", "id"])
    announcements = op.create_table(
        "announcements",
        sa.Column("post_id", db.types.BigInt, nullable=False),
        sa.Column("due_at", db.types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["post_id"], ["posts.id"], name=op.f("fk_announcements_post_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("post_id", name=op.f("pk_announcements")),
    )
    op.create_index(op.f("ix_announcements_due_at"), "announcements", ["due_at"])
    # What was scheduled before.
    moment = sa.column("published_at", db.types.UtcDateTime())
    posts = sa.table("posts", sa.column("id"), sa.column("status"), moment)
    due = sa.select(posts.c.id, moment).where(posts.c.status == "PUBLISHED", moment > db.types.now())
    op.execute(sa.insert(announcements).from_select(["post_id", "due_at"], due))


def downgrade() -> None:
    op.drop_table("announcements")
    op.drop_table("events")
