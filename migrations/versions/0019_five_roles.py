"""five roles"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE membership SET role = 'developer' WHERE role = 'member'")


def downgrade() -> None:
    op.execute("UPDATE membership SET role = 'member' WHERE role IN ('admin', 'developer', 'billing', 'viewer')")
