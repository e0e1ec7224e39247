"""Deleting an organisation: asked for, undone within two weeks, and then carried out by app/team/deleting.py.

From the moment that it is asked for it is stopped (stopping.py): no key's row is changed, so that undoing it brings
back exactly what was.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import Session, col, select

from app.core import mail, moments
from app.core.errors import Conflict, Invalid
from app.organisations import ownership, queries, recording, stopping
from app.organisations.models import DELETING, Organisation

GRACE = timedelta(days=14)
PAGE = 20


def ask(
    session: Session, *, organisation: Organisation, typed: str, person_id: UUID | None, by: str, now: datetime
) -> datetime:
    """It will be deleted when GRACE is over; its keys stop within a second. Tells every owner. Gives when that is.

    typed: the name, as whoever asks has typed it. by: their name, for the mail. Raises Invalid where the name is
    another, Conflict if it is being deleted already, or suspended.
    """
    if " ".join(typed.split()) != organisation.name:
        raise Invalid(f"Type the name exactly as it is written: {organisation.name}")
    words = f"{by} asked for it to be deleted. Until then an owner can undo it."
    closes_at = begin(session, organisation=organisation, words=words, person_id=person_id, now=now)
    on = moments.day(closes_at)
    context = {"organisation": organisation.name, "by": by, "on": on, "path": "/organisation/delete"}
    for address in queries.addresses_with(session, organisation.id, "organisation:delete"):
        mail.queue(
            session,
            to=address,
            template="organisation_closing",
            context=context,
            key=f"closing:{organisation.id}:{now.isoformat()}",
            organisation_id=organisation.id,
            now=now,
        )
    return closes_at


def begin(
    session: Session, *, organisation: Organisation, words: str, person_id: UUID | None, now: datetime
) -> datetime:
    """The same without asking or telling anybody, as where nobody is left. Raises Conflict as `ask` does."""
    stopping.stop(session, organisation=organisation, why=DELETING, words=words, person_id=person_id, now=now)
    organisation.closes_at = closes_at = now + GRACE
    session.add(organisation)
    session.flush()
    return closes_at


def undo(session: Session, *, organisation: Organisation, person_id: UUID | None, now: datetime) -> None:
    """Keep it; its keys work again within a second. Raises Conflict where nothing is to be undone any more."""
    ownership.lock(session, organisation)
    if organisation.closes_at is None or organisation.deleted_at is not None:
        raise Conflict(f"“{organisation.name}” is not being deleted.")
    organisation.closes_at = None
    stopping.resume(session, organisation=organisation, why=DELETING, person_id=person_id, now=now)


def refuse(organisation: Organisation) -> None:
    """Before anything is bought for it. Raises Conflict, with what to do, while it is being deleted."""
    if organisation.closes_at is not None:
        raise Conflict(
            f"“{organisation.name}” will be deleted on {moments.day(organisation.closes_at)}, so nothing can be bought "
            f"for it. An owner can keep it: choose “Keep {organisation.name}” at the top of its "
            "pages."
        )


def due(session: Session, *, now: datetime, but: Collection[UUID] = ()) -> list[Organisation]:
    """Those whose grace is over, and that nobody else is dealing with; at most a page. but: ids of those to leave."""
    statement = (
        select(Organisation)
        .where(col(Organisation.closes_at) <= now, col(Organisation.deleted_at).is_(None))
        .where(col(Organisation.id).not_in(but))
        .order_by(col(Organisation.closes_at), col(Organisation.id))
        .limit(PAGE)
        .with_for_update(skip_locked=True)
    )
    return list(session.exec(statement))


def is_due(session: Session, organisation: Organisation, *, now: datetime) -> bool:
    """Whether it still is, now that nobody else can undo it: on SQLite `due` keeps nobody from that."""
    ownership.lock(session, organisation)
    return organisation.closes_at is not None and organisation.closes_at <= now and organisation.deleted_at is None


def finish(session: Session, *, organisation: Organisation, now: datetime) -> None:
    """Nothing is left of it but what has to be kept."""
    organisation.deleted_at = now
    recording.record(session, organisation, "organisation.deleted", {"name": organisation.name}, now=now)
