"""Operators' notes about a customer."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select

from app.accounts.models import Person
from app.admin.models import LONGEST, OrganisationNote
from app.core import audit
from app.core.errors import Invalid
from app.organisations.models import Organisation


def add(session: Session, *, organisation: Organisation, words: str, person_id: UUID, now: datetime) -> None:
    """Write it down. Raises Invalid for nothing, and for more than LONGEST characters."""
    words = words.strip()
    if not words:
        raise Invalid("Write something.")
    if len(words) > LONGEST:
        raise Invalid(f"A note has {LONGEST:,} characters at most; this has {len(words):,}.")
    note = OrganisationNote(organisation_id=organisation.id, person_id=person_id, words=words, created_at=now)
    session.add(note)
    session.flush()
    audit.record(
        session,
        action="organisation.noted",
        now=now,
        organisation_id=organisation.id,
        person_id=person_id,
        subject_id=note.id,
        details={"name": organisation.name},
    )


def of(
    session: Session, organisation: Organisation, *, limit: int, offset: int = 0
) -> list[tuple[OrganisationNote, str]]:
    """(note, who wrote it), newest first."""
    statement = (
        select(OrganisationNote, Person.name)
        .outerjoin(Person, col(Person.id) == col(OrganisationNote.person_id))
        .where(OrganisationNote.organisation_id == organisation.id)
        .order_by(col(OrganisationNote.created_at).desc(), col(OrganisationNote.id))
        .limit(limit)
        .offset(offset)
    )
    return [(note, name or "The command line") for note, name in session.exec(statement)]
