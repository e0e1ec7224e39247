"""Stopping an organisation: its keys open the gateway no more, within a second, while its pages go on working."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from app.core import changes, moments
from app.core.errors import Conflict, Invalid
from app.organisations import ownership, recording
from app.organisations.models import DELETING, SUSPENDED, Organisation

LONGEST = 500
_STOPPED = {SUSPENDED: "organisation.suspended", DELETING: "organisation.deletion_begun"}
_RESUMED = {SUSPENDED: "organisation.resumed", DELETING: "organisation.deletion_undone"}


def stop(
    session: Session, *, organisation: Organisation, why: str, words: str, person_id: UUID | None, now: datetime
) -> None:
    """Refuse calls by every key of it from now on; calls that run are left to finish.

    why: SUSPENDED or DELETING. words: what its members read about it. Raises Invalid without words, Conflict if it is
    stopped already, for whatever reason.
    """
    words = " ".join(words.split())
    if not words:
        raise Invalid("Say why: its members read it.")
    if len(words) > LONGEST:
        raise Invalid(f"Say it in {LONGEST} characters at most.")
    ownership.lock(session, organisation)
    if organisation.stopped_at is not None:
        raise Conflict(f"“{organisation.name}” is {organisation.stopped_why} already.")
    organisation.stopped_at, organisation.stopped_why, organisation.stopped_words = now, why, words
    _tell(session, organisation, _STOPPED[why], {"why": words}, person_id=person_id, now=now)


def resume(session: Session, *, organisation: Organisation, why: str, person_id: UUID | None, now: datetime) -> None:
    """Let its keys work again, if it was stopped for this very reason. Raises Conflict if it was not."""
    ownership.lock(session, organisation)
    if organisation.stopped_at is None or organisation.stopped_why != why:
        raise Conflict(f"“{organisation.name}” is not {why}.")
    since = moments.words(organisation.stopped_at)
    organisation.stopped_at, organisation.stopped_why, organisation.stopped_words = None, "", ""
    _tell(session, organisation, _RESUMED[why], {"since": since}, person_id=person_id, now=now)


def _tell(
    session: Session,
    organisation: Organisation,
    action: str,
    details: dict[str, str],
    *,
    person_id: UUID | None,
    now: datetime,
) -> None:
    """To the gateway and in the trail."""
    changes.record(session, kind="organisation", subject_id=organisation.id, now=now)
    details = {"name": organisation.name, **details}
    recording.record(session, organisation, action, details, person_id=person_id, now=now)
