"""The worker's part in warnings: whose limits are to be looked at now. However many workers look, each is told once."""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import Session, col, select

from app.billing import alerts, watching
from app.core import ids
from app.core.config import Settings
from app.metering.models import Attempt, UsageEvent, UsageMonth
from app.organisations.models import Organisation
from app.plans import periods
from app.plans import queries as plans

log = logging.getLogger(__name__)

EVERY_S = 3.0
OVERLAP = timedelta(minutes=1)
"""So long ago a call may have begun that is written down only now."""
EVERYBODY_EVERY = timedelta(minutes=10)
"""What came later than that, because a gateway kept it on disk meanwhile, is found by looking at everybody."""


class Lookout:
    """Remembers when it last looked; begins with everybody who called this month."""

    def __init__(self) -> None:
        self._looked_at: datetime | None = None
        self._everybody_at: datetime | None = None

    def run(self, session: Session, settings: Settings, now: datetime) -> int:
        """Each organisation in a transaction of its own; gives how many thresholds were found passed."""
        told = 0
        for organisation_id in sorted(self._due(session, now), key=str):
            try:
                told += _look(session, organisation_id, settings, now)
                session.commit()
            except Exception:  # one that surprises us must not keep the others from being warned
                log.exception("alerts.failed", extra={"organisation_id": organisation_id})
                session.rollback()
        self._looked_at = now
        return told

    def _due(self, session: Session, now: datetime) -> set[UUID]:
        last = self._looked_at
        if last is None or self._everybody_at is None or now - self._everybody_at >= EVERYBODY_EVERY:
            self._everybody_at = now
            months = {periods.start_of(periods.MONTH, at) for at in (now, now - alerts.REFUSED_WITHIN)}
            found = set(session.exec(select(UsageMonth.organisation_id).where(col(UsageMonth.month_at).in_(months))))
            since = now - alerts.REFUSED_WITHIN
        else:
            since = last - OVERLAP
            called = select(UsageEvent.organisation_id).where(col(UsageEvent.id) >= ids.lowest_receipt(since))
            found = set(session.exec(called.distinct()))
        refused = select(Attempt.organisation_id).where(col(Attempt.at) >= since, col(Attempt.rule_id).is_not(None))
        return found | {one for one in session.exec(refused.distinct()) if one is not None}


def _look(session: Session, organisation_id: UUID, settings: Settings, now: datetime) -> int:
    organisation = session.get(Organisation, organisation_id)
    if organisation is None:
        return 0
    currency = watching.currency_of(plans.standing(session, organisation_id, at=now), usual=settings.currency)
    return alerts.look(session, organisation, currency=currency, mode=settings.stripe_mode, now=now)
