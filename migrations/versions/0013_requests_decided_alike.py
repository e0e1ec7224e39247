"""requests decided alike"""

import sqlalchemy as sa
from alembic import op

from app.core.db import UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "crowd",
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("name", sa.String(length=8), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("decision", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("http_status", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("key_id", sa.Uuid(), nullable=True),
        sa.Column("integration_id", sa.Uuid(), nullable=True),
        sa.Column("path", sa.String(length=200), nullable=False),
        sa.Column("method", sa.String(length=80), nullable=False),
        sa.Column("tool", sa.String(length=128), nullable=False),
        sa.Column("key_hint", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.String(length=300), nullable=False),
        sa.Column("rule_id", sa.Uuid(), nullable=True),
        sa.Column("rules", sa.String(length=200), nullable=False),
        sa.Column("policy_version", sa.BigInteger(), nullable=False),
        sa.Column("receipt", sa.String(length=30), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_crowd"),
    )
    op.create_index("ix_crowd_name", "crowd", ["name"])


def downgrade() -> None:
    op.drop_table("crowd")
