"""Making organisations."""

import re
import secrets
import unicodedata
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from app.accounts.models import Person
from app.core import audit
from app.core.errors import Conflict
from app.organisations import queries, roles
from app.organisations.models import Membership, Organisation

SLUG_LENGTH = 32
"""Of the part that comes from a name; what keeps slugs apart is added to it."""


def create_personal(session: Session, *, person: Person, now: datetime) -> Organisation:
    """The organisation that each person gets when they first sign in, with themselves as its owner.

    Raises Conflict if another one takes the same slug in the same moment.
    """
    organisation = Organisation(
        slug=_free_slug(session, person.name), name=person.name, is_personal=True, created_at=now
    )
    session.add(organisation)
    try:
        session.flush()
    except IntegrityError:
        raise Conflict("Somebody of the same name came in at the same moment. Try again.") from None
    session.add(Membership(organisation_id=organisation.id, person_id=person.id, role=roles.OWNER, joined_at=now))
    audit.record(
        session,
        action="organisation.created",
        now=now,
        organisation_id=organisation.id,
        person_id=person.id,
        subject_id=organisation.id,
        details={"name": organisation.name, "slug": organisation.slug},
    )
    session.flush()
    return organisation


def _free_slug(session: Session, name: str) -> str:
    """`alex-mason`, or with four random characters when that is taken or says nothing."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "-", plain)[:SLUG_LENGTH].strip("-") or "personal"
    slug = stem
    while queries.is_slug_taken(session, slug):
        slug = f"{stem}-{secrets.token_hex(2)}"
    return slug
