"""prices and limits"""

import sqlalchemy as sa
from alembic import op

from app.core.db import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "gateway_process",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gateway_process"),
    )
    op.create_index("ix_gateway_process_seen_at", "gateway_process", ["seen_at"])
    op.create_table(
        "limit_counter",
        sa.Column("rule_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("period_at", UtcDateTime(), nullable=False),
        sa.Column("most", sa.BigInteger(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("spent >= 0 AND reserved >= 0", name="ck_limit_counter_not_negative"),
        sa.PrimaryKeyConstraint("rule_id", "subject_id", "period_at", name="pk_limit_counter"),
    )
    op.create_table(
        "limit_lease",
        sa.Column("process_id", sa.Uuid(), nullable=False),
        sa.Column("rule_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("period_at", UtcDateTime(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("held >= 0", name="ck_limit_lease_not_negative"),
        sa.PrimaryKeyConstraint("process_id", "rule_id", "subject_id", "period_at", name="pk_limit_lease"),
    )
    op.create_table(
        "rate_share",
        sa.Column("process_id", sa.Uuid(), nullable=False),
        sa.Column("rule_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("window_at", UtcDateTime(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("process_id", "rule_id", "subject_id", "window_at", name="pk_rate_share"),
    )
    op.create_table(
        "price_version",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("integration_id", sa.Uuid(), nullable=False),
        sa.Column("tool", sa.String(length=128), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("nanos_per_unit", sa.BigInteger(), nullable=False),
        sa.Column("scheme", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("effective_at", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["integration_id"], ["integration.id"], name="fk_price_version_integration_id"),
        sa.PrimaryKeyConstraint("id", name="pk_price_version"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_price_version_place", "price_version", ["integration_id", "tool", "effective_at"])
    op.create_table(
        "limit_rule",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("key_id", sa.Uuid(), nullable=True),
        sa.Column("integration_id", sa.Uuid(), nullable=True),
        sa.Column("tool", sa.String(length=128), nullable=False),
        sa.Column("per", sa.String(length=12), nullable=False),
        sa.Column("measure", sa.String(length=10), nullable=False),
        sa.Column("period", sa.String(length=10), nullable=False),
        sa.Column("most", sa.BigInteger(), nullable=False),
        sa.Column("set_by", sa.String(length=12), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["integration_id"], ["integration.id"], name="fk_limit_rule_integration_id"),
        sa.ForeignKeyConstraint(["key_id"], ["api_key.id"], name="fk_limit_rule_key_id"),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name="fk_limit_rule_organisation_id"),
        sa.PrimaryKeyConstraint("id", name="pk_limit_rule"),
    )
    op.create_index("ix_limit_rule_key_id", "limit_rule", ["key_id"])
    op.create_index("ix_limit_rule_organisation_id", "limit_rule", ["organisation_id"])


def downgrade() -> None:
    op.drop_index("ix_limit_rule_organisation_id", table_name="limit_rule")
    op.drop_index("ix_limit_rule_key_id", table_name="limit_rule")
    op.drop_table("limit_rule")
    op.drop_index("ix_price_version_place", table_name="price_version")
    op.drop_table("price_version")
    op.drop_table("rate_share")
    op.drop_table("limit_lease")
    op.drop_table("limit_counter")
    op.drop_index("ix_gateway_process_seen_at", table_name="gateway_process")
    op.drop_table("gateway_process")
