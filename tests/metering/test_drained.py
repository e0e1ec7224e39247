"""What a dead gateway left on disk is in the ledger before what it held of limits is given to others."""

import logging

import pytest

from app import jobs
from app.core.config import Settings
from app.metering import drain
from app.metering.drain import Drain
from app.metering.entry import Entry
from app.metering.ledger_connection import LedgerConnection
from app.metering.spool import Spool
from tests.metering.recording import broken, row, sums_in
from tests.metering.test_spool import files


@pytest.fixture
def settings(engine, tmp_path):
    url = engine.url.set(drivername=engine.url.get_backend_name()).render_as_string(hide_password=False)
    return Settings(environment="development", database_url=url, spool_dir=tmp_path / "spool")


def spool_of(settings):
    return Spool(settings.spool_dir, database_url=settings.database_url, max_bytes=1 << 20)


@pytest.fixture
def left(settings):
    """The spool of a process that has died, with two events."""
    spool = spool_of(settings)
    spool.put([Entry(row()), Entry(row())])
    spool.close()
    return settings


def return_leases(engine, settings):
    [job] = [job for job in jobs.JOBS if job.name == "return_leases"]
    jobs.run_once(engine, settings, job)


def test_the_worker_drains_it_before_it_returns_leases(engine, left, monkeypatch):
    drained = []
    monkeypatch.setattr(jobs.UNDERTAKER, "run", lambda *_, **__: drained.append(sums_in(engine)) or 0)

    return_leases(engine, left)

    assert drained == [(2, 2)]
    assert files(left.spool_dir) == []


def test_the_worker_keeps_leases_while_it_cannot_be_written(engine, left, monkeypatch, caplog):
    runs = []
    monkeypatch.setattr(jobs.UNDERTAKER, "run", lambda *_, **__: runs.append(1) or 0)
    with monkeypatch.context() as away:
        away.setattr(LedgerConnection, "write", lambda *_: (_ for _ in ()).throw(broken(engine)))
        with caplog.at_level(logging.CRITICAL):
            return_leases(engine, left)
    assert (runs, len(files(left.spool_dir))) == ([], 1)

    return_leases(engine, left)

    assert (runs, sums_in(engine)) == ([1], (2, 2))


def test_a_folder_that_is_not_there_or_not_ours_keeps_nobody_waiting(engine, settings, monkeypatch):
    runs = []
    monkeypatch.setattr(jobs.UNDERTAKER, "run", lambda *_, **__: runs.append(1) or 0)

    return_leases(engine, settings)

    assert runs == [1]


def test_leases_are_put_off_until_the_folder_was_looked_at_but_not_for_ever(engine, left, monkeypatch):
    watching = Drain(engine, spool_of(left))

    asked = [watching.has_adopted(within_s=30) for _ in range(drain.PUT_OFF_AT_MOST + 1)]

    assert asked == [False] * drain.PUT_OFF_AT_MOST + [True]
    watching._adopt()
    assert watching.has_adopted(within_s=30)
    assert not watching.has_adopted(within_s=-1)
    assert sums_in(engine) == (2, 2)
    watching._connection.discard()
