"""What an organisation is called, by what slug it is named, and where its bills go."""

import re
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from app.core import config_mail
from app.core.errors import Conflict, Invalid
from app.organisations import recording, services
from app.organisations.models import FormerSlug, Organisation


class Change(Protocol):
    """One of the functions below."""

    def __call__(
        self, session: Session, *, organisation: Organisation, to: str, person_id: UUID | None, now: datetime
    ) -> None: ...


_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
SLUGS_KEPT = 20
"""Slugs that one organisation may have had: each stays its own for ever."""


def rename(session: Session, *, organisation: Organisation, to: str, person_id: UUID | None, now: datetime) -> None:
    """Call it something else; nothing but the words changes. Raises Invalid."""
    name = services.checked_name(to)
    if name != organisation.name:
        was, organisation.name = organisation.name, name
        recording.record(
            session, organisation, "organisation.renamed", {"name": f"{was} → {name}"}, person_id=person_id, now=now
        )


def change_slug(
    session: Session, *, organisation: Organisation, to: str, person_id: UUID | None, now: datetime
) -> None:
    """Name it by another slug; the one before goes on meaning it, and can be taken back.

    Raises Invalid for what is no slug, Conflict where it is or was another organisation's.
    """
    slug = to.strip().lower()
    if slug == organisation.slug:
        return
    if _SLUG.fullmatch(slug) is None or "--" in slug:
        raise Invalid("Use 1 to 40 small letters, digits and single hyphens, such as “acme-research”.")
    former = session.get(FormerSlug, slug)
    taken = session.exec(select(Organisation.id).where(Organisation.slug == slug)).first()
    if taken is not None or (former is not None and former.organisation_id != organisation.id):
        raise Conflict(f"“{slug}” is taken, or was. Choose another.")
    kept = session.exec(select(FormerSlug).where(FormerSlug.organisation_id == organisation.id)).all()
    if former is None and len(kept) >= SLUGS_KEPT:
        raise Conflict(f"It has had {SLUGS_KEPT} slugs, which all still mean it. Take one of them: {kept[-1].slug}.")
    if former is not None:
        session.delete(former)
    was, organisation.slug = organisation.slug, slug
    session.add(organisation)
    session.add(FormerSlug(slug=was, organisation_id=organisation.id, until_at=now))
    try:
        session.flush()
    except IntegrityError:
        raise Conflict(f"“{slug}” was taken at the same moment. Choose another.") from None
    recording.record(
        session, organisation, "organisation.slug_changed", {"slug": f"{was} → {slug}"}, person_id=person_id, now=now
    )


def change_billing_email(
    session: Session, *, organisation: Organisation, to: str, person_id: UUID | None, now: datetime
) -> None:
    """Where bills are to go: "" for to whoever first pays. Raises Invalid for what is no address."""
    email = to.strip()
    if email and not config_mail.is_address(email):
        raise Invalid("Give an e-mail address, such as invoices@example.com, or leave it empty.")
    if email != organisation.billing_email:
        was, organisation.billing_email = organisation.billing_email, email
        change = f"{was or 'none'} → {email or 'none'}"
        recording.record(
            session, organisation, "organisation.billing_email_changed", {"email": change}, person_id=person_id, now=now
        )
