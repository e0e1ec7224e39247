"""limits that slow or notify"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("limit_rule", sa.Column("action", sa.String(length=6), server_default="stop", nullable=False))


def downgrade() -> None:
    op.drop_column("limit_rule", "action")
