"""A recorder for tests, what it is given to write, and ways in which a database fails it."""

import asyncio
import sqlite3
from contextlib import asynccontextmanager
from uuid import UUID

import psycopg
from sqlalchemy import func, select
from sqlmodel import Session

from app.core import ids
from app.metering.ledger_connection import LedgerConnection
from app.metering.models import UsageEvent, UsageHour
from app.metering.recorder import Recorder
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
