"""Making a key with all that goes with it, and changing it: its terms, its rate, what it may spend."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from app.keyring import own_limits
from app.keys import owners, services, terms, tokens
from app.keys.models import Key
from app.keys.owners import Owner
from app.keys.services import Issued
from app.keys.terms import Terms
from app.organisations.models import Organisation


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
    spend: Mapping[str, int | None],
    currency: str,
    person_id: UUID | None,
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
    own_limits.set_rate(
        session, organisation=organisation, key=issued.key, per_minute=per_minute, person_id=person_id, now=now
    )
    own_limits.set_caps(
        session,
        organisation=organisation,
        key=issued.key,
        spend=spend,
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
    spend: Mapping[str, int | None],
    currency: str,
    person_id: UUID | None,
    now: datetime,
) -> bool:
    """What is different is changed and written down, each by itself; gives whether anything was. spend: as set_caps.

    Raises Invalid, and Conflict if the key is revoked.
    """
    services.refuse_revoked(key)
    changed = own_limits.set_rate(
        session, organisation=organisation, key=key, per_minute=per_minute, person_id=person_id, now=now
    )
    if own_limits.set_caps(
        session, organisation=organisation, key=key, spend=spend, currency=currency, person_id=person_id, now=now
    ):
        changed = True
    if " ".join(name.split()) != key.name:
        services.rename(session, key=key, name=name, person_id=person_id, now=now)
        changed = True
    if owner != owners.owner_of(key):
        services.hand_over(session, key=key, to=owner, person_id=person_id, now=now)
        changed = True
    if terms.alike(to) != terms.alike(terms.terms_of(key)):
        services.change(session, key=key, to=to, person_id=person_id, now=now)
        changed = True
    return changed
