"""What a key by itself may use, as its organisation says: calls a minute, and money a day and month.

That belongs to the key: whoever may change keys sets it, when a key is made and later. Who pays may set such caps, too,
among all others (app/billing/views/limits.py).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select

from app.billing import caps
from app.keys.models import Key
from app.limits import models as limits
from app.limits import services as limit_services
from app.limits.models import LimitRule
from app.limits.services import Selection
from app.organisations.models import Organisation
from app.plans import periods

_PLACES = {(limits.CALLS, periods.MINUTE): "rate"} | {
    (limits.SPEND, period): period for period in (periods.DAY, periods.MONTH)
}
"""Fields of Own by what a rule measures, and in which time."""


@dataclass(frozen=True, slots=True)
class Own:
    """What an organisation allows one key by itself, of all its calls: nothing where it has said nothing."""

    rate: LimitRule | None = None
    day: LimitRule | None = None
    month: LimitRule | None = None

    @property
    def per_minute(self) -> int | None:
        """Calls."""
        return None if self.rate is None else self.rate.most

    @property
    def spend(self) -> dict[str, int]:
        """Caps in nano-minor-units, by period."""
        return {rule.period: rule.most for rule in (self.day, self.month) if rule is not None}


def own_of(session: Session, key_ids: Iterable[UUID]) -> dict[UUID, Own]:
    """Of each of these keys, in one query."""
    statement = select(LimitRule).where(
        col(LimitRule.key_id).in_(wanted := list(key_ids)),
        LimitRule.set_by == caps.OWN,
        col(LimitRule.integration_id).is_(None),
    )
    found: dict[UUID, dict[str, LimitRule]] = {key_id: {} for key_id in wanted}
    for rule in session.exec(statement):
        if rule.key_id is not None and (place := _PLACES.get((rule.measure, rule.period))) is not None:
            found[rule.key_id][place] = rule
    return {key_id: Own(**rules) for key_id, rules in found.items()}


def set_rate(
    session: Session,
    *,
    organisation: Organisation,
    key: Key,
    per_minute: int | None,
    person_id: UUID | None,
    now: datetime,
) -> bool:
    """Have it so many calls a minute, None for no rate of its own. Gives whether that is anything new."""
    known = own_of(session, [key.id])[key.id].rate
    if per_minute == (None if known is None else known.most):
        return False
    if per_minute is None and known is not None:
        limit_services.remove(session, rule=known, person_id=person_id, now=now)
    elif per_minute is not None:
        limit_services.set_limit(
            session,
            selection=Selection(organisation=organisation, key=key),
            measure=limits.CALLS,
            period=periods.MINUTE,
            most=per_minute,
            set_by=caps.OWN,
            person_id=person_id,
            now=now,
        )
    return True


def set_caps(
    session: Session,
    *,
    organisation: Organisation,
    key: Key,
    spend: Mapping[str, int | None],
    currency: str,
    person_id: UUID | None,
    now: datetime,
) -> bool:
    """Have it spend so many nano-minor-units at most, by period; None for no cap of its own, what is left out stays.
    What happens at a cap that there is stays as it was chosen. Gives whether that is anything new.
    """
    own = own_of(session, [key.id])[key.id]
    known = {periods.DAY: own.day, periods.MONTH: own.month}
    changed = False
    for period, most in spend.items():
        rule = known[period]
        if most == (None if rule is None else rule.most):
            continue
        changed = True
        if most is not None:
            caps.set_cap(
                session,
                organisation=organisation,
                key=key,
                period=period,
                most=most,
                action=limits.STOP if rule is None else rule.action,
                currency=currency,
                person_id=person_id,
                now=now,
            )
        elif rule is not None:
            caps.remove_cap(session, rule=rule, currency=currency, person_id=person_id, now=now)
    return changed
