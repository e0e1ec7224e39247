"""Looking organisations and memberships up, always through the person who belongs to them."""

from uuid import UUID

from sqlalchemy import func, or_
from sqlmodel import Session, col, select

from app.accounts.models import Person
from app.core.errors import NotFound
from app.organisations import roles
from app.organisations.models import FormerSlug, Membership, Organisation

Place = tuple[Organisation, Membership]
"""An organisation, and that somebody belongs to it."""


def membership_of(session: Session, person_id: UUID, *, preferred: UUID | None = None) -> Place | None:
    """The organisation that a person works in, and as what: `preferred` if they belong to it, else the first joined.

    None for somebody who belongs to no organisation.
    """
    return next(iter(places_of(session, person_id, preferred=preferred, limit=1)), None)


def places_of(
    session: Session, person_id: UUID, *, preferred: UUID | None = None, limit: int, offset: int = 0
) -> list[Place]:
    """The organisations that a person belongs to, as membership_of orders them: `preferred`, then the first joined."""
    statement = (
        select(Organisation, Membership)
        .where(Membership.organisation_id == Organisation.id, Membership.person_id == person_id)
        .order_by(col(Organisation.id) != preferred, col(Membership.joined_at), col(Organisation.id))
        .limit(limit)
        .offset(offset)
    )
    return list(session.exec(statement))


def place_of(session: Session, person_id: UUID, organisation_id: UUID) -> Place:
    """Raises NotFound where they do not belong to it, as for one that never was."""
    found = session.exec(
        select(Organisation, Membership).where(
            Organisation.id == organisation_id,
            Membership.organisation_id == Organisation.id,
            Membership.person_id == person_id,
        )
    ).first()
    if found is None:
        raise NotFound("You belong to no such organisation.")
    return found


def is_member(session: Session, person_id: UUID, organisation_id: UUID) -> bool:
    """Whether they belong to it."""
    return session.get(Membership, (organisation_id, person_id)) is not None


def count_members(session: Session, organisation: Organisation, *, role: str = "") -> int:
    """How many people belong to it; role: only those of this one."""
    statement = select(func.count()).select_from(Membership).where(Membership.organisation_id == organisation.id)
    return session.exec(statement.where(Membership.role == role) if role else statement).one()


def addresses_with(
    session: Session, organisation_id: UUID, permission: str, *, or_person: UUID | None = None
) -> list[str]:
    """E-mail addresses of the members whose role includes `permission`, who joined first first; each once. or_person:
    and of this one, whatever their role, if they belong to it.
    """
    statement = (
        select(Person.email)
        .join(Membership, col(Membership.person_id) == col(Person.id))
        .where(
            Membership.organisation_id == organisation_id,
            or_(col(Membership.role).in_(roles.with_permission(permission)), col(Membership.person_id) == or_person),
            col(Person.email).is_not(None),
        )
        .order_by(col(Membership.joined_at), col(Person.id))
    )
    return list({email.casefold(): email for email in reversed(session.exec(statement).all()) if email}.values())[::-1]


def is_slug_taken(session: Session, slug: str) -> bool:
    """Whether an organisation has this slug, or had it."""
    has = session.exec(select(Organisation.id).where(Organisation.slug == slug)).first()
    return has is not None or session.get(FormerSlug, slug) is not None


def by_slug(session: Session, slug: str) -> Organisation:
    """For the command line; also by a slug that it had. Raises NotFound."""
    found = session.exec(select(Organisation).where(Organisation.slug == slug)).first()
    if found is None:
        former = session.get(FormerSlug, slug)
        found = session.get(Organisation, former.organisation_id) if former is not None else None
    if found is None:
        raise NotFound(f"There is no organisation “{slug}”.")
    return found
