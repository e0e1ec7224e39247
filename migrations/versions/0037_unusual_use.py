"""unusual use"""

import sqlalchemy as sa
from alembic import op

from app.core.db import UtcDateTime

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "use_alert_setting",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("off", sa.JSON(), nullable=False),
        sa.Column("factor", sa.Integer(), nullable=False),
        sa.Column("rate_calls", sa.Integer(), nullable=False),
        sa.Column("error_percent", sa.Integer(), nullable=False),
        sa.Column("error_calls", sa.Integer(), nullable=False),
        sa.Column("silent_days", sa.Integer(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name="fk_use_alert_setting_organisation_id_organisation"
        ),
        sa.PrimaryKeyConstraint("organisation_id", name="pk_use_alert_setting"),
    )
    op.create_table(
        "use_alert",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("rule", sa.String(length=12), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("about", sa.String(length=150), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=True),
        sa.Column("place", sa.String(length=80), nullable=False),
        sa.Column("words", sa.String(length=400), nullable=False),
        sa.Column("began_at", UtcDateTime(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("why_ended", sa.String(length=80), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=True),
        sa.Column("seen_by_id", sa.Uuid(), nullable=True),
        sa.Column("is_told", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name="fk_use_alert_organisation_id_organisation"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_use_alert"),
        sa.UniqueConstraint("organisation_id", "key", name="uq_use_alert_organisation_id_key"),
    )
    op.create_index("ix_use_alert_organisation_id_at", "use_alert", ["organisation_id", "at"])
    op.create_index(
        "uq_use_alert_open",
        "use_alert",
        ["organisation_id", "rule", "about"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "known_place",
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("place", sa.String(length=80), nullable=False),
        sa.Column("first_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", "kind", "place", name="pk_known_place"),
    )


def downgrade() -> None:
    op.drop_table("known_place")
    op.drop_table("use_alert")
    op.drop_table("use_alert_setting")
