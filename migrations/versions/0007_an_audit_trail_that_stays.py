"""an audit trail that stays"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

APPEND_ONLY = {
    "audit_entry": "SELECT 1 FROM audit_entry WHERE id = NEW.id",
    "audit_link": "SELECT 1 FROM audit_link WHERE seq = NEW.seq "
    "UNION ALL SELECT 1 FROM audit_link WHERE entry_id = NEW.entry_id",
}
"""With what finds the row that a new one would replace. As in 0004: rows are added and nothing else."""


def upgrade() -> None:
    op.create_table(
        "audit_link",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("signing_key_id", sa.String(length=30), nullable=False),
        sa.Column("signature", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit_link"),
        sa.UniqueConstraint("entry_id", name="uq_audit_link_entry_id"),
        sqlite_with_rowid=False,
    )
    for table, there in APPEND_ONLY.items():
        if _is_sqlite():
            for change in ("update", "delete"):
                op.execute(
                    f"CREATE TRIGGER {table}_refuses_{change} BEFORE {change.upper()} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )
            op.execute(
                f"CREATE TRIGGER {table}_refuses_replace BEFORE INSERT ON {table} WHEN EXISTS ({there}) "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        else:
            op.execute(
                f"CREATE TRIGGER {table}_refuses_change BEFORE UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
            )
            op.execute(
                f"CREATE TRIGGER {table}_refuses_truncate BEFORE TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )


def downgrade() -> None:
    for table in APPEND_ONLY:
        for change in ("update", "delete", "replace") if _is_sqlite() else ("change", "truncate"):
            op.execute(f"DROP TRIGGER {table}_refuses_{change}" + ("" if _is_sqlite() else f" ON {table}"))
    op.drop_table("audit_link")


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"
