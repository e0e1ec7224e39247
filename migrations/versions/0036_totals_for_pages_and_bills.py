# ruff: noqa: S608  (the names in these statements are all written here)
"""totals of days from one side, and by what they are charged for

The first are made from the totals of days that there are, the second from events, in steps of so many.
"""

from uuid import UUID

import sqlalchemy as sa
from alembic import op

from app.core.db import UtcDateTime

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

STEP = 50_000
SUMS = (
    *("calls", "errors", "units", "duration_us", "upstream_us"),
    *("bytes_in", "bytes_out", "tokens_in", "tokens_out", "amount_nanos"),
)
BUCKETS = tuple(f"took_{number:02}" for number in range(26))
CHARGED = {
    "calls": "units",
    "tokens_in": "tokens_in",
    "tokens_out": "tokens_out",
    "bytes": "bytes_in + bytes_out",
    "milliseconds": "upstream_us / 1000",
}
"""Metric to how much of it an event was; both databases cut towards zero."""
FACET = ("organisation_id", "kind", "day_at", "key_id", "integration_id", "tool", "status", "error_class")
SIDES = {
    "end": ("status", "error_class"),
    "tool": ("integration_id", "tool"),
    "key": ("key_id",),
}
NOBODY = UUID(int=0)
PRICE = ("organisation_id", "day_at", "price_version_id", "key_id", "integration_id", "tool")
TYPES = {
    "kind": sa.String(4),
    "day_at": UtcDateTime(),
    "tool": sa.String(128),
    "status": sa.String(20),
    "error_class": sa.String(40),
}


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    if not is_sqlite:
        op.execute("SET LOCAL statement_timeout = 0")
    op.create_table(
        "usage_facet",
        *_sums(SUMS),
        *_place(FACET),
        *_sums(BUCKETS),
        sa.PrimaryKeyConstraint(*FACET, name="pk_usage_facet"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "usage_day_price",
        *_place(PRICE),
        *_sums(("lines", *CHARGED, "amount_nanos")),
        sa.PrimaryKeyConstraint(*PRICE, name="pk_usage_day_price"),
        sqlite_with_rowid=False,
    )
    for kind, parts in SIDES.items():
        _add_up_side(kind, parts, is_sqlite=is_sqlite)
    _add_up_prices(is_sqlite=is_sqlite)


def downgrade() -> None:
    op.drop_table("usage_day_price")
    op.drop_table("usage_facet")


def _sums(names: tuple[str, ...]) -> list[sa.Column]:
    return [sa.Column(name, sa.BigInteger(), server_default="0", nullable=False) for name in names]


def _place(names: tuple[str, ...]) -> list[sa.Column]:
    return [sa.Column(name, TYPES.get(name, sa.Uuid()), nullable=False) for name in names]


def _add_up_side(kind: str, parts: tuple[str, ...], *, is_sqlite: bool) -> None:
    nobody = f"'{NOBODY.hex}'" if is_sqlite else f"CAST('{NOBODY}' AS uuid)"
    sums, groups = (*SUMS, *BUCKETS), ("organisation_id", "day_at", *parts)
    told = [name if name in parts else nobody if name.endswith("_id") else "''" for name in FACET[3:]]
    op.execute(
        f"INSERT INTO usage_facet ({', '.join(FACET)}, {', '.join(sums)}) "
        f"SELECT organisation_id, '{kind}', day_at, {', '.join(told)}, {', '.join(f'sum({name})' for name in sums)} "
        f"FROM usage_day GROUP BY {', '.join(groups)}"
    )


def _add_up_prices(*, is_sqlite: bool) -> None:
    """By ranges of receipts, because a statement over all events would take all the room there is."""
    day = "strftime('%Y-%m-%d 00:00:00.000000', at)" if is_sqlite else "date_trunc('day', at, 'UTC')"
    bounds = _bounds()
    values = {metric: _billable(metric, actual, bounds) for metric, actual in CHARGED.items()}
    place = ", ".join(PRICE)
    groups = place.replace("day_at", day)
    names = ("lines", *values, "amount_nanos")
    sums = ["count(*)", *[f"sum({value})" for value in values.values()], "sum(amount_nanos)"]
    added = ", ".join(f"{name} = usage_day_price.{name} + excluded.{name}" for name in names)
    statement = sa.text(
        f"INSERT INTO usage_day_price ({place}, {', '.join(names)}) SELECT {groups}, {', '.join(sums)} "
        "FROM usage_event WHERE id > :after AND id <= :last AND price_version_id IS NOT NULL "
        f"AND environment = 'live' GROUP BY {groups} ON CONFLICT ({place}) DO UPDATE SET {added}"
    )
    for after, last in _steps():
        op.get_bind().execute(statement, {"after": after, "last": last})


def _bounds() -> dict[object, dict[str, int]]:
    """Price version, as the database keeps its id, to metric to the most that one call is charged for."""
    versions = sa.table("price_version", sa.column("id", sa.Uuid()), sa.column("max_per_call", sa.JSON()))
    statement = sa.select(sa.type_coerce(versions.c.id, sa.String), versions.c.max_per_call)
    return {str(version_id): most for version_id, most in op.get_bind().execute(statement) if most}


def _billable(metric: str, actual: str, bounds: dict[object, dict[str, int]]) -> str:
    cases = "".join(
        f" WHEN price_version_id = '{version_id}' AND {actual} > {most[metric]} THEN {most[metric]}"
        f" WHEN price_version_id = '{version_id}' AND {actual} < {-most[metric]} THEN {-most[metric]}"
        for version_id, most in bounds.items()
        if metric in most
    )
    return f"CASE WHEN units = 0 THEN 0{cases} ELSE {actual} END"


def _steps() -> list[tuple[str, str]]:
    """Ranges of receipts (after, up to) with about STEP events, in order."""
    found, after = [], ""
    statement = sa.text("SELECT id FROM usage_event WHERE id > :after ORDER BY id LIMIT 1 OFFSET :step")
    while (last := op.get_bind().execute(statement, {"after": after, "step": STEP - 1}).scalar()) is not None:
        found.append((after, last))
        after = last
    newest = op.get_bind().execute(sa.text("SELECT max(id) FROM usage_event")).scalar()
    return [*found, (after, newest)] if newest is not None and newest > after else found
