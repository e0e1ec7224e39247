"""moves to new plans"""

import sqlalchemy as sa
from alembic import op

from app.core.db import UtcDateTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "plan_move",
        sa.Column("plan_version_id", sa.Uuid(), nullable=False),
        sa.Column("notice_days", sa.Integer(), nullable=False),
        sa.Column("follow_at", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["plan_version_id"], ["plan_version.id"], name="fk_plan_move_plan_version_id_plan_version"
        ),
        sa.PrimaryKeyConstraint("plan_version_id", name="pk_plan_move"),
    )
    op.add_column("plan_version", sa.Column("source", sa.String(length=8), server_default="file", nullable=False))
    op.add_column("plan_version", sa.Column("person_id", sa.Uuid(), nullable=True))
    op.add_column("subscription", sa.Column("told_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("subscription", "told_at")
    op.drop_column("plan_version", "person_id")
    op.drop_column("plan_version", "source")
    op.drop_table("plan_move")
