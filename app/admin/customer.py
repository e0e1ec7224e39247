"""Looking up what an operator wants to know of one organisation."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import Session, col, select

from app.accounts.models import Person
from app.billing import credit
from app.core.errors import NotFound
from app.metering import queries as metering
from app.metering.queries import Totals
from app.organisations.models import Membership, Organisation
from app.plans import amounts


@dataclass(frozen=True, slots=True)
class Use:
    """Calls of the last 30 days, today included, and of the 30 before."""

    now: Totals
    before: Totals


def one(session: Session, organisation_id: UUID) -> Organisation:
    """Raises NotFound."""
    organisation = session.get(Organisation, organisation_id)
    if organisation is None:
        raise NotFound("There is no such organisation.")
    return organisation


def members_of(
    session: Session, organisation: Organisation, *, limit: int, offset: int = 0
) -> list[tuple[Person, Membership]]:
    """Who belongs to it, first joined first."""
    statement = (
        select(Person, Membership)
        .join(Membership, col(Membership.person_id) == col(Person.id))
        .where(Membership.organisation_id == organisation.id)
        .order_by(col(Membership.joined_at), col(Person.id))
        .limit(limit)
        .offset(offset)
    )
    return list(session.exec(statement).all())


def use_of(session: Session, organisation: Organisation, *, now: datetime) -> Use:
    """What it called."""
    since, until = metering.days_back(now, 30)
    before = since - timedelta(days=30)
    return Use(
        now=metering.totals(session, organisation, since=since, until=until),
        before=metering.totals(session, organisation, since=before, until=since),
    )


def credit_of(session: Session, organisation: Organisation, *, now: datetime) -> list[str]:
    """What is left of prepaid credit: “€12.00”, one for each currency."""
    return [
        amounts.shown(credit.balance(session, organisation.id, currency, at=now), currency=currency)
        for currency in credit.currencies(session, organisation.id)
    ]
