"""While the database is away events wait on disk: nothing is lost, nothing comes twice, and there is a limit."""

import asyncio
import os
import subprocess
import sys
import threading
from contextlib import asynccontextmanager, contextmanager

import pytest
from sqlalchemy import select
from sqlmodel import Session

from app.core import clock
from app.core.config import ROOT
from app.core.vault import Vault
from app.metering import receipts, signing, spool_file
from app.metering.entry import Entry
from app.metering.ledger_connection import LedgerConnection
from app.metering.models import UsageMonth
from app.metering.recorder import NotRecorded
from app.metering.spool import Spool, groups_in
from tests.asynchronous import until
from tests.databases import on_one
from tests.metering.recording import broken, events_in, losing_the_answer, recording, row, sums_in
from tests.waiting import PATIENCE_S


class Door:
    """Between the ledger and its database; shut, nothing gets through."""

    def __init__(self, engine, monkeypatch):
        self.is_shut = False
        for name in ("write", "existing"):
            monkeypatch.setattr(LedgerConnection, name, self._guarded(engine, getattr(LedgerConnection, name)))

    def _guarded(self, engine, does):
        def guarded(connection, what):
            if self.is_shut:
                raise broken(engine)
            return does(connection, what)

        return guarded


@pytest.fixture
def door(engine, monkeypatch):
    return Door(engine, monkeypatch)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "spool"


def spool_in(folder, engine, *, max_bytes=1 << 20):
    url = engine.url.render_as_string(hide_password=False)
    return Spool(folder, database_url=url, max_bytes=max_bytes)


@asynccontextmanager
async def spooling(engine, folder, *, max_bytes=1 << 20, **options):
    async with recording(engine, spool=spool_in(folder, engine, max_bytes=max_bytes), **options) as recorder:
        yield recorder


def files(folder):
    return sorted(folder.glob("*.spool"))


async def test_calls_go_on_while_it_is_away_and_are_written_when_it_is_back(engine, door, folder):
    rows = [row() for _ in range(60)]
    async with spooling(engine, folder) as recorder:
        await recorder.record(rows[0])
        door.is_shut = True
        await asyncio.gather(*[recorder.record(one) for one in rows[1:40]])
        assert not recorder.is_troubled
        assert recorder.waiting_bytes > 0
        assert set(events_in(engine)) == {rows[0]["id"]}

        door.is_shut = False
        await asyncio.gather(*[recorder.record(one) for one in rows[40:]])
        await until(lambda: not recorder.waiting_bytes)
        assert set(events_in(engine)) == {one["id"] for one in rows}

    assert sums_in(engine) == (60, 60)
    assert files(folder) == []


async def test_what_waits_is_written_although_more_calls_keep_coming(engine, door, folder):
    async def keep_calling(recorder, written):
        while recorder.waiting_bytes:
            await recorder.record(one := row())
            written.append(one["id"])

    written = []
    async with spooling(engine, folder) as recorder:
        door.is_shut = True
        await asyncio.gather(*[recorder.record(row()) for _ in range(100)])
        door.is_shut = False
        await asyncio.gather(*[keep_calling(recorder, written) for _ in range(4)])

    assert written
    assert len(events_in(engine)) == len(written) + 100


async def test_receipts_of_waiting_calls_say_that_the_total_is_not_known(engine, door, folder):
    def make_signer():
        with Session(engine) as session:
            signer = signing.signer(session, Vault(["x" * 32]), now=clock.now())
            session.commit()
            return signer

    async with spooling(engine, folder, make_signer=make_signer) as recorder:
        before = await recorder.record(row())
        door.is_shut = True
        during = await recorder.record(row())
        with Session(engine) as session:
            keys = {key.id: signing.decoded(key.public) for key in signing.published(session)}

    assert receipts.verified(before, keys)["month"]["units"] == 1
    assert receipts.verified(during, keys)["month"] is None


async def test_an_event_whose_commit_had_worked_is_not_written_again(engine, door, folder, monkeypatch):
    said = row()
    commit = losing_the_answer(engine, 1)

    def loses_and_shuts(connection, driver):
        door.is_shut = True
        commit(connection, driver)

    async with spooling(engine, folder) as recorder:
        with monkeypatch.context() as once:
            once.setattr(LedgerConnection, "_commit", loses_and_shuts)
            await recorder.record(said)
        assert recorder.waiting_bytes > 0
        door.is_shut = False
        await until(lambda: not recorder.waiting_bytes)

    assert list(events_in(engine)) == [said["id"]]
    assert sums_in(engine) == (1, 1)


@on_one
async def test_a_full_spool_refuses(engine, door, folder):
    async with spooling(engine, folder, max_bytes=2_000) as recorder:
        door.is_shut = True
        kept, refused = [], None
        recorder._timeout_s = 1.0
        while refused is None:
            one = row()
            try:
                await recorder.record(one)
                kept.append(one["id"])
            except NotRecorded:
                refused = one["id"]
        await until(lambda: recorder.is_troubled)
        recorder._timeout_s = PATIENCE_S

        door.is_shut = False
        await until(lambda: not recorder.waiting_bytes)
        await recorder.record(row())
        assert not recorder.is_troubled

    assert kept
    assert set(kept) < set(events_in(engine))
    assert refused not in events_in(engine)


@on_one
async def test_a_full_disk_refuses(engine, door, folder, monkeypatch):
    def no_room(descriptor, data, at):
        os.pwrite(descriptor, data[: len(data) // 2], at)
        raise OSError(28, "No space left on device")

    async with spooling(engine, folder) as recorder:
        door.is_shut = True
        await recorder.record(row())
        with monkeypatch.context() as full:
            full.setattr(spool_file, "_write_all", no_room)
            full.setattr(recorder, "_timeout_s", 0.5)
            with pytest.raises(NotRecorded):
                await recorder.record(row())
        await recorder.record(row())  # there is room again, and the half record is gone
        door.is_shut = False
        await until(lambda: not recorder.waiting_bytes)

    assert sums_in(engine) == (2, 2)


@contextmanager
def killed_while_spooling(engine, folder, rows):
    """A process that kept `rows` on disk, began another record, and was killed with -9."""
    code = (
        "import os, signal, sys, msgspec; sys.path.insert(0, '.')\n"
        "from pathlib import Path; from app.metering.spool import Spool; from app.metering.entry import Entry\n"
        "from app.metering.ledger import EventRow\n"
        "rows = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=list[EventRow])\n"
        f"spool = Spool(Path({str(folder)!r}), database_url=sys.argv[1], max_bytes=1 << 20)\n"
        "for row in rows: spool.put([Entry(row)])\n"
        "os.pwrite(spool._file._descriptor, b'\\0\\0\\1\\0torn', spool._file.size + 16)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    import msgspec

    url = engine.url.render_as_string(hide_password=False)
    result = subprocess.run(
        [sys.executable, "-c", code, url], cwd=ROOT, input=msgspec.msgpack.encode(rows), check=False
    )
    assert result.returncode == -9
    yield


async def test_what_a_killed_process_left_is_drained_by_the_next(engine, folder, caplog):
    rows = [row() for _ in range(5)]
    with killed_while_spooling(engine, folder, rows):
        assert len(files(folder)) == 1
        async with spooling(engine, folder):
            await until(lambda: len(events_in(engine)) == 5)
            await until(lambda: not files(folder))

    assert set(events_in(engine)) == {one["id"] for one in rows}
    assert sums_in(engine) == (5, 5)
    assert "spool.torn" in caplog.text


async def test_two_processes_do_not_drain_one_file(engine, folder):
    rows = [row() for _ in range(20)]
    with killed_while_spooling(engine, folder, rows):
        async with spooling(engine, folder), spooling(engine, folder):
            await until(lambda: not files(folder))

    assert sums_in(engine) == (20, 20)


def test_a_living_process_keeps_its_file(engine, folder):
    spool = spool_in(folder, engine)
    spool.put([Entry(row())])

    assert list(spool_in(folder, engine).orphans()) == []
    spool.close()
    [orphan] = spool_in(folder, engine).orphans()
    assert len(list(groups_in(orphan))) == 1
    orphan.remove()


async def test_a_file_that_was_changed_is_set_aside(engine, folder):
    spool = spool_in(folder, engine)
    spool.put([Entry(row())])
    spool.put([Entry(row())])
    os.pwrite(spool._file._descriptor, b"?", 16 + 20)
    spool.close()

    async with spooling(engine, folder):
        await until(lambda: not files(folder))

    assert len(list(folder.glob("*.broken"))) == 1


async def test_the_last_stop_leaves_what_waits_for_the_next_start(engine, door, folder):
    door.is_shut = True
    async with spooling(engine, folder) as recorder:
        await recorder.record(row())
    assert len(files(folder)) == 1

    door.is_shut = False
    async with spooling(engine, folder):
        await until(lambda: not files(folder))

    assert sums_in(engine) == (1, 1)
    with Session(engine) as session:
        assert session.scalars(select(UsageMonth)).one().units == 1


async def test_waiting_for_the_disk_is_never_waiting_for_the_database(engine, folder, monkeypatch):
    """A drain that hangs in the database keeps nobody from writing to disk."""
    release = threading.Event()
    is_hanging = threading.Event()

    def hangs(connection, what):
        if threading.current_thread().name == "drain":
            is_hanging.set()
            release.wait(PATIENCE_S)
        raise broken(engine)

    async with spooling(engine, folder) as recorder:
        with monkeypatch.context() as while_away:
            while_away.setattr(LedgerConnection, "write", hangs)
            while_away.setattr(LedgerConnection, "existing", hangs)
            await recorder.record(row())
            await until(is_hanging.is_set)
            await asyncio.gather(*[recorder.record(row()) for _ in range(20)])
            release.set()
        await until(lambda: not recorder.waiting_bytes)

    assert sums_in(engine) == (21, 21)
