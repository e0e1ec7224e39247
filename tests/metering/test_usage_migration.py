"""Totals by status, duration and day come to databases that hold usage already, and none of it is lost on the way."""

import importlib
from datetime import timedelta
from uuid import UUID

import pytest
from alembic import util
from sqlalchemy import func, select, text

from app.core import migrate
from app.metering import buckets, models, totals
from app.metering.entry import Entry
from app.metering.ledger import DAYS, HOURS
from app.metering.ledger_connection import LedgerConnection
from tests.conftest import NOW
from tests.metering.recording import row

OWNER = UUID(int=1)
BEFORE = "0026"
MODULE = "0027_usage_by_status_and_day"


@pytest.fixture
def used(engine):
    """Calls of two organisations that ended in several ways, over two days."""
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
    before = everything(engine, HOURS), everything(engine, DAYS)
    migrate.downgrade(engine, BEFORE)
    load = util.load_python_file

    def loads(folder, name):
        module = load(folder, name)
        if name == f"{MODULE}.py":
            module.STEP = step
        return module

    monkeypatch.setattr(util, "load_python_file", loads)

    migrate.upgrade(engine)

    assert (everything(engine, HOURS), everything(engine, DAYS)) == before
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

    assert everything(engine, HOURS) == []


def test_migration_and_code_agree_on_columns():
    migration = importlib.import_module(f"migrations.versions.{MODULE}")

    assert (migration.BOUNDS_US, migration.BUCKETS) == (buckets.BOUNDS_US, buckets.NAMES)
    assert migration.SUMS == models.SUMS
