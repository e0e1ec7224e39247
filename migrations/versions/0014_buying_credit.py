"""buying credit"""

import sqlalchemy as sa
from alembic import op

from app.core.db import UtcDateTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

ONE_AT_A_TIME = sa.text("kind = 'automatic' AND state IN ('asked', 'processing')")


def upgrade() -> None:
    op.add_column("checkout", sa.Column("keeps_card", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "credit_payment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("mode", sa.String(length=4), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("payment_id", sa.String(length=255), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("asked_back_nanos", sa.BigInteger(), nullable=False),
        sa.Column("taken_back_nanos", sa.BigInteger(), nullable=False),
        sa.Column("returns", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("error", sa.String(length=300), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "amount > 0 AND 0 <= taken_back_nanos AND taken_back_nanos <= asked_back_nanos",
            name=op.f("ck_credit_payment_makes_sense"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name="fk_credit_payment_organisation_id_organisation"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_credit_payment"),
        sa.UniqueConstraint("payment_id", name="uq_credit_payment_payment_id"),
    )
    op.create_index("ix_credit_payment_organisation_id_created_at", "credit_payment", ["organisation_id", "created_at"])
    op.create_index("ix_credit_payment_state_due_at", "credit_payment", ["state", "due_at"])
    op.create_index(
        "uq_credit_payment_one_at_a_time",
        "credit_payment",
        ["organisation_id", "mode"],
        unique=True,
        sqlite_where=ONE_AT_A_TIME,
        postgresql_where=ONE_AT_A_TIME,
    )
    op.create_table(
        "auto_top_up",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("mode", sa.String(length=4), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("below", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("month_most", sa.BigInteger(), nullable=False),
        sa.Column("agreed_by", sa.Uuid(), nullable=True),
        sa.Column("agreed_at", UtcDateTime(), nullable=False),
        sa.Column("stopped_why", sa.String(length=300), nullable=False),
        sa.Column("stopped_card", sa.String(length=255), nullable=False),
        sa.Column("stopped_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name="fk_auto_top_up_organisation_id_organisation"
        ),
        sa.PrimaryKeyConstraint("organisation_id", "mode", name="pk_auto_top_up"),
    )


def downgrade() -> None:
    op.drop_table("auto_top_up")
    op.drop_table("credit_payment")
    with op.batch_alter_table("checkout") as batch:
        batch.drop_column("keeps_card")
