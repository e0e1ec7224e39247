"""Everybody who ever signed in, for operators: finding them, where they belong, and signing one out."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_
from sqlmodel import Session, col, select

from app.accounts import services as accounts
from app.accounts.models import BrowserSession, Person
from app.core import audit, uuids
from app.core.errors import NotFound
from app.organisations.models import Membership, Organisation


@dataclass(frozen=True, slots=True)
class PersonLine:
    """Somebody in the list. seen_at: when a browser of theirs last came by; None if no session is kept."""

    person: Person
    organisations: int
    seen_at: datetime | None


def search(session: Session, text: str, *, limit: int, offset: int = 0) -> list[PersonLine]:
    """Newest first; with a text those whose name or e-mail address holds it, or whose id it is."""
    belongs = select(func.count()).where(col(Membership.person_id) == col(Person.id)).scalar_subquery()
    seen = (
        select(func.max(col(BrowserSession.last_seen_at)))
        .where(col(BrowserSession.person_id) == col(Person.id))
        .scalar_subquery()
    )
    statement = select(Person, belongs, seen).order_by(col(Person.created_at).desc(), col(Person.id))
    if text:
        found = [col(Person.name).icontains(text, autoescape=True), col(Person.email).icontains(text, autoescape=True)]
        person_id = uuids.read(text)
        statement = statement.where(or_(*found, col(Person.id) == person_id) if person_id else or_(*found))
    rows = session.exec(statement.limit(limit).offset(offset)).all()
    return [PersonLine(person, organisations=int(n), seen_at=seen_at) for person, n, seen_at in rows]


def one(session: Session, person_id: UUID) -> Person:
    """Raises NotFound."""
    person = session.get(Person, person_id)
    if person is None:
        raise NotFound("There is no such person.")
    return person


def memberships_of(session: Session, person: Person) -> list[tuple[Organisation, Membership]]:
    """Where they belong, and as what; first joined first."""
    statement = (
        select(Organisation, Membership)
        .join(Membership, col(Membership.organisation_id) == col(Organisation.id))
        .where(Membership.person_id == person.id)
        .order_by(col(Membership.joined_at), col(Organisation.id))
    )
    return list(session.exec(statement).all())


def sign_out(session: Session, *, person: Person, operator_id: UUID, now: datetime) -> int:
    """End all their sessions; each organisation of theirs sees that an operator did. Gives how many that were."""
    ended = accounts.end_all_sessions(session, person=person, now=now)
    tell(session, person, "person.signed_out", {"browsers": str(ended)}, operator_id=operator_id, now=now)
    return ended


def tell(
    session: Session, person: Person, action: str, details: dict[str, str], *, operator_id: UUID, now: datetime
) -> None:
    """Write down what an operator did to a person, in the trail of each organisation that they belong to."""
    places: list[UUID | None] = [organisation.id for organisation, _ in memberships_of(session, person)]
    for organisation_id in places or [None]:
        audit.record(
            session,
            action=action,
            now=now,
            organisation_id=organisation_id,
            person_id=operator_id,
            subject_id=person.id,
            details={"person": person.name, **details},
        )
