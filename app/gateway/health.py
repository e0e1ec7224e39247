"""Whether this process runs, and whether it should be sent calls."""

import asyncio
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from app.core import revision
from app.gateway.feed import Feed
from app.metering.recorder import Recorder
from app.metering.spool import Stock

TIMEOUT_S = 3.0
_AWAY = ("does not answer", "does not answer in time")


@dataclass(frozen=True, slots=True)
class Readiness:
    """Each check by name: "" when it is well, else what is wrong, without details that help a stranger. notes: what is
    not well, and yet no reason to send calls elsewhere.
    """

    checks: dict[str, str]
    notes: dict[str, str]

    @property
    def is_ready(self) -> bool:
        return not any(self.checks.values())


class Health:
    """One look at the database serves all who ask meanwhile."""

    def __init__(self, engine: Engine, *, feed: Feed, recorder: Recorder, max_age_s: float) -> None:
        self._engine = engine
        self._feed = feed
        self._recorder = recorder
        self._max_age_s = max_age_s
        self._expected = revision.expected()
        self._looking: asyncio.Task[tuple[str, Stock]] | None = None

    async def readiness(self) -> Readiness:
        """Takes at most TIMEOUT_S seconds."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(asyncio.to_thread(self._look))
        done, _ = await asyncio.wait([self._looking], timeout=TIMEOUT_S)
        database, stock = self._looking.result() if done else (_AWAY[1], None)
        age_s = self._feed.age_s
        checks = {
            "database": database,
            "policy": "" if age_s <= self._max_age_s else "news of revocations is missing",
            "ledger": "failing" if self._recorder.is_troubled else "",
        }
        notes = {}
        if database in _AWAY and not checks["policy"] and not checks["ledger"]:
            checks["database"] = ""
            notes["database"] = f"{database}; calls go on by what was known {age_s:.0f} s ago, and wait on disk"
        if stock is not None and (stock.files or stock.broken):
            notes["ledger"] = _told(stock)
        return Readiness(checks, notes)

    def _look(self) -> tuple[str, Stock]:
        return self._look_at_database(), self._recorder.stock()

    def _look_at_database(self) -> str:
        try:
            with self._engine.connect() as connection:
                current = revision.current(connection)
        except SQLAlchemyError:
            return _AWAY[0]
        return "" if current == self._expected else "is not migrated to this release: run `postern migrate`"


def _told(stock: Stock) -> str:
    said = f"{stock.size:,} bytes of events wait on disk, in {stock.files} file(s)"
    said += f", the oldest for {stock.oldest_s:,.0f} s" if stock.files else ""
    return f"{said}; {stock.broken} file(s) could not be read and were set aside" if stock.broken else said
