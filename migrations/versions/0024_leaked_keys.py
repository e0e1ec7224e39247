"""leaked keys"""

import sqlalchemy as sa
from alembic import op

from app.core.db import UtcDateTime

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "leak_policy",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("act", sa.String(length=12), nullable=False),
        sa.Column("chosen_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name="fk_leak_policy_organisation_id_organisation"
        ),
        sa.PrimaryKeyConstraint("organisation_id", name="pk_leak_policy"),
    )
    op.create_table(
        "leak_find",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("hint", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("url", sa.String(length=2048), nullable=False),
        sa.Column("place", sa.String(length=64), nullable=False),
        sa.Column("reporter", sa.String(length=12), nullable=False),
        sa.Column("did", sa.String(length=12), nullable=False),
        sa.Column("is_alarm", sa.Boolean(), nullable=False),
        sa.Column("found_at", UtcDateTime(), nullable=False),
        sa.Column("told_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name="fk_leak_find_organisation_id_organisation"
        ),
        sa.ForeignKeyConstraint(["key_id"], ["api_key.id"], name="fk_leak_find_key_id_api_key"),
        sa.PrimaryKeyConstraint("id", name="pk_leak_find"),
        sa.UniqueConstraint("key_id", "place", name="uq_leak_find_key_id_place"),
    )
    op.create_index("ix_leak_find_organisation_id_found_at", "leak_find", ["organisation_id", "found_at"])
    op.create_index("ix_leak_find_is_alarm_told_at", "leak_find", ["is_alarm", "told_at"])
    op.create_table(
        "leak_unknown",
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("source", name="pk_leak_unknown"),
    )
    op.create_table(
        "leak_signer",
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("pem", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_leak_signer"),
    )
    op.create_table(
        "leak_signer_list",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("url", sa.String(length=2048), nullable=False),
        sa.Column("etag", sa.String(length=200), nullable=False),
        sa.Column("tried_at", UtcDateTime(), nullable=True),
        sa.Column("fetched_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_leak_signer_list"),
    )
    op.create_table(
        "leak_drill",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("act", sa.String(length=12), nullable=False),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("dead_us", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name="fk_leak_drill_organisation_id_organisation"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_leak_drill"),
    )
    op.create_index("ix_leak_drill_organisation_id_at", "leak_drill", ["organisation_id", "at"])


def downgrade() -> None:
    for table in ("leak_drill", "leak_signer_list", "leak_signer", "leak_unknown", "leak_find", "leak_policy"):
        op.drop_table(table)
