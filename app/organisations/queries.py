"""Looking organisations and memberships up, always through the person who belongs to them."""

from uuid import UUID

from sqlmodel import Session, col, select

from app.accounts.models import Person
from app.core.errors import NotFound
from app.organisations import roles
from app.organisations.models import Membership, Organisation


def membership_of(
    session: Session, person_id: UUID, *, preferred: UUID | None = None
) -> tuple[Organisation, Membership] | None:
    """The organisation that a person works in, and as what: `preferred` if they belong to it, else the first joined.

    None for somebody who belongs to no organisation.
    """
    statement = (
        select(Organisation, Membership)
        .where(Membership.organisation_id == Organisation.id, Membership.person_id == person_id)
        .order_by(col(Organisation.id) != preferred, col(Membership.joined_at), col(Organisation.id))
        .limit(1)
    )
    return session.exec(statement).first()


def addresses_with(session: Session, organisation_id: UUID, permission: str) -> list[str]:
    """E-mail addresses of the members whose role includes `permission`, who joined first first; each once."""
    statement = (
        select(Person.email)
        .join(Membership, col(Membership.person_id) == col(Person.id))
        .where(
            Membership.organisation_id == organisation_id,
            col(Membership.role).in_(roles.with_permission(permission)),
            col(Person.email).is_not(None),
        )
        .order_by(col(Membership.joined_at), col(Person.id))
    )
    return list({email.casefold(): email for email in reversed(session.exec(statement).all()) if email}.values())[::-1]


def is_slug_taken(session: Session, slug: str) -> bool:
    """Whether an organisation has this slug."""
    return session.exec(select(Organisation.id).where(Organisation.slug == slug)).first() is not None


def by_slug(session: Session, slug: str) -> Organisation:
    """For the command line. Raises NotFound."""
    found = session.exec(select(Organisation).where(Organisation.slug == slug)).first()
    if found is None:
        raise NotFound(f"There is no organisation “{slug}”.")
    return found
