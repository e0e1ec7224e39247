"""a ledger that proves itself"""

import sqlalchemy as sa
from alembic import op

from app.core.db import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

APPEND_ONLY = {
    "usage_event": "SELECT 1 FROM usage_event WHERE id = NEW.id",
    "sealed_event": "SELECT 1 FROM sealed_event WHERE organisation_id = NEW.organisation_id AND seq = NEW.seq "
    "UNION ALL SELECT 1 FROM sealed_event WHERE event_id = NEW.event_id",
    "usage_seal": "SELECT 1 FROM usage_seal WHERE organisation_id = NEW.organisation_id AND number = NEW.number",
    "price_version": "SELECT 1 FROM price_version WHERE id = NEW.id",
}
"""With what finds the row that a new one would replace."""


def upgrade() -> None:
    op.create_table(
        "idempotent_call",
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("request_digest", sa.String(length=64), nullable=False),
        sa.Column("claimed_at", UtcDateTime(), nullable=False),
        sa.Column("claimed_by", sa.Uuid(), nullable=False),
        sa.Column("receipt", sa.String(length=30), nullable=False),
        sa.Column("is_answered", sa.Boolean(), nullable=False),
        sa.Column("is_kept", sa.Boolean(), nullable=False),
        sa.Column("http_status", sa.Integer(), nullable=False),
        sa.Column("receipt_text", sa.Text(), nullable=False),
        sa.Column("result", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", "digest", name="pk_idempotent_call"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_idempotent_call_claimed_at", "idempotent_call", ["claimed_at"])
    op.create_table(
        "sealed_event",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.String(length=30), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "seq", name="pk_sealed_event"),
        sa.UniqueConstraint("event_id", name="uq_sealed_event_event_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "signing_key",
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("public", sa.String(length=64), nullable=False),
        sa.Column("private_sealed", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("retired_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_signing_key"),
    )
    op.create_table(
        "usage_month",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("month_at", UtcDateTime(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("amount_nanos", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "month_at", name="pk_usage_month"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "usage_seal",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.String(length=64), nullable=False),
        sa.Column("signing_key_id", sa.String(length=30), nullable=False),
        sa.Column("signature", sa.String(length=100), nullable=False),
        sa.Column("sealed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "number", name="pk_usage_seal"),
        sqlite_with_rowid=False,
    )
    op.add_column("attempt", sa.Column("detail", sa.String(length=300), server_default="", nullable=False))
    op.add_column("attempt", sa.Column("rule_id", sa.Uuid(), nullable=True))
    op.add_column("attempt", sa.Column("policy_version", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("usage_event", sa.Column("credential", sa.String(length=10), server_default="key", nullable=False))
    op.add_column("usage_event", sa.Column("environment", sa.String(length=4), server_default="live", nullable=False))
    op.add_column("usage_event", sa.Column("tool_version", sa.String(length=16), server_default="", nullable=False))
    op.add_column("usage_event", sa.Column("policy_version", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("usage_event", sa.Column("rules", sa.String(length=200), server_default="", nullable=False))
    op.add_column("usage_event", sa.Column("tokens_in", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("usage_event", sa.Column("tokens_out", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("usage_event", sa.Column("price_version_id", sa.Uuid(), nullable=True))
    op.add_column("usage_event", sa.Column("amount_nanos", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("usage_event", sa.Column("currency", sa.String(length=3), server_default="", nullable=False))
    op.add_column(
        "usage_event", sa.Column("idempotency_digest", sa.String(length=64), server_default="", nullable=False)
    )
    op.add_column("usage_hour", sa.Column("amount_nanos", sa.BigInteger(), server_default="0", nullable=False))
    _refuse_changes()


def _refuse_changes() -> None:
    """Rows are added and nothing else, whatever a query says."""
    if op.get_bind().dialect.name == "sqlite":
        for table, there in APPEND_ONLY.items():
            for change in ("update", "delete"):
                op.execute(
                    f"CREATE TRIGGER {table}_refuses_{change} BEFORE {change.upper()} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )
            # REPLACE deletes without asking the trigger for DELETE, unless a connection has recursive_triggers on.
            op.execute(
                f"CREATE TRIGGER {table}_refuses_replace BEFORE INSERT ON {table} "
                f"WHEN EXISTS ({there}) "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$"
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_refuses_change BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_refuses_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def _allow_changes() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for table in APPEND_ONLY:
        for change in ("update", "delete", "replace") if is_sqlite else ("change", "truncate"):
            op.execute(f"DROP TRIGGER {table}_refuses_{change}" + ("" if is_sqlite else f" ON {table}"))
    if not is_sqlite:
        op.execute("DROP FUNCTION refuse_change()")


def downgrade() -> None:
    _allow_changes()
    op.drop_column("usage_hour", "amount_nanos")
    op.drop_column("usage_event", "idempotency_digest")
    op.drop_column("usage_event", "currency")
    op.drop_column("usage_event", "amount_nanos")
    op.drop_column("usage_event", "price_version_id")
    op.drop_column("usage_event", "tokens_out")
    op.drop_column("usage_event", "tokens_in")
    op.drop_column("usage_event", "rules")
    op.drop_column("usage_event", "policy_version")
    op.drop_column("usage_event", "tool_version")
    op.drop_column("usage_event", "environment")
    op.drop_column("usage_event", "credential")
    op.drop_column("attempt", "policy_version")
    op.drop_column("attempt", "rule_id")
    op.drop_column("attempt", "detail")
    op.drop_table("usage_seal")
    op.drop_table("usage_month")
    op.drop_table("signing_key")
    op.drop_table("sealed_event")
    op.drop_index("ix_idempotent_call_claimed_at", table_name="idempotent_call")
    op.drop_table("idempotent_call")
