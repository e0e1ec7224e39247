import asyncio
import sqlite3
import threading
from contextlib import asynccontextmanager
from datetime import timedelta
from math import inf
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import func, select
from sqlmodel import Session

from app.core import db, ids
from app.metering import recorder as recorder_module
from app.metering.ledger_connection import LedgerConnection
from app.metering.models import UsageEvent, UsageHour
from app.metering.recorder import NotRecorded, Recorder
from tests.asynchronous import until
from tests.conftest import NOW
from tests.waiting import PATIENCE_S


def row(**more):
    return {
        "id": ids.receipt_id(),
        "request_id": ids.request_id(),
        "at": NOW,
        "organisation_id": UUID(int=1),
        "key_id": UUID(int=2),
        "integration_id": UUID(int=3),
        "tool": "greet",
        "status": "ok",
        "error_class": "",
        "units": 1,
        "http_status": 200,
        "duration_us": 1_000,
        "upstream_us": 900,
        "bytes_in": 10,
        "bytes_out": 20,
        "protocol_version": "2025-11-25",
        "credential": "key",
        "environment": "live",
        "tool_version": "0123456789abcdef",
        "policy_version": 7,
        "rules": "",
        "tokens_in": 0,
        "tokens_out": 0,
        "price_version_id": None,
        "amount_nanos": 250_000_000,
        "currency": "usd",
        "idempotency_digest": "",
        **more,
    }


@asynccontextmanager
async def recording(engine, **options):
    recorder = Recorder(engine, **{"timeout_s": PATIENCE_S, **options})
    recorder.start(asyncio.get_running_loop())
    try:
        yield recorder
    finally:
        await asyncio.to_thread(recorder.stop, timeout_s=PATIENCE_S)


def events_in(engine):
    with Session(engine) as session:
        return {event.id: event for event in session.scalars(select(UsageEvent))}


def sums_in(engine):
    """(calls, units) of all hours together."""
    with Session(engine) as session:
        return session.execute(select(func.sum(UsageHour.calls), func.sum(UsageHour.units))).one()


def broken(engine):
    """An error as this engine's driver raises it."""
    driver = sqlite3.OperationalError if engine.dialect.name == "sqlite" else psycopg.OperationalError
    return driver("the disk has gone")


def failing(engine):
    def fails(connection, what):
        raise broken(engine)

    return fails


def losing_the_answer(engine, times):
    """A commit that works, but whose answer is lost, `times` times."""
    commit, losses = LedgerConnection._commit, iter(range(times))

    def loses(connection, driver):
        commit(connection, driver)
        if next(losses, None) is not None:
            raise broken(engine)

    return loses


async def test_a_recorded_call_is_in_the_ledger_with_everything_said_about_it(engine):
    said = row(tool="search", status="tool_error", error_class="unknown_tool", http_status=200)

    async with recording(engine) as recorder:
        await recorder.record(said)
        found = events_in(engine)[said["id"]]  # while it runs: durable means now

    assert {name: getattr(found, name) for name in said} == said


async def test_hours_move_with_their_events(engine):
    later = NOW + timedelta(hours=1)
    rows = [row(), row(), row(status="timeout", units=0), row(tool="search"), row(at=later), row(key_id=UUID(int=9))]

    async with recording(engine) as recorder:
        await asyncio.gather(*[recorder.record(one) for one in rows])
        await recorder.record(row())

    with Session(engine) as session:
        hours = {
            (hour.key_id.int, hour.hour_at.hour, hour.tool): (hour.calls, hour.errors, hour.units, hour.duration_us)
            for hour in session.scalars(select(UsageHour))
        }
    assert hours == {
        (2, 14, "greet"): (4, 1, 3, 4_000),
        (2, 14, "search"): (1, 0, 1, 1_000),
        (2, 15, "greet"): (1, 0, 1, 1_000),
        (9, 14, "greet"): (1, 0, 1, 1_000),
    }


async def test_calls_that_come_together_share_a_commit(engine, monkeypatch):
    write, all_have_come, sizes = LedgerConnection.write, threading.Event(), []

    def waits(connection, rows):
        all_have_come.wait(PATIENCE_S)
        write(connection, rows)

    monkeypatch.setattr(LedgerConnection, "write", waits)
    async with recording(engine, on_commit=lambda size, seconds: sizes.append(size)) as recorder:
        waiting = [recorder.record(row()) for _ in range(2_500)]
        all_have_come.set()
        await asyncio.gather(*waiting)
        assert recorder.under_way == 0

    assert sum(sizes) == 2_500
    assert len(sizes) <= 4  # whoever came first, and then as many as fit
    assert max(sizes) <= 1_000


async def test_gateways_that_write_the_same_hours_do_not_block_each_other(engine, database_url):
    other = db.create(database_url)
    keys = [UUID(int=number) for number in range(20)]
    async with recording(engine) as first, recording(other) as second:
        for round_ in range(10):
            order = keys if round_ % 2 else keys[::-1]
            await asyncio.gather(
                *[recorder.record(row(key_id=key)) for recorder in (first, second) for key in order],
            )

    other.dispose()
    assert len(events_in(engine)) == 400
    assert sums_in(engine) == (400, 400)


async def test_a_failing_database_is_tried_again(engine, monkeypatch):
    write, failures = LedgerConnection.write, iter([True, True])

    def unreliable(connection, rows):
        if next(failures, False):
            raise broken(engine)
        write(connection, rows)

    monkeypatch.setattr(LedgerConnection, "write", unreliable)
    async with recording(engine) as recorder:
        await recorder.record(row())

    assert sums_in(engine) == (1, 1)


async def test_a_commit_whose_answer_was_lost_is_not_repeated(engine, monkeypatch):
    monkeypatch.setattr(LedgerConnection, "_commit", losing_the_answer(engine, 2))
    async with recording(engine) as recorder:
        await asyncio.gather(*[recorder.record(row()) for _ in range(50)])
        await recorder.record(row())

    assert len(events_in(engine)) == 51
    assert sums_in(engine) == (51, 51)


async def test_a_call_that_cannot_be_written_in_time_is_refused_and_never_written(engine, monkeypatch):
    async with recording(engine) as recorder:
        with monkeypatch.context() as while_it_fails:
            while_it_fails.setattr(LedgerConnection, "write", failing(engine))
            while_it_fails.setattr(recorder, "_timeout_s", 0.2)
            with pytest.raises(NotRecorded):
                await recorder.record(row())
        late = row()
        await recorder.record(late)
        assert recorder.under_way == 0

    assert set(events_in(engine)) == {late["id"]}
    assert sums_in(engine) == (1, 1)


async def test_it_says_when_calls_had_better_not_be_made(engine, monkeypatch):
    monkeypatch.setattr(recorder_module, "TROUBLED_AFTER_S", 0.05)
    monkeypatch.setattr(recorder_module, "TROUBLED_FOR_S", inf)
    write = LedgerConnection.write
    monkeypatch.setattr(LedgerConnection, "write", failing(engine))

    async with recording(engine) as recorder:
        assert not recorder.is_troubled
        with monkeypatch.context() as first:
            first.setattr(recorder, "_timeout_s", 0.2)
            with pytest.raises(NotRecorded):
                await recorder.record(row())
        await until(lambda: recorder.is_troubled)
        with monkeypatch.context() as later:
            later.setattr(recorder_module, "TROUBLED_FOR_S", 0.1)
            await until(lambda: not recorder.is_troubled)  # try again
        waiting = recorder.record(row())
        assert recorder.is_troubled
        monkeypatch.setattr(LedgerConnection, "write", write)
        await waiting
        assert not recorder.is_troubled


async def test_a_refused_call_that_was_written_after_all_is_taken_back(engine, monkeypatch):
    existing = LedgerConnection.existing
    refused = row()
    async with recording(engine) as recorder:
        monkeypatch.setattr(LedgerConnection, "_commit", losing_the_answer(engine, 1))
        monkeypatch.setattr(LedgerConnection, "existing", failing(engine))
        waiting = recorder.record(refused)
        await until(lambda: events_in(engine))
        recorder._waiting[0].until = 0.0  # as if that had taken too long
        with pytest.raises(NotRecorded):
            await waiting
        monkeypatch.setattr(LedgerConnection, "existing", existing)
        await until(lambda: len(events_in(engine)) == 2)

    reversal = next(event for receipt, event in events_in(engine).items() if receipt != refused["id"])
    assert (reversal.units, reversal.request_id, reversal.error_class) == (-1, refused["request_id"], "reversal")
    assert sums_in(engine) == (2, 0)


@pytest.mark.parametrize("flaw", [{"status": None}, {"tool": None}, {"at": "today"}])
async def test_one_bad_event_does_not_sink_its_group(engine, flaw):
    bad = row(**flaw)
    rows = [row() for _ in range(40)]
    rows.insert(17, bad)

    async with recording(engine) as recorder:
        results = await asyncio.gather(*[recorder.record(one) for one in rows], return_exceptions=True)

    assert [type(result) for result in results if result is not None] == [NotRecorded]
    assert isinstance(results[17], NotRecorded)
    assert set(events_in(engine)) == {one["id"] for one in rows} - {bad["id"]}
    assert sums_in(engine) == (40, 40)


async def test_the_queue_is_bounded(engine):
    async with recording(engine, capacity=3) as recorder:
        waiting = [recorder.record(row()) for _ in range(3)]
        with pytest.raises(NotRecorded):
            recorder.record(row())
        with pytest.raises(NotRecorded):
            recorder.note(row())
        await asyncio.gather(*waiting)
        await recorder.record(row())

    assert len(events_in(engine)) == 4


async def test_what_nobody_waits_for_is_written_too(engine):
    async with recording(engine) as recorder:
        recorder.note(row(status="cancelled", units=0))

    assert sums_in(engine) == (1, 0)


async def test_stopping_writes_what_is_under_way(engine):
    recorder = Recorder(engine, timeout_s=PATIENCE_S)
    recorder.start(asyncio.get_running_loop())
    waiting = [recorder.record(row()) for _ in range(300)]

    recorder.stop(timeout_s=PATIENCE_S)

    await asyncio.gather(*waiting)
    assert len(events_in(engine)) == 300


async def test_a_waiter_that_is_cancelled_takes_its_event_back(engine):
    async with recording(engine) as recorder:
        waiter = recorder.record(row())
        waiter.cancel()
        await until(lambda: recorder.under_way == 0)

    assert sums_in(engine)[1] in (None, 0)
