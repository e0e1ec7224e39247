"""`verify` finds whatever was changed behind the ledger's back, and nothing where nothing was."""

import asyncio
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from app.core import clock
from app.core.vault import Vault
from app.metering import chain, issuing, models, proving, sealing, signing
from app.metering.ledger import EventRow
from app.metering.models import UsageEvent
from app.metering.proof_models import SealedEvent
from tests.conftest import NOW
from tests.metering import snapshot
from tests.metering.recording import recording, row

OTHER = UUID(int=9)
VAULT = Vault(["x" * 32])


def calls():
    """Six calls of one organisation and two of another, in two hours and two months."""
    later = NOW + timedelta(hours=1)
    next_month = NOW + timedelta(days=20)
    mine = [row(), row(status="tool_error"), row(at=later), row(tool="seärch", units=0), row(at=next_month), row()]
    return [*mine, row(organisation_id=OTHER), row(organisation_id=OTHER, price_version_id=UUID(int=4))]


def write(engine, rows):
    async def recorded():
        async with recording(engine) as recorder:
            for one in rows:
                await recorder.record(one)

    asyncio.run(recorded())


def seal(engine, sealer=None):
    sealer = sealer or sealing.Sealer()
    with Session(engine) as session:
        sealed = 0
        while count := sealer.run(session, VAULT, now=clock.now()):
            session.commit()
            sealed += count
        return sealed


@pytest.fixture(scope="module")
def snapshots():
    """By kind of database: the rows of the ledger that was sealed in it first, and what puts it back."""
    return {}


@pytest.fixture
def sealed(engine, snapshots):
    """A ledger in two seals, and its rows."""
    if engine.name in snapshots:
        rows, put_back = snapshots[engine.name]
        put_back(engine)
        return rows
    rows = calls()
    write(engine, rows[:4])
    seal(engine)
    write(engine, rows[4:])
    seal(engine)
    snapshots[engine.name] = rows, snapshot.taken(engine)
    return rows


def findings(engine, *, unsealed_before=None):
    with proving.reading(engine) as connection:
        return list(proving.everything_wrong(connection, unsealed_before=unsealed_before or clock.now()))


@contextmanager
def unguarded(engine):
    """A connection of somebody who can do everything: triggers do not stop them."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            triggers = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
            for name in triggers:
                connection.execute(text(f"DROP TRIGGER {name}"))
        else:
            connection.execute(text("SET session_replication_role = replica"))
        yield connection
        connection.commit()


def tamper(engine, *statements, **values):
    with unguarded(engine) as connection:
        for statement in statements:
            connection.execute(text(statement), values)
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET session_replication_role = origin"))


def test_a_sound_ledger_has_nothing_wrong(engine, sealed):
    assert findings(engine) == []
    assert findings(engine) == []


def test_every_column_is_in_the_chain():
    assert set(chain.COLUMNS) == set(EventRow.__annotations__) == set(UsageEvent.__table__.columns.keys())


TEXTS = [name for name in chain.COLUMNS if EventRow.__annotations__[name] is str and name != "id"]
NUMBERS = [name for name in chain.COLUMNS if EventRow.__annotations__[name] is int]
IDS = ["organisation_id", "key_id", "integration_id", "price_version_id"]


@pytest.mark.parametrize(
    "change",
    [f"{name} = 'X' || substr({name}, 2)" for name in TEXTS]
    + [f"{name} = {name} + {by}" for name in NUMBERS for by in (1, -1)]
    + [f"{name} = '{UUID(int=77)}'" for name in IDS]
    + ["at = '2026-11-22 14:03:22.000001'"],
)
def test_a_change_of_any_column_of_an_event_is_found(engine, sealed, change):
    if engine.dialect.name == "sqlite":
        change = change.replace(str(UUID(int=77)), UUID(int=77).hex)
    victim = sealed[3]["id"]

    tamper(engine, f"UPDATE usage_event SET {change} WHERE id = :id", id=victim)

    assert any(victim in finding.what or "of the chain" in finding.what for finding in findings(engine))


@pytest.mark.parametrize("place", range(6))
def test_a_dropped_event_is_found_with_its_receipt(engine, sealed, place):
    tamper(engine, "DELETE FROM usage_event WHERE id = :id", id=sealed[place]["id"])

    found = [finding.what for finding in findings(engine)]

    assert f"{sealed[place]['id']}: the event was dropped" in found
    assert any("total" in words for words in found)


@pytest.mark.parametrize("place", range(6))
def test_an_event_dropped_with_its_link_is_found(engine, sealed, place):
    tamper(
        engine,
        "DELETE FROM usage_event WHERE id = :id",
        "DELETE FROM sealed_event WHERE event_id = :id",
        id=sealed[place]["id"],
    )

    assert any("chain" in finding.what for finding in findings(engine))


def test_events_that_changed_places_are_found(engine, sealed):
    first, second = sealed[0]["id"], sealed[1]["id"]

    tamper(
        engine,
        "UPDATE sealed_event SET event_id = 'x' WHERE event_id = :first",
        "UPDATE sealed_event SET event_id = :first WHERE event_id = :second",
        "UPDATE sealed_event SET event_id = :second WHERE event_id = 'x'",
        first=first,
        second=second,
    )

    found = [finding.what for finding in findings(engine)]
    assert any(words.startswith(first) for words in found)
    assert any(words.startswith(second) for words in found)


def test_a_cut_off_tail_is_found(engine, sealed):
    mine = "organisation_id = (SELECT organisation_id FROM sealed_event WHERE event_id = :id) AND seq > 4"

    tamper(
        engine,
        f"DELETE FROM usage_event WHERE id IN (SELECT event_id FROM sealed_event WHERE {mine})",
        f"DELETE FROM sealed_event WHERE {mine}",
        id=sealed[0]["id"],
    )

    assert any("the chain ends at 4, but seal 2 goes to 6" in finding.what for finding in findings(engine))


def test_a_tail_cut_off_with_its_seal_is_found_by_the_totals(engine, sealed):
    tamper(
        engine,
        "DELETE FROM usage_event WHERE id IN (SELECT event_id FROM sealed_event WHERE seq > 4)",
        "DELETE FROM sealed_event WHERE seq > 4",
        "DELETE FROM usage_seal WHERE number = 2 AND first_seq > 4",
    )

    assert any("total" in finding.what for finding in findings(engine))


def test_a_whole_chain_made_anew_without_the_key_is_found(engine, sealed):
    """Somebody changes an event and all links after it, but cannot sign."""
    tamper(engine, "UPDATE usage_event SET units = 5 WHERE id = :id", id=sealed[4]["id"])
    with Session(engine) as session:
        links = session.exec(select(SealedEvent).where(SealedEvent.organisation_id == UUID(int=1))).all()
        events = {event.id: event for event in session.exec(select(UsageEvent))}
    head = chain.genesis(UUID(int=1))
    changes = []
    for one in sorted(links, key=lambda one: one.seq):
        head = chain.link(head, issuing.row_of(events[one.event_id]))
        changes.append((one.event_id, head.hex()))
    for event_id, digest in changes:
        tamper(engine, "UPDATE sealed_event SET hash = :hash WHERE event_id = :id", hash=digest, id=event_id)

    assert any("made over another chain" in finding.what for finding in findings(engine))


@pytest.mark.parametrize(
    "change",
    [
        "number = number + 10",
        "first_seq = first_seq + 1",
        "last_seq = last_seq - 1",
        "head = 'gg' || substr(head, 3)",
        "signing_key_id = 'other'",
        "signature = 'A' || substr(signature, 1)",
        "sealed_at = '2026-01-01 00:00:00.000000'",
    ],
)
def test_a_changed_seal_is_found(engine, sealed, change):
    tamper(engine, f"UPDATE usage_seal SET {change} WHERE number = 2")

    assert any("seal" in finding.what for finding in findings(engine))


def test_an_event_put_in_later_is_found(engine, sealed):
    write(engine, [row()])

    [found] = findings(engine, unsealed_before=clock.now() + timedelta(minutes=1))

    assert "no place in the chain" in found.what
    assert findings(engine, unsealed_before=NOW - timedelta(days=1)) == []


SUMS = [
    *[("hour", name) for name in (*models.SUMS, "took_00", "took_25")],
    *[("day", "amount_nanos"), ("facet", "took_25"), ("day_price", "bytes")],
    *[("month", "units"), ("month", "amount_nanos")],
]


@pytest.mark.parametrize(("table", "column"), SUMS)
@pytest.mark.parametrize("by", [1, -1])
def test_a_total_that_drifts_by_one_is_found(engine, sealed, table, column, by):
    one = f"(SELECT min({column}) FROM usage_{table})"
    tamper(engine, f"UPDATE usage_{table} SET {column} = {column} + {by} WHERE {column} = {one}")

    found = findings(engine)

    assert found
    assert all("total" in finding.what for finding in found)
    assert findings(engine) == found


@pytest.mark.parametrize("table", ["usage_hour", "usage_day", "usage_facet", "usage_day_price", "usage_month"])
def test_totals_without_events_and_events_without_totals_are_found(engine, sealed, table):
    at = "day_at" if table == "usage_facet" else f"{table.split('_')[1]}_at"
    most = f"(SELECT max(amount_nanos) FROM {table})"
    tamper(engine, f"UPDATE {table} SET {at} = '2020-01-01 00:00:00.000000' WHERE amount_nanos = {most}")

    assert len(findings(engine)) >= 2


def test_several_workers_seal_each_event_once(engine):
    rows = [row() for _ in range(30)]
    write(engine, rows)
    first, second = sealing.Sealer(), sealing.Sealer()

    assert seal(engine, first) + seal(engine, second) == 30
    assert seal(engine, first) == 0
    assert findings(engine) == []


def test_what_comes_late_is_sealed_all_the_same(engine):
    """A call that ran for an hour has an old receipt; what waited on a disk for a week has an older one."""
    sealer = sealing.Sealer()
    write(engine, [row()])
    assert seal(engine, sealer) == 1
    sealer._looked_at = {}

    write(engine, [row(id="rcp_0" + "1" * 25)])

    assert seal(engine, sealer) == 1
    assert findings(engine) == []


def test_reading_never_writes(engine, sealed):
    with proving.reading(engine) as connection, pytest.raises(Exception, match="read"):
        connection.execute(text("UPDATE usage_month SET units = 0"))


def test_a_signing_key_that_was_swapped_is_found(engine, sealed):
    tamper(engine, "UPDATE signing_key SET public = :other", other=signing.encoded(b"x" * 32))

    assert any("not published" in finding.what for finding in findings(engine))
