"""Making a key with all that goes with it, and changing it: its terms, its rate, what it may spend."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select

from app.billing import caps
from app.core.errors import Conflict
from app.keys import owners, services, terms, tokens
from app.keys.models import Key
from app.keys.owners import Owner
from app.keys.services import Issued
from app.keys.terms import Terms
from app.limits import models as limits
from app.limits import services as limit_services
from app.limits.models import LimitRule
from app.limits.services import Selection
from app.organisations.models import Organisation
from app.plans import periods

OWN = "organisation"


def make(
    session: Session,
    *,
    organisation: Organisation,
    name: str,
    brand: str,
    environment: tokens.Environment,
    on: Terms,
    owner: Owner,
    per_minute: int | None,
    spend: dict[str, int],
    currency: str,
    person_id: UUID,
    now: datetime,
) -> Issued:
    """A key, with its own rate and caps from its first call on.

    per_minute: calls; None for what holds for every key. spend: nano-minor-units of currency by period, “day” or
    “month”. Raises Invalid and LimitReached, as services.issue and caps.set_cap do.
    """
    issued = services.issue(
        session,
        organisation=organisation,
        name=name,
        brand=brand,
        environment=environment,
        on=on,
        owner=owner,
        person_id=person_id,
        now=now,
    )
    set_rate(session, organisation=organisation, key=issued.key, per_minute=per_minute, person_id=person_id, now=now)
    for period, most in spend.items():
        caps.set_cap(
            session,
            organisation=organisation,
            key=issued.key,
            period=period,
            most=most,
            action=limits.STOP,
            currency=currency,
            person_id=person_id,
            now=now,
        )
    return issued


def change(
    session: Session,
    *,
    organisation: Organisation,
    key: Key,
    name: str,
    to: Terms,
    owner: Owner,
    per_minute: int | None,
    person_id: UUID,
    now: datetime,
) -> None:
    """What is different is changed and written down, each by itself. Raises Invalid, and Conflict if nothing is, or if
    the key is revoked.
    """
    changed = False
    if " ".join(name.split()) != key.name:
        services.rename(session, key=key, name=name, person_id=person_id, now=now)
        changed = True
    if owner != owners.owner_of(key):
        services.hand_over(session, key=key, to=owner, person_id=person_id, now=now)
        changed = True
    if set_rate(session, organisation=organisation, key=key, per_minute=per_minute, person_id=person_id, now=now):
        changed = True
    if terms.alike(to) != terms.alike(terms.terms_of(key)):
        services.change(session, key=key, to=to, person_id=person_id, now=now)
        changed = True
    if not changed:
        raise Conflict(f"Nothing about “{key.name}” is different.")


def rate_of(session: Session, key: Key) -> LimitRule | None:
    """The calls a minute that its organisation allows this key."""
    statement = select(LimitRule).where(
        LimitRule.key_id == key.id,
        LimitRule.set_by == OWN,
        LimitRule.measure == limits.CALLS,
        LimitRule.period == periods.MINUTE,
        col(LimitRule.integration_id).is_(None),
    )
    return session.exec(statement).first()


def set_rate(
    session: Session, *, organisation: Organisation, key: Key, per_minute: int | None, person_id: UUID, now: datetime
) -> bool:
    """Have it so many calls a minute, None for no rate of its own. Gives whether that is anything new."""
    known = rate_of(session, key)
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
            set_by=OWN,
            person_id=person_id,
            now=now,
        )
    return True
