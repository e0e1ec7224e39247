import asyncio
import threading
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlmodel import Session

from app.core import db
from app.metering.ledger_connection import LedgerConnection
from app.metering.models import UsageDay, UsageHour
from app.metering.recorder import NotRecorded, Recorder
from tests.asynchronous import until
from tests.conftest import NOW
from tests.metering.recording import events_in, recording, row, sums_in
from tests.waiting import PATIENCE_S


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
            (hour.key_id.int, hour.hour_at.hour, hour.tool, hour.status): (hour.calls, hour.errors, hour.units)
            for hour in session.scalars(select(UsageHour))
        }
        days = {
            (day.key_id.int, day.tool, day.status): (day.calls, day.errors, day.units, day.duration_us)
            for day in session.scalars(select(UsageDay))
        }
    assert hours == {
        (2, 14, "greet", "ok"): (3, 0, 3),
        (2, 14, "greet", "timeout"): (1, 1, 0),
        (2, 14, "search", "ok"): (1, 0, 1),
        (2, 15, "greet", "ok"): (1, 0, 1),
        (9, 14, "greet", "ok"): (1, 0, 1),
    }
    assert days == {
        (2, "greet", "ok"): (4, 0, 4, 4_000),
        (2, "greet", "timeout"): (1, 1, 0, 1_000),
        (2, "search", "ok"): (1, 0, 1, 1_000),
        (9, "greet", "ok"): (1, 0, 1, 1_000),
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
