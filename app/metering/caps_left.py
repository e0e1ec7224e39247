"""What caps on spending have left once a group of events is settled, for receipts to say."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Dialect, bindparam, select
from sqlalchemy.engine.interfaces import DBAPICursor

from app.core import db
from app.limits.holds import Settlement
from app.limits.models import SPEND, LimitCounter, LimitRule
from app.metering.entry import Entry
from app.metering.prepared import PreparedStatement

COUNTERS = db.metadata.tables[str(LimitCounter.__tablename__)]
RULES = db.metadata.tables[str(LimitRule.__tablename__)]


class CapsLeft:
    """For one connection. Which rules are caps on spending is asked once: a rule's measure never changes."""

    def __init__(self, dialect: Dialect) -> None:
        self._is_cap: dict[UUID, bool] = {}
        measure = select(RULES.c.measure).where(RULES.c.id == bindparam("rule_id"))
        same = [COUNTERS.c[name] == bindparam(name) for name in ("rule_id", "subject_id", "period_at")]
        self._measure = PreparedStatement(measure, dialect)
        self._left = PreparedStatement(select(COUNTERS.c.most - COUNTERS.c.spent).where(*same), dialect)

    def tell(self, cursor: DBAPICursor, entries: Sequence[Entry]) -> None:
        """Set `left_nanos` of entries that were held against a cap: what the tightest of theirs has left."""
        known: dict[tuple[object, ...], int | None] = {}
        for entry in entries:
            lefts = []
            for settlement in entry.settlements:
                place = tuple(settlement[:3])
                if place not in known:
                    known[place] = self._of(cursor, settlement)
                lefts.append(known[place])
            entry.left_nanos = min((left for left in lefts if left is not None), default=None)

    def _of(self, cursor: DBAPICursor, settlement: Settlement) -> int | None:
        rule_id = settlement.rule_id
        is_cap = self._is_cap.get(rule_id)
        if is_cap is None:
            is_cap = self._is_cap[rule_id] = self._measure.first(cursor, {"rule_id": rule_id}) == (SPEND,)
        if not is_cap:
            return None
        left = self._left.first(cursor, settlement._asdict())
        return max(0, int(left[0])) if left is not None else None
