"""The database itself refuses to change or drop what the ledger holds."""

import asyncio
import sqlite3
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, select

from app.metering.entry import Entry
from app.metering.ledger_connection import LedgerConnection
from app.metering.models import UsageMonth
from app.metering.proof_models import Seal, SealedEvent
from tests.conftest import NOW
from tests.metering.recording import events_in, recording, row

CHANGES = [
    ("usage_event", "UPDATE usage_event SET units = 0"),
    ("usage_event", "DELETE FROM usage_event"),
    ("sealed_event", "UPDATE sealed_event SET seq = 2"),
    ("sealed_event", "DELETE FROM sealed_event"),
    ("usage_seal", "UPDATE usage_seal SET head = ''"),
    ("usage_seal", "DELETE FROM usage_seal"),
]


@pytest.fixture
def written(engine):
    said = row()

    async def write():
        async with recording(engine) as recorder:
            await recorder.record(said)

    asyncio.run(write())
    seal = Seal(number=1, first_seq=1, last_seq=1, head="0", signing_key_id="", signature="", sealed_at=NOW)
    seal.organisation_id = said["organisation_id"]
    with Session(engine) as session:
        session.add(SealedEvent(organisation_id=said["organisation_id"], seq=1, event_id=said["id"], hash="0"))
        session.add(seal)
        session.commit()


@pytest.mark.parametrize(("table", "change"), CHANGES, ids=[change for _, change in CHANGES])
def test_a_change_is_refused(engine, written, table, change):
    with engine.connect() as connection, pytest.raises(DBAPIError, match=f"{table} is append-only"):
        connection.execute(text(change))


@pytest.mark.parametrize("table", ["usage_event", "sealed_event", "usage_seal"])
def test_a_row_cannot_be_replaced(engine, written, table):
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection, pytest.raises(DBAPIError, match="is append-only"):
            connection.execute(text(f"TRUNCATE {table}"))
        return
    with engine.connect() as connection, pytest.raises(DBAPIError, match="is append-only"):
        connection.execute(text(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"))


@pytest.mark.parametrize(
    "replacement",
    [
        "usage_event SELECT * FROM usage_event",
        "sealed_event SELECT * FROM sealed_event",
        "sealed_event SELECT organisation_id, seq + 1, event_id, hash FROM sealed_event",
        "usage_seal SELECT * FROM usage_seal",
    ],
)
@pytest.mark.parametrize("way", ["INSERT OR REPLACE INTO", "REPLACE INTO"])
def test_no_other_program_can_replace_a_row_of_a_sqlite_file(engine, written, way, replacement):
    """A connection that Postern did not open, and which SQLite lets delete for REPLACE without asking triggers."""
    if engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL has no REPLACE")
    stranger = sqlite3.connect(engine.url.database)
    try:
        with pytest.raises(sqlite3.IntegrityError, match="is append-only"):
            stranger.execute(f"{way} {replacement}")
    finally:
        stranger.close()


def test_an_event_that_is_there_already_is_a_conflict(engine, written):
    """By which the recorder tells that an earlier try was committed after all."""
    ledger = LedgerConnection(engine)
    [there] = events_in(engine)
    try:
        with pytest.raises(Exception, match=r"append-only|duplicate key") as caught:
            ledger.write([Entry(row(id=there))])
    finally:
        ledger.discard()

    assert ledger.is_conflict(caught.value)
    assert not ledger.is_passing(caught.value)


async def test_months_move_with_their_events(engine):
    next_month = NOW.replace(day=1) + timedelta(days=31)
    rows = [row(), row(), row(units=0, amount_nanos=0), row(at=next_month), row(organisation_id=UUID(int=9))]

    async with recording(engine) as recorder:
        await asyncio.gather(*[recorder.record(one) for one in rows])

    with Session(engine) as session:
        months = {
            (month.organisation_id.int, month.month_at.month): (month.units, month.amount_nanos)
            for month in session.exec(select(UsageMonth))
        }
    price = 250_000_000
    assert months == {(1, 11): (2, 2 * price), (1, 12): (1, price), (9, 11): (1, price)}
