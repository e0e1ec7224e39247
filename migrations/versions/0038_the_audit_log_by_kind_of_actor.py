"""the audit log by kind of actor"""

from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

INDEX = "ix_audit_entry_organisation_id_actor_kind_at_id"


def upgrade() -> None:
    op.create_index(INDEX, "audit_entry", ["organisation_id", "actor_kind", "at", "id"])


def downgrade() -> None:
    op.drop_index(INDEX, "audit_entry")
