"""what is not paid for"""

import sqlalchemy as sa
from alembic import op

from app.core.db import UtcDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

COLUMNS = ("owes_since", "stopped_at")


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("subscription", sa.Column(name, UtcDateTime(), nullable=True))


def downgrade() -> None:
    for name in reversed(COLUMNS):
        op.drop_column("subscription", name)
