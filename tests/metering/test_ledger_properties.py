"""Whatever comes, in whatever order and however the database fails, the ledger keeps its invariants."""

import asyncio
import shutil
import tempfile
from pathlib import Path
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlmodel import Session

from app.core import db
from app.metering import proving
from app.metering.ledger_connection import LedgerConnection
from app.metering.models import UsageEvent, UsageMonth
from app.metering.recorder import NotRecorded
from app.metering.spool import Spool
from tests.asynchronous import until
from tests.conftest import NOW
from tests.metering.recording import broken, recording, row

PRICE = 250_000_000

faults = st.lists(st.sampled_from(["works", "works", "fails before", "fails after"]), max_size=12)
calls = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from(["ok", "timeout"]), st.integers(1, 3), st.integers(0, 40)),
    min_size=1,
    max_size=25,
)


def rows_of(said):
    return [
        row(
            organisation_id=UUID(int=owner + 1),
            status=status,
            units=1 if status == "ok" else 0,
            amount_nanos=PRICE * price if status == "ok" else 0,
            at=NOW.replace(day=1 + day % 28),
        )
        for owner, status, price, day in said
    ]


class Faulty:
    """A connection whose commits fail as told, and work from then on."""

    def __init__(self, engine, plan):
        self._engine, self._plan = engine, iter(plan)
        self._commit = LedgerConnection._commit

    def __call__(self, connection, driver):
        what = next(self._plan, "works")
        if what == "fails before":
            raise broken(self._engine)
        self._commit(connection, driver)
        if what == "fails after":
            raise broken(self._engine)


@settings(max_examples=25)
@given(calls, faults, st.booleans())
def test_i1_i2_i8_each_accepted_call_is_one_event_and_totals_are_their_sums(sqlite_template, said, plan, has_spool):
    folder = Path(tempfile.mkdtemp())
    shutil.copy(sqlite_template, folder / "ledger.db")
    engine = db.create(f"sqlite:///{folder / 'ledger.db'}")
    rows = rows_of(said)
    kept = LedgerConnection._commit
    faulty = Faulty(engine, plan)

    def commit(connection, driver):
        faulty(connection, driver)

    LedgerConnection._commit = commit

    async def record():
        spool = Spool(folder / "spool", database_url=str(engine.url), max_bytes=1 << 20) if has_spool else None
        async with recording(engine, spool=spool) as recorder:
            answers = await asyncio.gather(*[recorder.record(one) for one in rows], return_exceptions=True)
        async with recording(engine, spool=spool):
            await until(lambda: not list((folder / "spool").glob("*.spool")))
        return answers

    try:
        answers = asyncio.run(record())
    finally:
        LedgerConnection._commit = kept
    accepted = {one["id"] for one, answer in zip(rows, answers, strict=True) if not isinstance(answer, NotRecorded)}
    with Session(engine) as session:
        assert set(session.scalars(select(UsageEvent.id))) == accepted
        live = [(month.units, month.amount_nanos) for month in session.scalars(select(UsageMonth))]
        total = session.execute(select(func.sum(UsageEvent.units), func.sum(UsageEvent.amount_nanos))).one()
    assert (sum(units for units, _ in live), sum(amount for _, amount in live)) == tuple(total)
    with proving.reading(engine) as connection:
        assert list(proving.everything_wrong(connection, unsealed_before=NOW.replace(year=2000))) == []
    engine.dispose()
    shutil.rmtree(folder)
