"""the audit log by webhook"""

import sqlalchemy as sa
from alembic import op

from app.core.db import UtcDateTime

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("webhook_endpoint", sa.Column("audit_since", UtcDateTime(), nullable=True))
    op.add_column("webhook_endpoint", sa.Column("audit_place", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("webhook_endpoint", "audit_place")
    op.drop_column("webhook_endpoint", "audit_since")
