"""Bugs that other meters had: what is written in pieces, claimed too early, or counted in two places."""

import sqlite3
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select
from sqlmodel import Session

from app.core import db
from app.limits import leases
from app.limits.holds import CounterKey, Settlement
from app.limits.leases import RULES, Want
from app.limits.settling import COUNTERS, LEASES
from app.metering import idempotency
from app.metering.charging import CHARGES
from app.metering.entry import Answer, Entry
from app.metering.idempotency import CALLS
from app.metering.ledger import EVENTS, HOURS, MONTHS, reversal_of
from app.metering.ledger_connection import LedgerConnection
from app.plans import rating
from tests.conftest import NOW
from tests.metering.charged import TIERS, price
from tests.metering.recording import row

MONTH_AT = datetime(2026, 11, 1, tzinfo=UTC)
CEILING = 200
"""Of a call by TIERS."""


def a_cap(engine, most=10**6):
    """A cap on spending, and a gateway that holds all of it: (counter, gateway)."""
    gateway, key = uuid4(), CounterKey(uuid4(), uuid4(), MONTH_AT)
    names = {"name": "spend-month", "tool": "", "per": "", "measure": "spend", "period": "month", "set_by": "operator"}
    with engine.begin() as connection:
        connection.execute(insert(RULES), [{"id": key.rule_id, "most": most, "created_at": NOW, **names}])
        leases.register(connection, gateway, now=NOW)
        leases.acquire(connection, gateway, [Want(key, needs=(most,))], living=1, now=NOW)
    return key, gateway


def everything(engine):
    """All rows of all tables that an event changes."""
    with engine.connect() as connection:
        tables = (EVENTS, HOURS, MONTHS, CHARGES, COUNTERS, LEASES, CALLS)
        return {table.name: sorted(map(repr, connection.execute(select(table)))) for table in tables}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_b1_b2_a_crash_at_any_step_of_the_ledgers_transaction_leaves_nothing_and_a_retry_counts_once(
    engine, session, monkeypatch
):
    version, (key, gateway) = price(session), a_cap(engine)
    rows = [row(price_version_id=version.id, amount_nanos=CEILING, idempotency_digest="d" * 64), row()]
    this = idempotency.Try(rows[0]["key_id"], "d" * 64, "e" * 64, rows[0]["id"], gateway)
    idempotency.claim(session, this, longest=timedelta(hours=1), now=NOW)
    session.commit()
    before, opened = everything(engine), LedgerConnection._open

    def tried(step):
        """Written as a gateway does it that dies at this step of the database's; None for one that lives."""
        steps = iter(range(step or 0))

        def dying(connection):
            made = opened(connection)
            made.driver_connection.set_progress_handler(lambda: step is not None and next(steps, None) is None, 1)
            return made

        monkeypatch.setattr(LedgerConnection, "_open", dying)
        answer = Answer(rows[0]["id"], "d" * 64, 200, is_kept=True, result=b"{}")
        held = [Settlement(*key, gateway, CEILING, CEILING)]
        connection = LedgerConnection(engine)
        try:
            connection.write([Entry({**rows[0]}, settlements=held, answer=answer), Entry({**rows[1]})])
        except (sqlite3.OperationalError, sqlite3.IntegrityError):
            return False
        finally:
            connection.discard()
        return True

    step = 1
    while not tried(step):
        assert everything(engine) == before
        step += 37
    assert step > 400, "it was not interrupted in enough places"

    after = everything(engine)
    assert [len(after[name]) - len(before[name]) for name in ("usage_event", "usage_month", "usage_charge")] == [
        2,
        1,
        1,
    ]
    assert not tried(None), "a repeat is refused"
    assert everything(engine) == after


@settings(max_examples=15)
@given(st.lists(st.sampled_from(["call", "call", "free", "back"]), min_size=1, max_size=14), st.integers(1, 4))
def test_b22_what_caps_have_counted_is_what_the_ledger_says_at_any_moment(
    sqlite_template, tmp_path_factory, what, together
):
    path = tmp_path_factory.mktemp("caps") / "postern.db"
    path.write_bytes(sqlite_template.read_bytes())
    engine = db.create(f"sqlite:///{path}")
    with Session(engine, expire_on_commit=False) as session:
        version = price(session)
    (key, gateway), writer, calls = a_cap(engine), LedgerConnection(engine), []

    for at in range(0, len(what), together):
        group = []
        for kind in what[at : at + together]:
            units, amount = (0, 0) if kind == "free" else (1, CEILING)
            made = row(price_version_id=version.id, units=units, amount_nanos=amount)
            if kind == "back" and calls:
                group.append(Entry(reversal_of(calls.pop(), now=NOW), settlements=[Settlement(*key, gateway, 0, 0)]))
                continue
            group.append(Entry(made, settlements=[Settlement(*key, gateway, amount, amount)]))
            calls += [made] if units else []
        writer.write(group)

        with engine.connect() as connection:
            ledger = connection.execute(select(func.sum(EVENTS.c.amount_nanos))).scalar_one()
            units = connection.execute(select(func.sum(EVENTS.c.units))).scalar_one()
            counter = connection.execute(select(COUNTERS)).one()
            leased = connection.execute(select(func.sum(LEASES.c.held))).scalar_one()
        assert (counter.spent, counter.reserved) == (ledger, leased)
        assert ledger == rating.usage(units, TIERS)
    writer.discard()
    engine.dispose()
