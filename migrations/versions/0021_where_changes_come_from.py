"""where changes come from"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

COLUMNS = (("actor_kind", 12), ("actor", 120), ("address", 45), ("client", 200))
INDEXES = {
    "ix_audit_entry_at_id": ["at", "id"],
    "ix_audit_entry_organisation_id_at_id": ["organisation_id", "at", "id"],
    "ix_audit_entry_organisation_id_action_at_id": ["organisation_id", "action", "at", "id"],
    "ix_audit_entry_person_id_at_id": ["person_id", "at", "id"],
    "ix_audit_entry_subject_id_at_id": ["subject_id", "at", "id"],
}
FORMER = {
    "ix_audit_entry_organisation_id_at": ["organisation_id", "at"],
    "ix_audit_entry_person_id": ["person_id"],
}


def upgrade() -> None:
    for name, length in COLUMNS:
        op.add_column("audit_entry", sa.Column(name, sa.String(length=length), server_default="", nullable=False))
    op.add_column("audit_entry", sa.Column("admin_key_id", sa.Uuid(), nullable=True))
    op.add_column("audit_link", sa.Column("form", sa.SmallInteger(), nullable=True))
    # A worker of the release before would seal new entries without where they came from: it has to wait for its
    # successor. Places given until now have no form, and keep it so.
    if _is_sqlite():
        op.execute(
            "CREATE TRIGGER audit_link_needs_form BEFORE INSERT ON audit_link WHEN NEW.form IS NULL "
            "BEGIN SELECT RAISE(ABORT, 'audit_link needs a form'); END"
        )
    else:
        op.execute(
            "CREATE FUNCTION refuse_without_form() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION '% needs a form', TG_TABLE_NAME; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_link_needs_form BEFORE INSERT ON audit_link FOR EACH ROW "
            "WHEN (NEW.form IS NULL) EXECUTE FUNCTION refuse_without_form()"
        )
    for name, columns in INDEXES.items():
        op.create_index(name, "audit_entry", columns)
    for name in FORMER:
        op.drop_index(name, "audit_entry")


def downgrade() -> None:
    for name, columns in FORMER.items():
        op.create_index(name, "audit_entry", columns)
    for name in INDEXES:
        op.drop_index(name, "audit_entry")
    if _is_sqlite():
        op.execute("DROP TRIGGER audit_link_needs_form")
    else:
        op.execute("DROP TRIGGER audit_link_needs_form ON audit_link")
        op.execute("DROP FUNCTION refuse_without_form()")
    op.drop_column("audit_link", "form")
    op.drop_column("audit_entry", "admin_key_id")
    for name, _length in reversed(COLUMNS):
        op.drop_column("audit_entry", name)


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"
