"""plans"""

import sqlalchemy as sa
from alembic import op

from app.core.db import UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

OLD_COLUMNS = "id, integration_id, tool, currency, nanos_per_unit, scheme, digest, effective_at, created_at"
THERE = {
    "plan_version": "SELECT 1 FROM plan_version WHERE id = NEW.id "
    "UNION ALL SELECT 1 FROM plan_version WHERE plan_id = NEW.plan_id AND number = NEW.number",
    "price_version": "SELECT 1 FROM price_version WHERE id = NEW.id",
}
"""What finds the row that a new one would replace."""


def upgrade() -> None:
    op.create_table(
        "plan",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name="fk_plan_organisation_id"),
        sa.PrimaryKeyConstraint("id", name="pk_plan"),
        sa.UniqueConstraint("slug", name="uq_plan_slug"),
    )
    op.create_table(
        "plan_version",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("effective_at", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name="fk_plan_version_plan_id"),
        sa.PrimaryKeyConstraint("id", name="pk_plan_version"),
        sa.UniqueConstraint("plan_id", "number", name="uq_plan_version_plan_id_number"),
    )
    op.create_table(
        "subscription",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("plan_version_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("interval", sa.String(length=10), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("begins_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=True),
        sa.Column("anchor_at", UtcDateTime(), nullable=False),
        sa.Column("next_plan_version_id", sa.Uuid(), nullable=True),
        sa.Column("next_interval", sa.String(length=10), nullable=False),
        sa.Column("next_seats", sa.Integer(), nullable=False),
        sa.Column("next_at", UtcDateTime(), nullable=True),
        sa.Column("next_by", sa.String(length=10), nullable=False),
        sa.Column("cancel_reason", sa.String(length=500), nullable=False),
        sa.Column("limited_at", UtcDateTime(), nullable=True),
        sa.Column("stripe_id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("seats >= 0", name="ck_subscription_seats_not_negative"),
        sa.CheckConstraint("ends_at IS NULL OR ends_at >= begins_at", name="ck_subscription_ends_after_it_begins"),
        sa.ForeignKeyConstraint(
            ["next_plan_version_id"], ["plan_version.id"], name="fk_subscription_next_plan_version_id"
        ),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name="fk_subscription_organisation_id"),
        sa.ForeignKeyConstraint(["plan_version_id"], ["plan_version.id"], name="fk_subscription_plan_version_id"),
        sa.PrimaryKeyConstraint("id", name="pk_subscription"),
    )
    is_open = sa.text("ends_at IS NULL AND state <> 'incomplete'")
    op.create_index("ix_subscription_next_at", "subscription", ["next_at"])
    op.create_index(
        "ix_subscription_open",
        "subscription",
        ["organisation_id"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.create_index("ix_subscription_organisation_id_begins_at", "subscription", ["organisation_id", "begins_at"])
    op.create_index("ix_subscription_plan_version_id", "subscription", ["plan_version_id"])
    op.create_index("ix_subscription_stripe_id", "subscription", ["stripe_id"])
    op.create_table(
        "usage_charge",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("month_at", UtcDateTime(), nullable=False),
        sa.Column("price_version_id", sa.Uuid(), nullable=False),
        sa.Column("metric", sa.String(length=20), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "month_at", "price_version_id", "metric", name="pk_usage_charge"),
        sqlite_with_rowid=False,
    )
    if _is_sqlite():
        _rebuild_prices(with_plans=True)
    else:
        op.alter_column("price_version", "integration_id", nullable=True)
        for column in _plan_columns():
            op.add_column("price_version", column)
        op.create_foreign_key(
            "fk_price_version_plan_version_id", "price_version", "plan_version", ["plan_version_id"], ["id"]
        )
    op.create_index("ix_price_version_plan_version_id", "price_version", ["plan_version_id"])
    _refuse_changes("plan_version")


def downgrade() -> None:
    """Prices of plans go with their plans. What an event cost stays in the ledger."""
    op.drop_index("ix_price_version_plan_version_id", table_name="price_version")
    if _is_sqlite():
        _rebuild_prices(with_plans=False)
    else:
        op.execute("DROP TRIGGER price_version_refuses_change ON price_version")
        op.execute("DELETE FROM price_version WHERE plan_version_id IS NOT NULL")
        op.drop_constraint("fk_price_version_plan_version_id", "price_version", type_="foreignkey")
        for name in ("max_per_call", "components", "charge", "plan_version_id"):
            op.drop_column("price_version", name)
        op.alter_column("price_version", "integration_id", nullable=False)
        op.execute(
            "CREATE TRIGGER price_version_refuses_change BEFORE UPDATE OR DELETE ON price_version "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        for name in ("change", "truncate"):
            op.execute(f"DROP TRIGGER plan_version_refuses_{name} ON plan_version")
    op.drop_table("usage_charge")
    op.drop_table("subscription")
    op.drop_table("plan_version")
    op.drop_table("plan")


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _plan_columns() -> list[sa.Column]:
    return [
        sa.Column("plan_version_id", sa.Uuid(), nullable=True),
        sa.Column("charge", sa.String(length=40), server_default="", nullable=False),
        sa.Column("components", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("max_per_call", sa.JSON(), server_default="{}", nullable=False),
    ]


def _rebuild_prices(*, with_plans: bool) -> None:
    """SQLite cannot change a column: the table is made anew, its rows as they were, and its triggers again."""
    op.execute("ALTER TABLE price_version RENAME TO price_version_before")
    op.drop_index("ix_price_version_place", table_name="price_version_before")
    more = [
        *_plan_columns(),
        sa.ForeignKeyConstraint(["plan_version_id"], ["plan_version.id"], name="fk_price_version_plan_version_id"),
    ]
    op.create_table(
        "price_version",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("integration_id", sa.Uuid(), nullable=with_plans),
        sa.Column("tool", sa.String(length=128), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("nanos_per_unit", sa.BigInteger(), nullable=False),
        sa.Column("scheme", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("effective_at", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        *(more if with_plans else []),
        sa.ForeignKeyConstraint(["integration_id"], ["integration.id"], name="fk_price_version_integration_id"),
        sa.PrimaryKeyConstraint("id", name="pk_price_version"),
        sqlite_with_rowid=False,
    )
    kept = "" if with_plans else " WHERE plan_version_id IS NULL"
    copied = f"SELECT {OLD_COLUMNS} FROM price_version_before{kept}"  # noqa: S608  (our own names)
    op.execute(f"INSERT INTO price_version ({OLD_COLUMNS}) {copied}")
    op.drop_table("price_version_before")
    op.create_index("ix_price_version_place", "price_version", ["integration_id", "tool", "effective_at"])
    _refuse_changes("price_version")


def _refuse_changes(table: str) -> None:
    """As in 0004: rows are added and nothing else."""
    if not _is_sqlite():
        op.execute(
            f"CREATE TRIGGER {table}_refuses_change BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_refuses_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for change in ("update", "delete"):
        op.execute(
            f"CREATE TRIGGER {table}_refuses_{change} BEFORE {change.upper()} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )
    op.execute(
        f"CREATE TRIGGER {table}_refuses_replace BEFORE INSERT ON {table} WHEN EXISTS ({THERE[table]}) "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    )
