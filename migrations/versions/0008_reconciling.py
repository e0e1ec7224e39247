"""comparing the ledger with Stripe"""

import sqlalchemy as sa
from alembic import op

from app.core.db import UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("usage_cut", sa.Column("last_seq", sa.BigInteger(), server_default="0", nullable=False))
    op.create_table(
        "reconcile_run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("mode", sa.String(length=4), nullable=False),
        sa.Column("began_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("places", sa.Integer(), nullable=False),
        sa.Column("findings", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_reconcile_run"),
    )
    op.create_index("ix_reconcile_run_began_at", "reconcile_run", ["began_at"])
    op.create_table(
        "finding",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("mode", sa.String(length=4), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("ours", sa.BigInteger(), nullable=False),
        sa.Column("theirs", sa.BigInteger(), nullable=False),
        sa.Column("proposal", sa.String(length=300), nullable=False),
        sa.Column("month_at", UtcDateTime(), nullable=True),
        sa.Column("found_at", UtcDateTime(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_finding"),
        sa.UniqueConstraint(
            "mode", "organisation_id", "kind", "subject", name="uq_finding_mode_organisation_id_kind_subject"
        ),
    )
    op.create_index("ix_finding_ended_at_seen_at", "finding", ["ended_at", "seen_at"])
    op.create_table(
        "agreed",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("mode", sa.String(length=4), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "mode", name="pk_agreed"),
    )


def downgrade() -> None:
    op.drop_table("agreed")
    op.drop_index("ix_finding_ended_at_seen_at", table_name="finding")
    op.drop_table("finding")
    op.drop_index("ix_reconcile_run_began_at", table_name="reconcile_run")
    op.drop_table("reconcile_run")
    op.drop_column("usage_cut", "last_seq")
