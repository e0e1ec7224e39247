"""Totals by status, duration and day come to databases that hold usage already, and none of it is lost on the way."""

import importlib
from datetime import timedelta
from uuid import UUID

import pytest
from alembic import util
from sqlalchemy import func, select, text
from sqlmodel import Session

from app.core import migrate
from app.metering import buckets, facets, models, totals
from app.metering.entry import Entry
from app.metering.ledger import DAY_PRICES, DAYS, FACETS, HOURS
from app.metering.ledger_connection import LedgerConnection
from app.plans import metrics
from app.plans.rating import Scheme
from tests.conftest import NOW
from tests.metering import charged
from tests.metering.recording import row

OWNER = UUID(int=1)
BEFORE = "0026"
MODULE = "0027_usage_by_status_and_day"
NEXT = "0036_totals_for_pages_and_bills"


@pytest.fixture
def used(engine):
    """Calls of two organisations that ended in several ways, over two days, priced by at most 500 bytes."""
    with Session(engine) as session:
        version_id = charged.price(session, {"bytes": Scheme(nanos=2)}, max_per_call={"bytes": 500}).id
    ends = [("ok", ""), ("ok", ""), ("tool_error", "unknown_tool"), ("timeout", "timeout"), ("cancelled", "reversal")]
    ledger = LedgerConnection(engine)
    ledger.write(
        [
            Entry(
                row(
                    organisation_id=UUID(int=1 + n % 2),
                    at=NOW + timedelta(hours=n % 3, days=n % 2),
                    status=ends[n % 5][0],
                    error_class=ends[n % 5][1],
                    duration_us=(n % 9) * 7_000 if n % 5 < 4 else 0,
                    upstream_us=n,
                    tokens_in=n,
                    units=(0, 1, 1, -1)[n % 4],
                    bytes_out=((1, 1, 1, -1)[n % 4]) * 40 * n,
                    price_version_id=version_id if n % 7 else None,
                    environment="test" if n % 11 == 0 else "live",
                )
            )
            for n in range(60)
        ]
    )
    ledger.discard()


def everything(engine, table):
    with engine.connect() as connection:
        return sorted(map(tuple, connection.execute(select(table))))


@pytest.mark.parametrize("step", [7, 50_000])
def test_hours_and_days_come_out_as_the_gateway_would_have_written_them(engine, used, monkeypatch, step):
    tables = (HOURS, DAYS, FACETS, DAY_PRICES)
    before = [everything(engine, table) for table in tables]
    migrate.downgrade(engine, BEFORE)
    load = util.load_python_file

    def loads(folder, name):
        module = load(folder, name)
        if name in (f"{MODULE}.py", f"{NEXT}.py"):
            module.STEP = step
        return module

    monkeypatch.setattr(util, "load_python_file", loads)

    migrate.upgrade(engine)

    assert all(before)
    assert [everything(engine, table) for table in tables] == before
    with engine.connect() as connection:
        assert list(totals.drifts(connection, OWNER)) == []


def test_what_hours_held_beyond_their_events_stays_to_the_last_unit(engine, used):
    migrate.downgrade(engine, BEFORE)
    with engine.begin() as connection:
        connection.execute(text("UPDATE usage_hour SET calls = calls + 3, amount_nanos = amount_nanos + 11"))
        sums = text("SELECT sum(calls), sum(amount_nanos), sum(bytes_out) FROM usage_hour")
        held = connection.execute(sums).one()

    migrate.upgrade(engine)

    with engine.connect() as connection:
        for table in (HOURS, DAYS):
            names = ("calls", "amount_nanos", "bytes_out")
            assert connection.execute(select(*[func.sum(table.c[name]) for name in names])).one() == held
        rest = connection.execute(select(HOURS).where(HOURS.c.status == "")).mappings().all()
    assert {(one["calls"], one["amount_nanos"], one["units"], one["error_class"]) for one in rest} == {(3, 11, 0, "")}


def test_an_empty_database_has_nothing_to_count(engine):
    migrate.downgrade(engine, BEFORE)

    migrate.upgrade(engine)

    assert everything(engine, HOURS) == everything(engine, FACETS) == everything(engine, DAY_PRICES) == []


def test_migration_and_code_agree_on_columns():
    migration, following = [importlib.import_module(f"migrations.versions.{name}") for name in (MODULE, NEXT)]

    assert (migration.BOUNDS_US, migration.BUCKETS) == (buckets.BOUNDS_US, buckets.NAMES)
    assert migration.SUMS == following.SUMS == models.SUMS
    assert following.BUCKETS == buckets.NAMES
    assert {facet.kind: facet.parts for facet in facets.FACETS} == following.SIDES
    assert tuple(following.CHARGED) == metrics.METRICS
