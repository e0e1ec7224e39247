"""Receipts say what the tightest cap on spending has left."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

from sqlmodel import Session

from app.core import clock
from app.limits.holds import Settlement
from app.limits.models import LimitCounter, LimitRule
from app.metering.entry import Entry
from app.metering.ledger_connection import LedgerConnection
from tests.metering.recording import row

MONTH = datetime(2026, 11, 1, tzinfo=UTC)
PROCESS = uuid4()


def counter(engine, measure, most):
    rule_id = uuid4()
    with Session(engine) as session:
        session.add(
            LimitRule(
                id=rule_id,
                name=measure,
                measure=measure,
                period="month",
                most=most,
                set_by="operator",
                created_at=clock.now(),
            )
        )
        session.flush()
        session.add(
            LimitCounter(rule_id=rule_id, subject_id=UUID(int=1), period_at=MONTH, most=most, spent=0, reserved=0)
        )
        session.commit()
    return Settlement(rule_id, UUID(int=1), MONTH, PROCESS, 0, 250)


def test_the_tightest_cap_is_what_is_told(engine):
    loose, tight = counter(engine, "spend", 10_000), counter(engine, "spend", 1_000)
    calls = counter(engine, "calls", 300)
    entries = [Entry(row(), settlements=[loose, tight, calls]), Entry(row(), settlements=[calls]), Entry(row())]
    for entry in entries:
        entry.is_owed = True
    connection = LedgerConnection(engine)

    connection.write(entries)
    connection.discard()

    assert [entry.left_nanos for entry in entries] == [750, None, None]
