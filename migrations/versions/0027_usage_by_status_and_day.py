# ruff: noqa: S608  (the names in these statements are all written here)
"""usage by status, error class and duration, by hour and by day

Hours are counted anew from their events, in steps of so many events. What they held beyond that, because their events
are gone, stays what it was, with no status: every sum over hours is the same as before.
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import UtcDateTime

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

STEP = 50_000
FORMER = ("calls", "errors", "units", "duration_us", "bytes_in", "bytes_out", "amount_nanos")
SUMS = (
    *("calls", "errors", "units", "duration_us", "upstream_us"),
    *("bytes_in", "bytes_out", "tokens_in", "tokens_out", "amount_nanos"),
)
BOUNDS_US = (
    *(1_000, 1_600, 2_500, 4_000, 6_300),
    *(10_000, 16_000, 25_000, 40_000, 63_000),
    *(100_000, 160_000, 250_000, 400_000, 630_000),
    *(1_000_000, 1_600_000, 2_500_000, 4_000_000, 6_300_000),
    *(10_000_000, 16_000_000, 25_000_000, 40_000_000, 60_000_000),
)
BUCKETS = tuple(f"took_{number:02}" for number in range(len(BOUNDS_US) + 1))
WHERE = ("key_id", "integration_id", "tool")
ENDED = ("status", "error_class")
COLUMNS = (*SUMS, *BUCKETS)


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    if not is_sqlite:
        op.execute("SET LOCAL statement_timeout = 0")
        op.execute("ALTER TABLE usage_hour RENAME CONSTRAINT pk_usage_hour TO pk_usage_hour_former")
    op.rename_table("usage_hour", "usage_hour_former")
    _create("usage_hour", "hour_at")
    _create("usage_day", "day_at")
    _count_events(is_sqlite=is_sqlite)
    _keep_the_rest()
    _add_up_days(is_sqlite=is_sqlite)
    op.drop_table("usage_hour_former")


def downgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    if not is_sqlite:
        op.execute("SET LOCAL statement_timeout = 0")
        op.execute("ALTER TABLE usage_hour RENAME CONSTRAINT pk_usage_hour TO pk_usage_hour_later")
    op.rename_table("usage_hour", "usage_hour_later")
    op.create_table(
        "usage_hour",
        *_place("hour_at", WHERE),
        *[sa.Column(name, sa.BigInteger(), nullable=False) for name in FORMER[:-1]],
        sa.Column("amount_nanos", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "hour_at", *WHERE, name="pk_usage_hour"),
        sqlite_with_rowid=False,
    )
    place = ", ".join(("organisation_id", "hour_at", *WHERE))
    op.execute(
        f"INSERT INTO usage_hour ({place}, {', '.join(FORMER)}) "
        f"SELECT {place}, {', '.join(f'sum({name})' for name in FORMER)} FROM usage_hour_later GROUP BY {place}"
    )
    op.drop_table("usage_hour_later")
    op.drop_table("usage_day")


def _create(table: str, moment: str) -> None:
    op.create_table(
        table,
        *[sa.Column(name, sa.BigInteger(), server_default="0", nullable=False) for name in SUMS],
        *_place(moment, (*WHERE, *ENDED)),
        *[sa.Column(name, sa.BigInteger(), server_default="0", nullable=False) for name in BUCKETS],
        sa.PrimaryKeyConstraint("organisation_id", moment, *WHERE, *ENDED, name=f"pk_{table}"),
        sqlite_with_rowid=False,
    )


def _place(moment: str, names: tuple[str, ...]) -> list[sa.Column]:
    types = {"tool": sa.String(128), "status": sa.String(20), "error_class": sa.String(40)}
    return [
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column(moment, UtcDateTime(), nullable=False),
        *[sa.Column(name, types.get(name, sa.Uuid()), nullable=False) for name in names],
    ]


def _count_events(*, is_sqlite: bool) -> None:
    """By ranges of receipts, because a statement over all events would take all the room there is."""
    hour = "strftime('%Y-%m-%d %H:00:00.000000', at)" if is_sqlite else "date_trunc('hour', at, 'UTC')"
    bounds = zip((0, *BOUNDS_US), (*BOUNDS_US, None), strict=True)
    took = [
        f"sum(CASE WHEN duration_us > {lower}{f' AND duration_us <= {upper}' if upper else ''} THEN 1 ELSE 0 END)"
        for lower, upper in bounds
    ]
    sums = ["count(*)", "sum(CASE WHEN status = 'ok' THEN 0 ELSE 1 END)", *[f"sum({name})" for name in SUMS[2:]], *took]
    place = ", ".join((*WHERE, *ENDED))
    statement = sa.text(
        f"INSERT INTO usage_hour (organisation_id, hour_at, {place}, {', '.join(COLUMNS)}) "
        f"SELECT organisation_id, {hour}, {place}, {', '.join(sums)} FROM usage_event "
        f"WHERE id > :after AND id <= :last GROUP BY organisation_id, {hour}, {place} "
        + _adding("usage_hour", f"organisation_id, hour_at, {place}")
    )
    for after, last in _steps():
        op.get_bind().execute(statement, {"after": after, "last": last})


def _keep_the_rest() -> None:
    """What hours held that their events do not come to, by organisation."""
    place = ", ".join(("organisation_id", "hour_at", *WHERE))
    same = " AND ".join(f"n.{name} = f.{name}" for name in ("organisation_id", "hour_at", *WHERE))
    rest = {name: f"f.{name} - coalesce(n.{name}, 0)" for name in FORMER}
    statement = sa.text(
        f"INSERT INTO usage_hour ({place}, status, error_class, {', '.join(FORMER)}) "
        f"SELECT f.{place.replace(', ', ', f.')}, '', '', {', '.join(rest.values())} FROM usage_hour_former f "
        f"LEFT JOIN (SELECT {place}, {', '.join(f'sum({name}) AS {name}' for name in FORMER)} FROM usage_hour "
        f"WHERE organisation_id = :owner GROUP BY {place}) n ON {same} "
        f"WHERE f.organisation_id = :owner AND ({' OR '.join(f'{value} <> 0' for value in rest.values())})"
    )
    for owner in (
        op.get_bind().execute(sa.text("SELECT DISTINCT organisation_id FROM usage_hour_former")).scalars().all()
    ):
        op.get_bind().execute(statement, {"owner": owner})


def _add_up_days(*, is_sqlite: bool) -> None:
    day = "strftime('%Y-%m-%d 00:00:00.000000', hour_at)" if is_sqlite else "date_trunc('day', hour_at, 'UTC')"
    place = ", ".join((*WHERE, *ENDED))
    statement = sa.text(
        f"INSERT INTO usage_day (organisation_id, day_at, {place}, {', '.join(COLUMNS)}) "
        f"SELECT organisation_id, {day}, {place}, {', '.join(f'sum({name})' for name in COLUMNS)} FROM usage_hour "
        f"WHERE organisation_id = :owner GROUP BY organisation_id, {day}, {place}"
    )
    for owner in op.get_bind().execute(sa.text("SELECT DISTINCT organisation_id FROM usage_hour")).scalars().all():
        op.get_bind().execute(statement, {"owner": owner})


def _adding(table: str, place: str) -> str:
    return f"ON CONFLICT ({place}) DO UPDATE SET " + ", ".join(
        f"{name} = {table}.{name} + excluded.{name}" for name in COLUMNS
    )


def _steps() -> list[tuple[str, str]]:
    """Ranges of receipts (after, up to) with about STEP events, in order."""
    found, after = [], ""
    statement = sa.text("SELECT id FROM usage_event WHERE id > :after ORDER BY id LIMIT 1 OFFSET :step")
    while (last := op.get_bind().execute(statement, {"after": after, "step": STEP - 1}).scalar()) is not None:
        found.append((after, last))
        after = last
    newest = op.get_bind().execute(sa.text("SELECT max(id) FROM usage_event")).scalar()
    return [*found, (after, newest)] if newest is not None and newest > after else found
