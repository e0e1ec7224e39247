"""sign-in of their own"""

import sqlalchemy as sa
from alembic import op

from app.core.db import UtcDateTime

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

IS_PROVEN = sa.text("proven_at IS NOT NULL")


def upgrade() -> None:
    op.add_column("organisation", sa.Column("requires_sso", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "organisation_provider",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("client_id", sa.String(length=255), nullable=False),
        sa.Column("client_secret", sa.Text(), nullable=False),
        sa.Column("label", sa.String(length=60), nullable=False),
        sa.Column("default_role", sa.String(length=20), nullable=False),
        sa.Column("is_required", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("checked_at", UtcDateTime(), nullable=True),
        sa.Column("problem", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name="fk_organisation_provider_organisation_id_organisation"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_organisation_provider"),
        sa.UniqueConstraint("organisation_id", name="uq_organisation_provider_organisation_id"),
    )
    op.create_table(
        "organisation_domain",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=253), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("proven_at", UtcDateTime(), nullable=True),
        sa.Column("checked_at", UtcDateTime(), nullable=True),
        sa.Column("missing_since", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name="fk_organisation_domain_organisation_id_organisation"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_organisation_domain"),
        sa.UniqueConstraint("organisation_id", "name", name="uq_organisation_domain_organisation_id_name"),
    )
    op.create_index("ix_organisation_domain_checked_at", "organisation_domain", ["checked_at"])
    op.create_index(
        "ix_organisation_domain_proven",
        "organisation_domain",
        ["name"],
        unique=True,
        sqlite_where=IS_PROVEN,
        postgresql_where=IS_PROVEN,
    )


def downgrade() -> None:
    op.drop_table("organisation_domain")
    op.drop_table("organisation_provider")
    op.drop_column("organisation", "requires_sso")
