"""looking into the audit log"""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_audit_entry_organisation_id_person_id_at_id": ["organisation_id", "person_id", "at", "id"],
    "ix_audit_entry_organisation_id_subject_id_at_id": ["organisation_id", "subject_id", "at", "id"],
}
FORMER = {
    "ix_audit_entry_person_id_at_id": ["person_id", "at", "id"],
    "ix_audit_entry_subject_id_at_id": ["subject_id", "at", "id"],
}


def upgrade() -> None:
    for name, columns in INDEXES.items():
        op.create_index(name, "audit_entry", columns)
    for name in FORMER:
        op.drop_index(name, "audit_entry")


def downgrade() -> None:
    for name, columns in FORMER.items():
        op.create_index(name, "audit_entry", columns)
    for name in INDEXES:
        op.drop_index(name, "audit_entry")
