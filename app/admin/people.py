"""Everybody who ever signed in, for operators: finding them, all that is kept of one, and signing one out.

What is kept of a person is their account, ways in, sessions, memberships, what they did and mail to them. Calls belong
to organisations.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_
from sqlmodel import Session, col, select

from app.accounts import services as accounts
from app.accounts.models import BrowserSession, Identity, Person
from app.core import audit, uuids
from app.core.audit import AuditEntry
from app.core.errors import NotFound
from app.core.mail import Mail
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


def export(session: Session, person: Person, *, most: int = 10_000) -> dict[str, object]:
    """All that is kept of them, as JSON can say it; of what they did and of mail the newest `most`."""
    ways = session.exec(select(Identity).where(Identity.person_id == person.id).order_by(col(Identity.linked_at)))
    browsers = session.exec(
        select(BrowserSession)
        .where(BrowserSession.person_id == person.id)
        .order_by(col(BrowserSession.created_at).desc())
        .limit(most)
    )
    acts = session.exec(
        select(AuditEntry).where(AuditEntry.person_id == person.id).order_by(col(AuditEntry.at).desc()).limit(most)
    )
    letters = session.exec(
        select(Mail).where(Mail.recipient == person.email).order_by(col(Mail.queued_at).desc()).limit(most)
    )
    return {
        "person": person.model_dump(mode="json"),
        "identities": [way.model_dump(mode="json", exclude={"person_id"}) for way in ways],
        "sessions": [
            browser.model_dump(mode="json", include={"user_agent", "address", "created_at", "last_seen_at", "ended_at"})
            for browser in browsers
        ],
        "organisations": [
            {"name": place.name, "slug": place.slug, "role": held.role, "joined_at": held.joined_at.isoformat()}
            for place, held in memberships_of(session, person)
        ],
        "acts": [act.model_dump(mode="json", exclude={"person_id"}) for act in acts],
        "mail": [
            letter.model_dump(mode="json", include={"template", "recipient", "state", "queued_at", "sent_at"})
            for letter in letters
        ],
    }
