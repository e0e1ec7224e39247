"""Caps on spending that organisations set for themselves: for everything, one key, or one integration.

person_id, everywhere: who asks; None for a program.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from app.billing import alerts
from app.core.errors import Invalid, LimitReached, NotFound
from app.integrations.models import Integration
from app.keys.models import Key
from app.limits import models, services
from app.limits.models import LimitRule
from app.limits.services import Selection
from app.organisations.models import Organisation

OWN = "organisation"
"""Who sets such a cap, as LimitRule says it."""
MOST_CAPS = 200


def set_cap(
    session: Session,
    *,
    organisation: Organisation,
    key: Key | None = None,
    integration: Integration | None = None,
    period: str,
    most: int,
    action: str,
    currency: str,
    person_id: UUID | None,
    now: datetime,
) -> LimitRule:
    """At most `most` nano-minor-units a day or month from now on, or what `action` says beyond it. One for the same
    calls and period is changed. What it has passed already is not warned of, save that it is used up.

    Raises Invalid, Conflict if it is so already, LimitReached when there are too many.
    """
    if key is not None and integration is not None:
        raise Invalid("A cap is for a key or for an integration.")
    _one_at_a_time(session, organisation)
    if _count(session, organisation) >= MOST_CAPS:
        raise LimitReached(f"There are {MOST_CAPS} caps already. Remove one first.")
    rule = services.set_limit(
        session,
        selection=Selection(organisation=organisation, key=key, integration=integration),
        measure=models.SPEND,
        period=period,
        most=most,
        set_by=OWN,
        action=action,
        currency=currency,
        person_id=person_id,
        now=now,
    )
    alerts.begin_anew(session, organisation, currency=currency, now=now)
    return rule


def remove_cap(session: Session, *, rule: LimitRule, currency: str, person_id: UUID | None, now: datetime) -> None:
    """Within a second nothing of it holds any more."""
    services.remove(session, rule=rule, currency=currency, person_id=person_id, now=now)


def cap_of(session: Session, organisation: Organisation, rule_id: UUID) -> LimitRule:
    """One that the organisation set itself. Raises NotFound for any other."""
    statement = select(LimitRule).where(
        LimitRule.id == rule_id,
        LimitRule.organisation_id == organisation.id,
        LimitRule.set_by == OWN,
        LimitRule.measure == models.SPEND,
    )
    found = session.exec(statement).first()
    if found is None:
        raise NotFound("There is no such cap in this organisation.")
    return found


def _one_at_a_time(session: Session, organisation: Organisation) -> None:
    """Until the commit nobody else sets a cap of this organisation: two at once would make two of the same."""
    row = col(Organisation.id) == organisation.id
    session.execute(update(Organisation).where(row).values(name=Organisation.name))


def _count(session: Session, organisation: Organisation) -> int:
    mine = select(func.count()).where(LimitRule.organisation_id == organisation.id, LimitRule.set_by == OWN)
    return int(session.exec(mine).one())
