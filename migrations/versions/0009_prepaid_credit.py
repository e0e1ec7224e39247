"""prepaid credit"""

import sqlalchemy as sa
from alembic import op

from app.core.db import UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

APPEND_ONLY = {
    "journal_group": "SELECT 1 FROM journal_group WHERE id = NEW.id "
    "UNION ALL SELECT 1 FROM journal_group WHERE reference = NEW.reference",
    "journal_entry": "SELECT 1 FROM journal_entry "
    "WHERE group_id = NEW.group_id AND account = NEW.account AND currency = NEW.currency",
}
"""With what finds the row that a new one would replace. As in 0004: rows are added and nothing else."""


def upgrade() -> None:
    op.create_table(
        "journal_group",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("reference", sa.String(length=300), nullable=False),
        sa.Column("words", sa.String(length=200), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name="fk_journal_group_organisation_id_organisation"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_journal_group"),
        sa.UniqueConstraint("reference", name="uq_journal_group_reference"),
    )
    op.create_index("ix_journal_group_organisation_id_at", "journal_group", ["organisation_id", "at"])
    op.create_table(
        "journal_entry",
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("account", sa.String(length=60), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("nanos", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["journal_group.id"], name="fk_journal_entry_group_id_journal_group"),
        sa.PrimaryKeyConstraint("group_id", "account", "currency", name="pk_journal_entry"),
    )
    op.create_table(
        "credit_grant",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("nanos", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("used_nanos", sa.BigInteger(), nullable=False),
        sa.Column("expired_nanos", sa.BigInteger(), nullable=False),
        sa.Column("voided_nanos", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(length=255), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "used_nanos >= 0 AND expired_nanos >= 0 AND voided_nanos >= 0",
            name=op.f("ck_credit_grant_not_negative"),
        ),
        sa.CheckConstraint(
            "used_nanos + expired_nanos + voided_nanos <= nanos", name=op.f("ck_credit_grant_not_beyond")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name="fk_credit_grant_organisation_id_organisation"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_credit_grant"),
        sa.UniqueConstraint("reference", name="uq_credit_grant_reference"),
    )
    op.create_index("ix_credit_grant_organisation_id_currency", "credit_grant", ["organisation_id", "currency"])
    op.create_index("ix_credit_grant_expires_at", "credit_grant", ["expires_at"])
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
    for table in reversed(APPEND_ONLY):
        for change in ("update", "delete", "replace") if _is_sqlite() else ("change", "truncate"):
            op.execute(f"DROP TRIGGER {table}_refuses_{change}" + ("" if _is_sqlite() else f" ON {table}"))
    for table in ("credit_grant", "journal_entry", "journal_group"):
        op.drop_table(table)


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"
