"""credit notes"""

import sqlalchemy as sa
from alembic import op

from app.core.db import UtcDateTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "credit_note",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("mode", sa.String(length=4), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.String(length=255), nullable=False),
        sa.Column("number", sa.String(length=60), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.Column("to_balance", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("words", sa.String(length=500), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("pdf_url", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "amount > 0 AND refunded >= 0 AND to_balance >= 0", name=op.f("ck_credit_note_not_negative")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name="fk_credit_note_organisation_id_organisation"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_credit_note"),
    )
    op.create_index("ix_credit_note_organisation_id", "credit_note", ["organisation_id"])
    op.create_index("ix_credit_note_invoice_id", "credit_note", ["invoice_id"])


def downgrade() -> None:
    op.drop_table("credit_note")
