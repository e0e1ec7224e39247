"""When the ledger cannot be written: tried again, given up aloud, and never written twice."""

import asyncio
from datetime import timedelta
from math import inf
from uuid import uuid4

import pytest
from sqlmodel import Session

from app.metering import idempotency
from app.metering import recorder as recorder_module
from app.metering.entry import Answer
from app.metering.group_writer import GroupWriter
from app.metering.ledger_connection import LedgerConnection
from app.metering.recorder import NotRecorded
from tests.asynchronous import until
from tests.conftest import NOW
from tests.metering.recording import broken, events_in, failing, losing_the_answer, recording, row, sums_in


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


@pytest.mark.parametrize("let_go", ["before it is written", "after it is written"])
async def test_a_refused_call_whose_key_was_let_go_is_taken_back_once(engine, monkeypatch, let_go):
    existing, refused = LedgerConnection.existing, row(idempotency_digest="d" * 64)
    answer = Answer(refused["id"], "d" * 64, 200, is_kept=True, result=b"{}")
    this = idempotency.Try(refused["key_id"], answer.digest, "e" * 64, refused["id"], uuid4())
    if let_go == "after it is written":
        with Session(engine) as session:
            idempotency.claim(session, this, longest=timedelta(hours=1), now=NOW)
            session.commit()
    async with recording(engine) as recorder:
        monkeypatch.setattr(LedgerConnection, "_commit", losing_the_answer(engine, 1))
        monkeypatch.setattr(LedgerConnection, "existing", failing(engine))
        waiting = recorder.record(refused, answer=answer)
        await until(lambda: events_in(engine))
        with Session(engine) as session:
            idempotency.let_go(session, key_id=this.key_id, digest=this.digest, receipt=this.receipt)
            session.commit()
        recorder._waiting[0].until = 0.0  # as if that had taken too long
        with pytest.raises(NotRecorded):
            await waiting
        monkeypatch.setattr(LedgerConnection, "existing", existing)
        await until(lambda: not recorder.under_way)

    assert sums_in(engine) == (2, 0)


@pytest.mark.parametrize("flaw", [{"status": None}, {"tool": None}, {"at": "today"}])
async def test_one_bad_event_does_not_sink_its_group(engine, flaw):
    bad = row(**flaw)
    rows = [row() for _ in range(40)]
    rows.insert(17, bad)

    async with recording(engine) as recorder:
        results = await asyncio.gather(*[recorder.record(one) for one in rows], return_exceptions=True)

    assert [type(result) for result in results if not isinstance(result, str)] == [NotRecorded]
    assert isinstance(results[17], NotRecorded)
    assert set(events_in(engine)) == {one["id"] for one in rows} - {bad["id"]}
    assert sums_in(engine) == (40, 40)


class Mistake(Exception):
    """What nobody expected."""


@pytest.mark.parametrize("place", ["before", "after"])
async def test_a_mistake_of_ours_neither_ends_the_ledger_nor_writes_twice(engine, monkeypatch, place):
    write, mistakes = LedgerConnection.write, iter([True, True])

    def mistaken(connection, entries):
        if place == "after":
            write(connection, entries)
        if next(mistakes, False):
            raise Mistake
        if place == "before":
            write(connection, entries)

    async with recording(engine) as recorder:
        await recorder.record(row())
        monkeypatch.setattr(LedgerConnection, "is_passing", lambda connection, problem: 1 / 0)
        monkeypatch.setattr(LedgerConnection, "write", mistaken)
        receipts = await asyncio.gather(*[recorder.record(row()) for _ in range(20)])
        monkeypatch.setattr(LedgerConnection, "write", write)
        receipts.append(await recorder.record(row()))
        assert (recorder.under_way, recorder.is_troubled) == (0, False)

    assert len(set(receipts)) == 21
    assert sums_in(engine) == (22, 22)


async def test_what_our_mistake_keeps_out_of_the_ledger_is_refused_and_said_aloud(engine, monkeypatch, caplog):
    monkeypatch.setattr(recorder_module, "TROUBLED_AFTER_S", 0.0)
    monkeypatch.setattr(recorder_module, "TROUBLED_FOR_S", inf)
    write = LedgerConnection.write
    lost = row()
    async with recording(engine) as recorder:
        monkeypatch.setattr(LedgerConnection, "is_passing", lambda connection, problem: 1 / 0)
        monkeypatch.setattr(LedgerConnection, "write", failing(engine))
        with pytest.raises(NotRecorded):
            await recorder.record(lost)
        assert recorder.is_troubled
        monkeypatch.setattr(LedgerConnection, "write", write)
        await recorder.record(row())
        assert (recorder.under_way, recorder.is_troubled) == (0, False)

    refused = [one for one in caplog.records if one.message == "ledger.refused"]
    assert [one.receipt for one in refused] == [lost["id"]]
    assert lost["request_id"] in refused[0].row
    assert sums_in(engine) == (1, 1)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_ledger_whose_thread_has_ended_refuses_calls_at_once(engine, monkeypatch):
    def ends(writer, group, *, is_doubtful):
        raise SystemExit

    monkeypatch.setattr(GroupWriter, "_write", ends)
    async with recording(engine, timeout_s=0.2) as recorder:
        with pytest.raises(NotRecorded):
            await recorder.record(row())
        await until(lambda: recorder.is_troubled)
        with pytest.raises(NotRecorded, match="any more"):
            recorder.record(row())
        with pytest.raises(NotRecorded, match="any more"):
            recorder.note(row())
