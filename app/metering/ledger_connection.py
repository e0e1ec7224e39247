"""The connection on which events are written: the driver's own, because a lone call waits for all that stands between.

SQLAlchemy opens it, keeps it in its pool, and writes the SQL; the statements run without it (app/metering/prepared.py).
"""

import logging
from collections.abc import Sequence
from typing import cast

from sqlalchemy import Engine, PoolProxiedConnection, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.metering import ledger
from app.metering.ledger import EventRow
from app.metering.prepared import Prepared, Row

log = logging.getLogger(__name__)


class LedgerConnection:
    """For one thread; connects when it is first needed, and again after `discard`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: PoolProxiedConnection | None = None
        events, hours = ledger.INSERTS[engine.dialect.name]
        self._events, self._hours = Prepared(events, engine.dialect), Prepared(hours, engine.dialect)
        driver = engine.dialect.loaded_dbapi
        self._passing = (driver.OperationalError, driver.InterfaceError, driver.InternalError)
        self._conflict = driver.IntegrityError

    def write(self, rows: Sequence[EventRow]) -> None:
        """Insert the events and add them to their hours, durably.

        Raises the driver's errors, with nothing written unless it was the answer to the commit that was lost.
        """
        connection = self._connection
        if connection is None:
            connection = self._connection = self._engine.raw_connection()
        try:
            cursor = connection.cursor()
            self._events.run(cursor, cast(Sequence[Row], rows))
            self._hours.run(cursor, ledger.hours_of(rows))
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

    def _commit(self, connection: PoolProxiedConnection) -> None:
        connection.commit()

    def _roll_back(self, connection: PoolProxiedConnection) -> None:
        try:
            connection.rollback()
        except (*self._passing, SQLAlchemyError):
            self.discard()
