"""The connection on which events are written: the driver's own, because a lone call waits for all that stands between.

SQLAlchemy opens it, keeps it in its pool, and writes the SQL; the statements run without it (app/metering/prepared.py).
"""

import logging
from collections.abc import Callable, Sequence
from functools import lru_cache

from sqlalchemy import Dialect, Engine, Insert, PoolProxiedConnection, select
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.core import clock
from app.limits.settling import Settler, reversed_
from app.metering import idempotency, ledger
from app.metering.caps_left import CapsLeft
from app.metering.charging import Charging
from app.metering.entry import Entry
from app.metering.prepared import Prepared, PreparedStatement
from app.metering.tally import Tally

log = logging.getLogger(__name__)

WAIT_MS = 2_000
"""Longest wait for another writer's lock: there is the disk to turn to (app/metering/spool.py)."""

_IMPATIENT = {
    "sqlite": (f"PRAGMA busy_timeout={WAIT_MS}",),
    "postgresql": (f"SET lock_timeout={WAIT_MS}", f"SET statement_timeout={2 * WAIT_MS}"),
}
_ZONE = {"sqlite": "", "postgresql": "+00"}


class LedgerConnection:
    """For one thread; connects when it is first needed, and again after `discard`."""

    def __init__(
        self,
        engine: Engine,
        *,
        sign: Callable[[Sequence[Entry]], None] = lambda entries: None,
    ) -> None:
        """sign: makes the receipts of entries whose totals are known."""
        self._engine = engine
        self._connection: PoolProxiedConnection | None = None
        self._sign = sign
        dialect = engine.dialect
        inserts = ledger.INSERTS[dialect.name]
        self._events, self._hours = _insert(inserts.events, dialect), _insert(inserts.hours, dialect)
        self._days, self._facets = _insert(inserts.days, dialect), _insert(inserts.facets, dialect)
        self._day_prices = _insert(inserts.day_prices, dialect)
        self._months = _insert(inserts.months, dialect, returning=("units", "amount_nanos"))
        self._zone = _ZONE[dialect.name]
        self._settler = _settler(dialect)
        self._caps = CapsLeft(dialect)
        self._charging = Charging(dialect, zone=self._zone)
        self._keep = PreparedStatement(idempotency.KEEP, dialect)
        self._let_go = PreparedStatement(idempotency.LET_GO, dialect)
        driver = dialect.loaded_dbapi
        self._passing = (driver.OperationalError, driver.InterfaceError, driver.InternalError)
        self._conflict = driver.IntegrityError

    def write(self, entries: Sequence[Entry]) -> None:
        """Insert the events with all that goes with them, durably; sets each entry's `month` and `left`.

        Raises the driver's errors, with nothing written unless it was the answer to the commit that was lost.
        """
        connection = self._connection
        if connection is None:
            connection = self._connection = self._open()
        try:
            self._write(connection.cursor(), entries)
            self._commit(connection)
        except BaseException:
            self._roll_back(connection)
            raise

    def existing(self, receipts: Sequence[str]) -> set[str]:
        """Which of `receipts` the ledger holds. Raises SQLAlchemyError."""
        column = ledger.EVENTS.c.id
        with self._engine.connect() as connection:
            return set(connection.execute(select(column).where(column.in_(receipts))).scalars())

    def is_passing(self, problem: Exception) -> bool:
        """Whether it is the database's trouble and not the event's, so that it is worth another try."""
        cause = getattr(problem, "orig", problem) or problem
        return isinstance(cause, self._passing) or isinstance(problem, PoolTimeoutError)

    def is_conflict(self, problem: Exception) -> bool:
        """Whether something is there already, or breaks a rule of the table."""
        return isinstance(problem, self._conflict)

    def discard(self) -> None:
        """Close it for good, however broken it is."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.invalidate()
            except SQLAlchemyError:
                log.warning("ledger.disconnect_failed", exc_info=True)

    def _open(self) -> PoolProxiedConnection:
        connection = self._engine.raw_connection()
        cursor = connection.cursor()
        for statement in _IMPATIENT[self._engine.dialect.name]:
            cursor.execute(statement)
        connection.commit()
        return connection

    def _write(self, cursor: DBAPICursor, entries: Sequence[Entry]) -> None:
        answering = [entry for entry in entries if entry.answer is not None]
        written = [*entries, *self._claims_lost(cursor, answering)] if answering else entries
        self._charging.run(cursor, written)
        tally = Tally(written, zone=self._zone, most=self._charging.most)
        self._events.run(cursor, tally.events)
        self._hours.run(cursor, tally.hours)
        self._days.run(cursor, tally.days)
        self._day_prices.run(cursor, tally.day_prices)
        self._settle(cursor, written)
        # Last, because an organisation's rows of day and month are what its gateways wait for each other at.
        self._facets.run(cursor, tally.facets)
        tally.tell_months(self._months.totals(cursor, tally.months))
        if answering:
            self._sign([entry for entry in entries if not entry.receipt])
            self._keep_answers(cursor, answering)

    def _settle(self, cursor: DBAPICursor, entries: Sequence[Entry]) -> None:
        settling = [entry for entry in entries if entry.settlements]
        if settling:
            strict = [settlement for entry in settling if not entry.is_owed for settlement in entry.settlements]
            owed = [settlement for entry in settling if entry.is_owed for settlement in entry.settlements]
            self._settler.run(cursor, strict, owed)
            self._caps.tell(cursor, settling)

    def _claims_lost(self, cursor: DBAPICursor, answering: Sequence[Entry]) -> list[Entry]:
        """Reversals of the calls whose claim another try has taken over meanwhile, so that the two count once."""
        reversals = []
        for entry in answering:
            is_lost = not self._keep_answers(cursor, [entry])
            # Who withdraws is reversed by the recorder; and what takes another back is not to be taken back itself.
            entry.is_taken_back = is_lost and entry.row["units"] > 0 and not entry.is_withdrawn
            if entry.is_taken_back:
                log.warning("ledger.claim_lost", extra={"receipt": entry.row["id"]})
                reversal = ledger.reversal_of(entry.row, now=clock.now())
                reversals.append(Entry(reversal, settlements=reversed_(entry.settlements)))
        return reversals

    def _keep_answers(self, cursor: DBAPICursor, answering: Sequence[Entry]) -> int:
        """Gives how many claims were still there."""
        found = 0
        for entry in answering:
            if entry.answer is not None:
                statement = self._keep if entry.answer.is_kept else self._let_go
                found += statement.run(cursor, idempotency.values_of(entry, entry.answer))
        return found

    def _commit(self, connection: PoolProxiedConnection) -> None:
        connection.commit()

    def _roll_back(self, connection: PoolProxiedConnection) -> None:
        try:
            connection.rollback()
        except (*self._passing, SQLAlchemyError):
            self.discard()


@lru_cache(maxsize=16)
def _insert(statement: Insert, dialect: Dialect, *, returning: tuple[str, ...] = ()) -> Prepared:
    """The same for all connections of an engine: compiling takes as long as many calls."""
    return Prepared(statement, dialect, returning=returning)


@lru_cache(maxsize=4)
def _settler(dialect: Dialect) -> Settler:
    """Likewise."""
    return Settler(dialect)
