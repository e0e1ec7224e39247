"""top-ups have invoices"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("credit_payment", sa.Column("is_invoiced", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute("UPDATE credit_payment SET is_invoiced = true WHERE state = 'paid'")  # those have receipts


def downgrade() -> None:
    op.drop_column("credit_payment", "is_invoiced")
