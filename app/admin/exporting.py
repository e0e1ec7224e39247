"""All that is kept of a person, for them: account, ways in, sessions, memberships, what they did and what was done
about them, invitations and mail to them. Calls belong to organisations. What is in it, by column: personal.py.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_
from sqlmodel import Session, SQLModel, col, select

from app.accounts.models import BrowserSession, Identity, Person
from app.admin import people
from app.admin.models import OrganisationNote
from app.billing.models import BillingAccount
from app.core.audit import AuditEntry
from app.core.mail import Mail
from app.core.mail_kinds import MailRefusal
from app.keys.models import Key
from app.organisations.invitation_models import FormerMember, Invitation
from app.organisations.models import Organisation

SESSION = {"user_agent", "address", "created_at", "last_seen_at", "ended_at"}
INVITATION = {
    "organisation_id",
    "email",
    "role",
    "created_by",
    "created_at",
    "sent_at",
    "expires_at",
    "revoked_at",
    "uses",
}
MAIL = {"template", "recipient", "state", "queued_at", "sent_at"}


def export(session: Session, person: Person, *, most: int = 10_000) -> dict[str, object]:
    """As JSON can say it; of what may be many the newest `most`."""
    identities = select(Identity).where(Identity.person_id == person.id).order_by(col(Identity.linked_at))
    sessions = (
        select(BrowserSession)
        .where(BrowserSession.person_id == person.id)
        .order_by(col(BrowserSession.created_at).desc())
        .limit(most)
    )
    keys = select(Key).where(Key.owner_id == person.id).order_by(col(Key.created_at)).limit(most)
    by_others = or_(col(AuditEntry.person_id).is_(None), col(AuditEntry.person_id) != person.id)
    entries = select(AuditEntry).order_by(col(AuditEntry.at).desc()).limit(most)
    acts = entries.where(AuditEntry.person_id == person.id)
    about = entries.where(AuditEntry.subject_id == person.id, by_others)
    return {
        "person": person.model_dump(mode="json"),
        "identities": _rows(session.exec(identities).all(), but={"person_id"}),
        "sessions": _rows(session.exec(sessions).all(), SESSION),
        "organisations": _organisations(session, person),
        "former_organisations": _former(session, person),
        "keys": _rows(session.exec(keys).all(), {"organisation_id", "name", "created_at"}),
        "acts": _rows(session.exec(acts).all(), but={"person_id"}),
        "about": _rows(session.exec(about).all(), {"at", "organisation_id", "action", "details"}),
        **_by_address(session, person.email, most=most),
    }


def _organisations(session: Session, person: Person) -> list[dict[str, object]]:
    return [
        {
            "name": place.name,
            "slug": place.slug,
            "role": held.role,
            "joined_at": held.joined_at.isoformat(),
            "notes": _notes(session, place.id) if place.is_personal else [],
        }
        for place, held in people.memberships_of(session, person)
    ]


def _notes(session: Session, organisation_id: UUID) -> list[str]:
    """What operators wrote about the organisation of one person."""
    statement = select(OrganisationNote.words).where(OrganisationNote.organisation_id == organisation_id)
    return list(session.exec(statement.order_by(col(OrganisationNote.created_at))))


def _former(session: Session, person: Person) -> list[dict[str, object]]:
    statement = (
        select(Organisation.name, FormerMember.removed_at)
        .join(FormerMember, col(FormerMember.organisation_id) == col(Organisation.id))
        .where(FormerMember.person_id == person.id)
        .order_by(col(FormerMember.removed_at))
    )
    return [{"name": name, "removed_at": at.isoformat()} for name, at in session.exec(statement)]


def _by_address(session: Session, email: str | None, *, most: int) -> dict[str, object]:
    """What is known by their e-mail address alone."""
    if email is None:
        return {"invitations": [], "mail": [], "mail_refused": [], "bills_to": []}
    address = email.lower()
    invitations = (
        select(Invitation)
        .where(func.lower(col(Invitation.email)) == address)
        .order_by(col(Invitation.created_at).desc())
        .limit(most)
    )
    letters = (
        select(Mail).where(func.lower(col(Mail.recipient)) == address).order_by(col(Mail.queued_at).desc()).limit(most)
    )
    refused = select(MailRefusal).where(MailRefusal.address == address)
    planned = select(Organisation.name).where(func.lower(col(Organisation.billing_email)) == address)
    payers = (
        select(Organisation.name)
        .join(BillingAccount, col(BillingAccount.organisation_id) == col(Organisation.id))
        .where(func.lower(col(BillingAccount.email)) == address)
    )
    return {
        "invitations": _rows(session.exec(invitations).all(), INVITATION),
        "mail": _rows(session.exec(letters).all(), MAIL),
        "mail_refused": _rows(session.exec(refused).all(), but={"address"}),
        "bills_to": sorted({*session.exec(planned), *session.exec(payers)}),
    }


def _rows(
    found: Sequence[SQLModel], only: set[str] | None = None, *, but: set[str] | None = None
) -> list[dict[str, Any]]:
    return [one.model_dump(mode="json", include=only, exclude=but) for one in found]
