"""What an event costs is what it adds to its month: decided in the transaction that writes it."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlmodel import Session

from app.core import db
from app.limits import leases, services
from app.limits.holds import CounterKey, Settlement
from app.limits.leases import Want
from app.limits.services import Selection
from app.limits.settling import COUNTERS
from app.metering import proving, repricing
from app.metering.charging import CHARGES
from app.metering.entry import Entry
from app.metering.ledger import reversal_of
from app.metering.ledger_connection import LedgerConnection
from app.metering.models import UsageMonth
from app.plans import rating
from app.plans.rating import GRADUATED, PACKAGE, PER_UNIT, VOLUME, Scheme, Tier
from tests.asynchronous import until
from tests.conftest import NOW
from tests.metering import recording as recorded
from tests.metering.charged import TIERS, price
from tests.metering.recording import events_in, row
from tests.metering.test_spool import Door, spooling
from tests.metering.test_verification import tamper

MINE = UUID(int=1)


def write(engine, *groups):
    connection = LedgerConnection(engine)
    try:
        for group in groups:
            connection.write([one if isinstance(one, Entry) else Entry(one) for one in group])
    finally:
        connection.discard()


def quantities(engine):
    with engine.connect() as connection:
        return {(one.month_at.month, one.metric): one.quantity for one in connection.execute(select(CHARGES))}


def wrong(engine):
    with engine.connect() as connection:
        return list(repricing.wrong(connection, MINE))


def test_each_call_costs_what_it_adds_to_its_month(engine, session):
    version = price(session)
    rows = [row(price_version_id=version.id) for _ in range(12)]

    write(engine, rows[:2], rows[2:9], rows[9:])

    assert [one["amount_nanos"] for one in rows] == [0] * 3 + [200] * 5 + [100] * 4
    written = events_in(engine)
    assert [written[one["id"]].amount_nanos for one in rows] == [0] * 3 + [200] * 5 + [100] * 4
    assert quantities(engine) == {(11, "calls"): 12}
    with Session(engine) as fresh:
        assert fresh.get_one(UsageMonth, (MINE, datetime(2026, 11, 1, tzinfo=UTC))).amount_nanos == 1400
    assert wrong(engine) == []


def test_b4_calls_of_one_moment_are_priced_one_after_the_other(engine, session):
    version = price(session, {"calls": Scheme(GRADUATED, tiers=(Tier(1000, 7), Tier(None, 3)))})
    rows = [row(price_version_id=version.id, at=NOW) for _ in range(1100)]

    write(engine, rows[:600], rows[600:])

    assert [one["amount_nanos"] for one in rows] == [7] * 1000 + [3] * 100


def test_b5_an_event_at_the_edge_of_a_month_counts_in_its_own(engine, session):
    version = price(session)
    edge = datetime(2026, 12, 1, tzinfo=UTC)
    rows = [row(price_version_id=version.id, at=edge + timedelta(microseconds=us)) for us in (-1, 0, 1)]

    write(engine, rows)

    assert quantities(engine) == {(11, "calls"): 1, (12, "calls"): 2}


def test_calls_that_cost_the_same_each_time_are_not_counted(engine, session):
    plain = price(session, {"calls": Scheme(nanos=250_000_000)})

    write(engine, [row(price_version_id=plain.id), row(), row(units=0, amount_nanos=0, price_version_id=plain.id)])

    assert quantities(engine) == {}
    assert wrong(engine) == []


def test_a_failed_call_counts_nothing(engine, session):
    version = price(session)

    write(engine, [row(price_version_id=version.id, units=0, amount_nanos=0)])

    assert quantities(engine) == {}


def test_what_is_taken_back_gives_back_what_the_last_unit_cost(engine, session):
    version = price(session)
    rows = [row(price_version_id=version.id) for _ in range(9)]
    write(engine, rows)

    reversal = reversal_of(rows[0], now=NOW)
    write(engine, [reversal])

    assert reversal["amount_nanos"] == -100
    assert quantities(engine) == {(11, "calls"): 8}
    assert wrong(engine) == []


def test_b16_a_correction_below_zero_is_no_charge_and_is_made_up_for(engine, session):
    version = price(session, {"calls": Scheme(GRADUATED, tiers=(Tier(None, 9),))})
    first = row(price_version_id=version.id)
    december = datetime(2026, 12, 1, tzinfo=UTC)
    write(engine, [first])
    back, again, more = reversal_of(first, now=december), *[row(price_version_id=version.id, at=december) for _ in "ab"]

    write(engine, [back], [again], [more])

    assert [one["amount_nanos"] for one in (first, back, again, more)] == [9, 0, 0, 9]
    assert wrong(engine) == []


def test_tokens_bytes_and_time_count_up_to_the_most_of_one_call(engine, session):
    version = price(
        session,
        {
            "tokens_out": Scheme(nanos=2),
            "bytes": Scheme(PACKAGE, nanos=1000, package=100),
            "milliseconds": Scheme(nanos=10, free=1),
        },
        max_per_call={"tokens_out": 50, "bytes": 1000, "milliseconds": 3},
    )
    small = row(price_version_id=version.id, tokens_out=10, bytes_in=60, bytes_out=30, upstream_us=1_999)
    large = row(price_version_id=version.id, tokens_out=99, bytes_in=2000, bytes_out=2000, upstream_us=9_000_000)

    write(engine, [small], [large], [reversal_of(large, now=NOW)])

    assert quantities(engine) == {(11, "tokens_out"): 10, (11, "bytes"): 90, (11, "milliseconds"): 1}
    assert small["amount_nanos"] == 20 + 1000 + 0
    assert large["amount_nanos"] == 100 + 10_000 + 30
    assert wrong(engine) == []


def test_a_cap_is_settled_by_what_the_call_cost_and_not_by_its_ceiling(engine, session, make):
    version, organisation = price(session), make.organisation()
    rule = services.set_limit(
        session, selection=Selection(organisation=organisation), measure="spend", period="month", most=10_000, now=NOW
    )
    session.commit()
    process, key = UUID(int=5), CounterKey(rule.id, UUID(int=0), datetime(2026, 11, 1, tzinfo=UTC))
    with engine.begin() as connection:
        leases.register(connection, process, now=NOW)
        leases.acquire(connection, process, [Want(key, needs=(200,))], living=1, now=NOW)
    call = row(price_version_id=version.id, organisation_id=organisation.id, amount_nanos=200)

    write(engine, [Entry(call, settlements=[Settlement(*key, process, 200, 200)])])

    with engine.connect() as connection:
        counter = connection.execute(select(COUNTERS)).one()
    assert (call["amount_nanos"], counter.spent, counter.reserved) == (0, 0, 0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("UPDATE usage_event SET amount_nanos = 150", "do not cost what it says"),
        ("UPDATE usage_event SET amount_nanos = 201", "more than its price allows"),
        ("UPDATE usage_event SET currency = 'eur'", "was charged in eur"),
        ("UPDATE usage_charge SET quantity = quantity + 1", "calls by the price version .* are not its events"),
        ("DELETE FROM usage_charge", "calls by the price version .* are not its events"),
    ],
)
def test_verify_finds_what_does_not_cost_what_its_price_says(engine, session, change, words):
    version = price(session)
    write(engine, [row(price_version_id=version.id) for _ in range(5)])
    assert wrong(engine) == []

    tamper(engine, change)

    assert any(re.search(words, finding) for finding in wrong(engine))


schemes = st.one_of(
    st.just(TIERS),
    st.builds(Scheme, st.just(PER_UNIT), nanos=st.integers(0, 9), free=st.integers(1, 20)),
    st.builds(Scheme, st.just(PACKAGE), nanos=st.integers(0, 9), package=st.integers(1, 9)),
    st.just(Scheme(VOLUME, tiers=(Tier(4, 9), Tier(None, 2, 5)))),
)


@settings(max_examples=12)
@given(scheme=schemes, groups=st.lists(st.lists(st.sampled_from([1, 1, 1, 0, -1]), max_size=9), max_size=5))
def test_i4_i5_i6_i7_the_amounts_of_any_batches_are_what_the_month_costs(
    sqlite_template, tmp_path_factory, scheme, groups
):
    path = tmp_path_factory.mktemp("charging") / "postern.db"
    path.write_bytes(sqlite_template.read_bytes())
    engine = db.create(f"sqlite:///{path}")
    with Session(engine, expire_on_commit=False) as session:
        version = price(session, {"calls": scheme})
    rows = [[row(price_version_id=version.id, units=units) for units in group] for group in groups]

    write(engine, *[group for group in rows if group])

    units = sum(one["units"] for group in rows for one in group)
    assert sum(one["amount_nanos"] for group in rows for one in group) == rating.usage(units, scheme)
    assert wrong(engine) == []
    engine.dispose()


async def test_a_call_that_waits_on_disk_never_costs_more_than_its_receipt_says(engine, session, tmp_path, monkeypatch):
    door, version = Door(engine, monkeypatch), price(session)
    rows = [row(price_version_id=version.id, amount_nanos=200) for _ in range(9)]
    async with spooling(engine, tmp_path) as recorder:
        await asyncio.gather(*[recorder.record(one) for one in rows[:3]])
        tried = Entry(rows[3])
        tried.row["amount_nanos"] = 0  # as a try that failed left it
        tried.ceiling_nanos = 200
        door.is_shut = True
        recorder._writer.put([tried])
        await asyncio.gather(*[recorder.record(one) for one in rows[4:]])
        assert tried.row["amount_nanos"] == 200

        door.is_shut = False
        await until(lambda: not recorder.waiting_bytes)

    written = events_in(engine)
    assert sum(written[one["id"]].amount_nanos for one in rows) == rating.usage(9, TIERS)
    assert max(written[one["id"]].amount_nanos for one in rows) == 200
    assert wrong(engine) == []
    said = {
        "id": rows[8]["id"],
        **{name: rows[8][name] for name in ("tool", "environment", "status", "units", "currency")},
    }
    said |= {"organisation": str(MINE), "key": str(rows[8]["key_id"]), "amount_nanos": 200, "month": None}
    with engine.connect() as connection:
        assert proving.contradiction(connection, said) == ""
        assert "amount_nanos" in proving.contradiction(connection, {**said, "amount_nanos": 99})
        assert "amount_nanos" in proving.contradiction(connection, {**said, "month": {}})


async def test_gateways_that_write_at_once_share_the_free_units(engine, session):
    version = price(session)

    async def one_gateway():
        async with recorded.recording(engine) as recorder:
            rows = [row(price_version_id=version.id) for _ in range(20)]
            await asyncio.gather(*[recorder.record(one) for one in rows])
            return sum(one["amount_nanos"] for one in rows)

    spent = await asyncio.gather(*[one_gateway() for _ in range(3)])

    assert sum(spent) == rating.usage(60, TIERS)
    assert wrong(engine) == []
    with engine.connect() as connection:
        assert connection.execute(text("SELECT quantity FROM usage_charge")).scalar_one() == 60
