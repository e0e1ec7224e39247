"""caps and warnings"""

import sqlalchemy as sa
from alembic import op

from app.core.db import UtcDateTime

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("limit_rule", sa.Column("changed_at", UtcDateTime(), nullable=True))
    op.create_table(
        "alert_setting",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("thresholds", sa.JSON(), nullable=False),
        sa.Column("by_mail", sa.Boolean(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name="fk_alert_setting_organisation_id_organisation"
        ),
        sa.PrimaryKeyConstraint("organisation_id", name="pk_alert_setting"),
    )
    op.create_table(
        "limit_alert",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("threshold", sa.Integer(), nullable=False),
        sa.Column("words", sa.String(length=300), nullable=False),
        sa.Column("most", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.Column("is_told", sa.Boolean(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name="fk_limit_alert_organisation_id_organisation"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_limit_alert"),
        sa.UniqueConstraint("organisation_id", "key", name="uq_limit_alert_organisation_id_key"),
    )
    op.create_index("ix_limit_alert_organisation_id_at", "limit_alert", ["organisation_id", "at"])


def downgrade() -> None:
    for table in ("limit_alert", "alert_setting"):
        op.drop_table(table)
    op.drop_column("limit_rule", "changed_at")
