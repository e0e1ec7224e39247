"""comparisons that broke off"""

import sqlalchemy as sa
from alembic import op

from app.core.db import UtcDateTime

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("reconcile_run", sa.Column("broke_off_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("reconcile_run", "broke_off_at")
