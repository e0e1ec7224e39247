"""rotation and use of keys"""

import sqlalchemy as sa
from alembic import op

from app.core.db import UtcDateTime

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

TEXTS = {"service": 60, "disabled_reason": 12, "disabled_note": 200, "last_address": 45, "last_client": 80}
MOMENTS = ("rotated_at", "deleted_at")
PEOPLE = ("owner_id", "disabled_by_id")


def upgrade() -> None:
    for name in PEOPLE:
        op.add_column("api_key", sa.Column(name, sa.Uuid(), nullable=True))
    for name in MOMENTS:
        op.add_column("api_key", sa.Column(name, UtcDateTime(), nullable=True))
    for name, length in TEXTS.items():
        op.add_column("api_key", sa.Column(name, sa.String(length=length), server_default="", nullable=False))
    op.create_index("ix_api_key_owner_id", "api_key", ["owner_id"])
    op.execute("UPDATE api_key SET owner_id = created_by_id")
    op.create_table(
        "key_secret",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("prefix", sa.String(length=32), nullable=False),
        sa.Column("last_four", sa.String(length=4), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("replaced_at", UtcDateTime(), nullable=False),
        sa.Column("retires_at", UtcDateTime(), nullable=True),
        sa.Column("quiet_hours", sa.Integer(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["key_id"], ["api_key.id"], name="fk_key_secret_key_id_api_key"),
        sa.PrimaryKeyConstraint("id", name="pk_key_secret"),
        sa.UniqueConstraint("digest", name="uq_key_secret_digest"),
    )
    op.create_index("ix_key_secret_key_id", "key_secret", ["key_id"])
    op.create_index("ix_key_secret_prefix", "key_secret", ["prefix"])
    op.create_table(
        "key_policy",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("longest_days", sa.Integer(), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name="fk_key_policy_organisation_id_organisation"
        ),
        sa.PrimaryKeyConstraint("organisation_id", name="pk_key_policy"),
    )
    op.create_table(
        "secret_use",
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("used_on", sa.Date(), nullable=False),
        sa.Column("secret", sa.String(length=16), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.Column("address", sa.String(length=45), nullable=False),
        sa.Column("client", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint("key_id", "used_on", "secret", name="pk_secret_use"),
    )
    op.create_table(
        "key_sighting",
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("address", sa.String(length=45), nullable=False),
        sa.Column("client", sa.String(length=80), nullable=False),
        sa.Column("first_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", "address", "client", name="pk_key_sighting"),
    )
    op.create_index("ix_key_sighting_last_at", "key_sighting", ["last_at"])


def downgrade() -> None:
    for table in ("key_sighting", "secret_use", "key_policy", "key_secret"):
        op.drop_table(table)
    op.drop_index("ix_api_key_owner_id", "api_key")
    for name in (*TEXTS, *MOMENTS, *PEOPLE):
        op.drop_column("api_key", name)
