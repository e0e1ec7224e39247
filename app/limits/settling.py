"""Settling in the ledger's own transaction: what events used becomes spent, and is no longer reserved.

Statements are compiled once and handed to the driver, like the ledger's. Whoever changes a lease has locked its counter
before, and counters are locked in sorted order; so no two gateways, and no two threads of one, wait for each other.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Dialect, Update, bindparam, update
from sqlalchemy.engine.interfaces import DBAPICursor

from app.core import db
from app.limits.holds import Settlement
from app.limits.models import LimitCounter, LimitLease

log = logging.getLogger(__name__)

COUNTERS = db.metadata.tables[str(LimitCounter.__tablename__)]
LEASES = db.metadata.tables[str(LimitLease.__tablename__)]
_KEY = ("rule_id", "subject_id", "period_at")


class Overrun(Exception):
    """The lease was given to others meanwhile, and charging the event now would pass the limit."""


class Settler:
    """For one dialect; used with a cursor of the driver, inside a transaction."""

    def __init__(self, dialect: Dialect) -> None:
        mine = [COUNTERS.c[name] == bindparam(f"at_{name}") for name in _KEY]
        spent, reserved, most = COUNTERS.c.spent, COUNTERS.c.reserved, COUNTERS.c.most
        used, held = bindparam("used", type_=BigInteger), bindparam("held", type_=BigInteger)
        self._settle = _Prepared(
            update(COUNTERS).where(*mine, reserved >= held).values(spent=spent + used, reserved=reserved - held),
            dialect,
        )
        self._count = _Prepared(update(COUNTERS).where(*mine).values(spent=spent + used), dialect)
        self._reserve = _Prepared(update(COUNTERS).where(*mine).values(reserved=reserved + held), dialect)
        self._fits = _Prepared(update(COUNTERS).where(*mine, spent + reserved <= most).values(spent=spent), dialect)
        of_process = [LEASES.c[name] == bindparam(f"at_{name}") for name in (*_KEY, "process_id")]
        self._use = _Prepared(
            update(LEASES).where(*of_process, LEASES.c.held >= held).values(held=LEASES.c.held - held), dialect
        )

    def run(self, cursor: DBAPICursor, strict: Sequence[Settlement], owed: Sequence[Settlement] = ()) -> None:
        """Settle what events used. owed: of events whose answer has left already, so that they count in any case.

        A lease that is there makes this simple: `held` moves from reserved to spent, so that nothing can be passed. If
        it was given to others (this process was taken for dead), only what still fits is counted for `strict`: raises
        Overrun, and the whole transaction is to be undone. For `owed` it is counted and logged as limit.overrun.
        """
        for settlement, is_owed in summed(strict, owed):
            if not self._from_lease(cursor, settlement):
                self._without_lease(cursor, settlement, is_owed=is_owed)
            elif settlement.used > settlement.held:
                self._check(cursor, settlement, is_owed=True)  # a price above its ceiling: happened, so it counts

    def _from_lease(self, cursor: DBAPICursor, settlement: Settlement) -> bool:
        values = _values(settlement)
        if not self._settle.run(cursor, values):
            return False
        if settlement.held <= 0 or self._use.run(cursor, values):
            return True
        self._reserve.run(cursor, values)  # it was others' reservation that we took it from
        self._count.run(cursor, {**values, "used": -settlement.used})
        return False

    def _without_lease(self, cursor: DBAPICursor, settlement: Settlement, *, is_owed: bool) -> None:
        if self._count.run(cursor, _values(settlement)):
            self._check(cursor, settlement, is_owed=is_owed)

    def _check(self, cursor: DBAPICursor, settlement: Settlement, *, is_owed: bool) -> None:
        if settlement.used <= 0 or self._fits.run(cursor, _values(settlement)):
            return
        if not is_owed:
            raise Overrun("The allowance was given to others while this call was under way.")
        log.error(
            "limit.overrun",
            extra={
                "rule": str(settlement.rule_id),
                "subject": str(settlement.subject_id),
                "period": settlement.period_at.isoformat(),
                "used": settlement.used,
            },
        )


def reversed_(settlements: Iterable[Settlement]) -> tuple[Settlement, ...]:
    """For an event that takes another back: what that one spent is given back to everybody."""
    return tuple(settlement._replace(held=0, used=-settlement.used) for settlement in settlements)


def summed(strict: Sequence[Settlement], owed: Sequence[Settlement]) -> list[tuple[Settlement, bool]]:
    """One for each counter and process, in the order in which locks are taken, and whether it is owed."""
    sums: dict[tuple[object, ...], list[Any]] = {}
    for settlements, is_owed in ((strict, False), (owed, True)):
        for settlement in settlements:
            place = (*settlement[:4], is_owed)
            held_and_used = sums.setdefault(place, [settlement, 0, 0])
            held_and_used[1] += settlement.held
            held_and_used[2] += settlement.used
    return [
        (settlement._replace(held=held, used=used), bool(place[-1]))
        for place, (settlement, held, used) in sorted(sums.items(), key=lambda item: item[0])
    ]


class _Prepared:
    """An UPDATE for one dialect. Gives how many rows it changed."""

    def __init__(self, statement: Update, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self._sql = str(compiled)
        self._names = list(compiled.positiontup or ()) if dialect.positional else None
        self._stored: dict[str, Callable[[Any], Any]] = {}
        for name, parameter in compiled.binds.items():
            convert = parameter.type.dialect_impl(dialect).bind_processor(dialect)
            if convert is not None:
                self._stored[name] = convert
        self._wanted = tuple(compiled.binds)

    def run(self, cursor: DBAPICursor, values: Mapping[str, object]) -> int:
        stored = {
            name: self._stored[name](values[name]) if name in self._stored else values[name] for name in self._wanted
        }
        cursor.execute(self._sql, stored if self._names is None else [stored[name] for name in self._names])
        return int(cursor.rowcount)


def _values(settlement: Settlement) -> dict[str, object]:
    return {
        "at_rule_id": settlement.rule_id,
        "at_subject_id": settlement.subject_id,
        "at_period_at": settlement.period_at,
        "at_process_id": settlement.process_id,
        "held": settlement.held,
        "used": settlement.used,
    }
