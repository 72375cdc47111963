"""trusted documents.

Revision: 0003, after 0002
"""

import sqlalchemy as sa
from alembic import op

import db.types

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "trusted_documents",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("added_at", db.types.UtcDateTime(), server_default=db.types.now(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_trusted_documents")),
    )
    op.create_table(
        "document_ids",
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["hash"],
            ["trusted_documents.hash"],
            name=op.f("fk_document_ids_hash"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document_ids")),
    )
    op.create_index(op.f("ix_document_ids_hash"), "document_ids", ["hash"])


def downgrade() -> None:
    for table in ("document_ids", "trusted_documents"):
        op.drop_table(table)
