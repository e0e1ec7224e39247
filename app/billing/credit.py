"""Looking credit up: what is left, and of which grants. Amounts in nano-minor-units."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select

from app.billing.wallet import LEFT, ORDER, PAGE
from app.billing.wallet_models import CreditGrant
from app.limits import prepaid


def balance(session: Session, organisation_id: UUID, currency: str, *, at: datetime) -> int:
    """What can be used at `at`, with what calls have used up to now; never below 0."""
    where = (CreditGrant.organisation_id == organisation_id, CreditGrant.currency == currency)
    grants = session.exec(select(CreditGrant).where(*where)).all()
    unsettled = prepaid.spent(session, organisation_id, currency) - sum(grant.used_nanos for grant in grants)
    over = sum(grant.left_nanos for grant in grants if grant.expires_at is not None and grant.expires_at <= at)
    left = sum(grant.left_nanos for grant in grants) - over
    return max(0, left - max(0, unsettled - over) - min(0, unsettled))


def unbooked(session: Session, organisation_id: UUID, currency: str) -> int:
    """What calls have used of it and no grant knows of yet; never more than is left."""
    where = (CreditGrant.organisation_id == organisation_id, CreditGrant.currency == currency)
    grants = session.exec(select(CreditGrant).where(*where)).all()
    unsettled = prepaid.spent(session, organisation_id, currency) - sum(grant.used_nanos for grant in grants)
    return min(unsettled, sum(grant.left_nanos for grant in grants))


def held(session: Session, organisation_id: UUID, currency: str) -> int:
    """What calls under way may still use: gateways hold it for them, a little ahead."""
    return prepaid.held(session, organisation_id, currency)


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of a grant, nano-minor-units, with what calls have used up to now."""

    grant: CreditGrant
    nanos: int


def left_of_grants(session: Session, organisation_id: UUID, currency: str, *, at: datetime) -> list[Left]:
    """Of those that have something left at `at`, in the order in which they are used; a page."""
    gone, found = max(0, unbooked(session, organisation_id, currency)), []
    for grant in open_grants(session, organisation_id, currency, at=at):
        part = min(gone, grant.left_nanos)
        gone -= part
        if grant.left_nanos > part:
            found.append(Left(grant, grant.left_nanos - part))
    return found


def currencies(session: Session, organisation_id: UUID) -> list[str]:
    """Those in which it was ever given credit, in order."""
    statement = select(CreditGrant.currency).where(CreditGrant.organisation_id == organisation_id).distinct()
    return list(session.exec(statement.order_by(col(CreditGrant.currency))))


def open_grants(session: Session, organisation_id: UUID, currency: str, *, at: datetime) -> list[CreditGrant]:
    """Grants that have something left at `at`, as last told apart, in the order in which they are used; a page."""
    where = (CreditGrant.organisation_id == organisation_id, CreditGrant.currency == currency)
    statement = select(CreditGrant).where(*where, LEFT > 0).order_by(*ORDER).limit(PAGE)
    return [one for one in session.exec(statement) if one.expires_at is None or one.expires_at > at]
