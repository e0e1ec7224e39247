"""organisations that change"""

import sqlalchemy as sa
from alembic import op

from app.core.db import UtcDateTime

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

NAMES = ("closes_at", "deleted_at")


def upgrade() -> None:
    op.add_column("organisation", sa.Column("billing_email", sa.String(length=254), nullable=False, server_default=""))
    for name in NAMES:
        op.add_column("organisation", sa.Column(name, UtcDateTime(), nullable=True))
    op.create_index("ix_organisation_closes_at", "organisation", ["closes_at"])
    op.add_column("membership", sa.Column("last_seen_at", UtcDateTime(), nullable=True))
    op.create_table(
        "former_slug",
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("until_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name="fk_former_slug_organisation_id_organisation"
        ),
        sa.PrimaryKeyConstraint("slug", name="pk_former_slug"),
    )
    op.create_index("ix_former_slug_organisation_id", "former_slug", ["organisation_id"])


def downgrade() -> None:
    op.drop_table("former_slug")
    op.drop_column("membership", "last_seen_at")
    op.drop_index("ix_organisation_closes_at", "organisation")
    for name in (*NAMES, "billing_email"):
        op.drop_column("organisation", name)
