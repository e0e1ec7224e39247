"""organisations that are stopped"""

import sqlalchemy as sa
from alembic import op

from app.core.db import UtcDateTime

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("organisation", sa.Column("stopped_at", UtcDateTime(), nullable=True))
    op.add_column("organisation", sa.Column("stopped_why", sa.String(length=12), nullable=False, server_default=""))
    op.add_column("organisation", sa.Column("stopped_words", sa.String(length=500), nullable=False, server_default=""))


def downgrade() -> None:
    for name in ("stopped_words", "stopped_why", "stopped_at"):
        op.drop_column("organisation", name)
