"""keys scopes and tools"""

import sqlalchemy as sa
from alembic import op

from app.core.db import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "installation",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("integration_id", sa.Uuid(), nullable=False),
        sa.Column("installed_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["integration_id"], ["integration.id"], name="fk_installation_integration_id"),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name="fk_installation_organisation_id"),
        sa.PrimaryKeyConstraint("organisation_id", "integration_id", name="pk_installation"),
    )
    op.create_table(
        "tool",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("integration_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("found", sa.Text(), nullable=False),
        sa.Column("found_digest", sa.String(length=64), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("sample_answer", sa.Text(), nullable=False),
        sa.Column("found_at", UtcDateTime(), nullable=False),
        sa.Column("approved_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["integration_id"], ["integration.id"], name="fk_tool_integration_id"),
        sa.PrimaryKeyConstraint("id", name="pk_tool"),
        sa.UniqueConstraint("integration_id", "name", name="uq_tool_integration_id_name"),
    )
    op.create_table(
        "tool_change",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("integration_id", sa.Uuid(), nullable=False),
        sa.Column("tool", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("decision", sa.String(length=10), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["integration_id"], ["integration.id"], name="fk_tool_change_integration_id"),
        sa.PrimaryKeyConstraint("id", name="pk_tool_change"),
    )
    op.create_index("ix_tool_change_integration_id", "tool_change", ["integration_id"])
    op.add_column("api_key", sa.Column("expires_at", UtcDateTime(), nullable=True))
    op.add_column("api_key", sa.Column("is_enabled", sa.Boolean(), server_default=sa.true(), nullable=False))
    op.add_column("api_key", sa.Column("networks", sa.JSON(), server_default="[]", nullable=False))
    op.add_column("api_key", sa.Column("scopes", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("integration", sa.Column("is_open", sa.Boolean(), server_default=sa.true(), nullable=False))
    op.add_column(
        "integration", sa.Column("credential_header", sa.String(length=80), server_default="", nullable=False)
    )
    op.add_column("integration", sa.Column("credential_sealed", sa.Text(), server_default="", nullable=False))
    op.add_column("integration", sa.Column("protocol_versions", sa.JSON(), server_default="[]", nullable=False))
    op.add_column("integration", sa.Column("server", sa.JSON(), server_default="{}", nullable=False))
    op.add_column("integration", sa.Column("checked_at", UtcDateTime(), nullable=True))
    op.add_column("integration", sa.Column("check_error", sa.String(length=300), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("integration", "check_error")
    op.drop_column("integration", "checked_at")
    op.drop_column("integration", "server")
    op.drop_column("integration", "protocol_versions")
    op.drop_column("integration", "credential_sealed")
    op.drop_column("integration", "credential_header")
    op.drop_column("integration", "is_open")
    op.drop_column("api_key", "scopes")
    op.drop_column("api_key", "networks")
    op.drop_column("api_key", "is_enabled")
    op.drop_column("api_key", "expires_at")
    op.drop_index("ix_tool_change_integration_id", table_name="tool_change")
    op.drop_table("tool_change")
    op.drop_table("tool")
    op.drop_table("installation")
