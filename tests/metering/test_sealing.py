"""Every event gets its place in a chain, also when neither ledger nor sealer could reach the database for a while."""

import asyncio
import sqlite3
from contextlib import closing, contextmanager
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from app.core import ids
from app.core.vault import Vault
from app.metering import sealing
from app.metering.sealing import SEALED, Sealer
from tests.conftest import NOW
from tests.metering.recording import recording, row

VAULT = Vault(["x" * 32])


@pytest.fixture
def sealer():
    return Sealer()


def write(engine, *moments):
    async def recorded():
        async with recording(engine) as recorder:
            for moment in moments:
                receipt = ids.lowest_receipt(moment)
                await recorder.record(row(id=receipt.ljust(30, "0"), at=moment, organisation_id=UUID(int=1)))

    asyncio.run(recorded())


@contextmanager
def locked(engine):
    """Somebody else writes, and goes on writing."""
    with closing(sqlite3.connect(engine.url.database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


def seal(engine, sealer, now):
    with Session(engine) as session:
        if engine.dialect.name == "sqlite":
            session.execute(text("PRAGMA busy_timeout=0"))
        sealed = sealer.run(session, VAULT, now=now)
        session.commit()
        return sealed


def places(engine):
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(SEALED)).scalar_one()


def test_what_waited_as_long_as_the_sealer_is_found_at_once(engine, sealer):
    write(engine, NOW)
    assert seal(engine, sealer, NOW) == 1
    away = [NOW + timedelta(minutes=minute) for minute in (1, 5, 29)]

    write(engine, *away)

    back_at = NOW + timedelta(minutes=30)
    assert seal(engine, sealer, back_at) == len(away)
    assert places(engine) == 1 + len(away)


on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@on_sqlite
def test_looking_that_failed_counts_for_nothing(engine, sealer):
    write(engine, NOW)
    seal(engine, sealer, NOW)
    write(engine, NOW + timedelta(minutes=1))

    with locked(engine), pytest.raises(OperationalError, match="locked"):
        seal(engine, sealer, NOW + timedelta(minutes=10))

    assert seal(engine, sealer, NOW + timedelta(minutes=20)) == 1


def test_pages_follow_each_other_until_all_is_sealed(engine, sealer, monkeypatch):
    monkeypatch.setattr(sealing, "PAGE", 2)
    write(engine, *[NOW + timedelta(seconds=second) for second in range(5)])

    assert [seal(engine, sealer, NOW) for _ in range(4)] == [2, 2, 1, 0]


@on_sqlite
def test_nobody_is_kept_from_writing_while_there_is_nothing_to_seal(engine, sealer):
    write(engine, NOW)
    seal(engine, sealer, NOW)

    with locked(engine):
        assert seal(engine, sealer, NOW) == 0
