"""Making organisations."""

import re
import secrets
import unicodedata
from datetime import datetime

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from app.accounts.models import Person
from app.core.errors import Conflict, Invalid, LimitReached
from app.organisations import queries, recording, roles
from app.organisations.models import Membership, Organisation

SLUG_LENGTH = 32
"""Of the part that comes from a name; what keeps slugs apart is added to it."""
NAME_LENGTH = 120
OWNED_AT_MOST = 50
"""Organisations that one person may own: far above honest use, and a bound on what free plans give away."""


def create_personal(session: Session, *, person: Person, now: datetime) -> Organisation:
    """The organisation that each person gets when they first sign in, with themselves as its owner.

    Raises Conflict if another one takes the same slug in the same moment.
    """
    return _make(session, name=person.name, person=person, is_personal=True, now=now)


def create(session: Session, *, name: str, person: Person, now: datetime) -> Organisation:
    """One more organisation, with `person` as its owner.

    Raises Invalid for a name that is empty or too long, LimitReached at OWNED_AT_MOST, Conflict if another one takes
    the same slug in the same moment.
    """
    owned = select(func.count()).select_from(Membership)
    owned = owned.where(Membership.person_id == person.id, Membership.role == roles.OWNER)
    if session.exec(owned).one() >= OWNED_AT_MOST:
        raise LimitReached(f"You own {OWNED_AT_MOST} organisations already. Delete one, or give one to somebody else.")
    return _make(session, name=checked_name(name), person=person, is_personal=False, now=now)


def checked_name(name: str) -> str:
    """One line of words. Raises Invalid for none, or too many."""
    name = " ".join("".join(character if character.isprintable() else " " for character in name).split())
    if not name:
        raise Invalid("Give the organisation a name, such as that of your company or project.")
    if len(name) > NAME_LENGTH:
        raise Invalid(f"Use a name of at most {NAME_LENGTH} characters.")
    return name


def _make(session: Session, *, name: str, person: Person, is_personal: bool, now: datetime) -> Organisation:
    organisation = Organisation(slug=_free_slug(session, name), name=name, is_personal=is_personal, created_at=now)
    session.add(organisation)
    try:
        session.flush()
    except IntegrityError:
        raise Conflict("Somebody of the same name came in at the same moment. Try again.") from None
    session.add(Membership(organisation_id=organisation.id, person_id=person.id, role=roles.OWNER, joined_at=now))
    details = {"name": organisation.name, "slug": organisation.slug}
    recording.record(session, organisation, "organisation.created", details, person_id=person.id, now=now)
    return organisation


def _free_slug(session: Session, name: str) -> str:
    """`alex-mason`, or with four random characters when that is taken or says nothing."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "-", plain)[:SLUG_LENGTH].strip("-") or "personal"
    slug = stem
    while queries.is_slug_taken(session, slug):
        slug = f"{stem}-{secrets.token_hex(2)}"
    return slug
