"""mail that is not wanted"""

import sqlalchemy as sa
from alembic import op

from app.core.db import UtcDateTime

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mail_refusal",
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("address", "kind", name="pk_mail_refusal"),
    )


def downgrade() -> None:
    op.drop_table("mail_refusal")
