"""Whose a key is: a member's, or a service's, which has a name and no person. Either way it is the organisation's."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session, col, select

from app.accounts.models import Person
from app.core.errors import Invalid
from app.keys.models import Key
from app.organisations.models import Membership, Organisation

LENGTH = 60
NOBODY = "A service"
CHOICES = 200
"""Members in a list to choose from; for others one begins at their own page."""


@dataclass(frozen=True, slots=True)
class Owner:
    """person_id: None for a service, which `service` names; "" for one that nobody has named."""

    person_id: UUID | None = None
    service: str = ""


def owner_of(key: Key) -> Owner:
    """Whose it is now."""
    return Owner(key.owner_id, key.service)


def checked(session: Session, owner: Owner, *, organisation: Organisation) -> Owner:
    """As it is kept. Raises Invalid for who is no member of the organisation, and for a name that is too long."""
    if owner.person_id is not None:
        if session.get(Membership, (organisation.id, owner.person_id)) is None:
            raise Invalid(f"A key belongs to a member of “{organisation.name}” or to a service.")
        return Owner(owner.person_id)
    service = "".join(character for character in " ".join(owner.service.split()) if character.isprintable())
    if len(service) > LENGTH:
        raise Invalid(f"Use a name of at most {LENGTH} characters for the service.")
    return Owner(None, service)


def names_of(session: Session, keys: Iterable[Key]) -> dict[UUID, str]:
    """How pages call the owner of each of `keys`, by the key's id; also of those who have left."""
    keys = list(keys)
    people = {key.owner_id for key in keys if key.owner_id is not None}
    statement = select(Person.id, Person.name).where(col(Person.id).in_(people))
    names = dict(session.exec(statement).all()) if people else {}
    return {key.id: named(key, names) for key in keys}


def named(key: Key, names: dict[UUID, str]) -> str:
    """names: of people, by their ids."""
    if key.owner_id is None:
        return key.service or NOBODY
    return names.get(key.owner_id) or "Somebody who is gone"


def members_of(session: Session, organisation: Organisation, *, also: Iterable[UUID] = ()) -> list[tuple[UUID, str]]:
    """(id, name) of whom a key may belong to, by name: the first CHOICES members, and those of `also` who are some."""
    members = (
        select(Person.id, Person.name)
        .join(Membership, col(Membership.person_id) == col(Person.id))
        .where(Membership.organisation_id == organisation.id)
        .order_by(Person.name, col(Person.id))
    )
    found = list(session.exec(members.limit(CHOICES)).all())
    others = set(also) - {person_id for person_id, _ in found}
    return [*found, *session.exec(members.where(col(Person.id).in_(others)))] if others else found
