"""Looking people, their identities and their sessions up."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, or_, true
from sqlalchemy.sql import ColumnElement
from sqlmodel import Session, col, select

from app.accounts.models import THROUGH, BrowserSession, Identity, Person
from app.core.audit import AuditEntry
from app.core.config import Settings
from app.core.errors import NotFound

FAILED = "sign_in.failed"
SIGNED_IN_AGAIN = "person.signed_in_again"
SIGN_INS = ("person.signed_in", "person.joined", SIGNED_IN_AGAIN, FAILED)
SIGN_IN_MINUTES = 60
"""A session of somebody who has not signed in ends after so long: it only carries a sign-in under way."""


@dataclass(frozen=True)
class Lifetimes:
    """How long sessions last: unused, and at all."""

    idle: timedelta
    absolute: timedelta


def lifetimes(settings: Settings) -> Lifetimes:
    """What the settings say."""
    return Lifetimes(
        idle=timedelta(minutes=settings.session_idle_minutes), absolute=timedelta(hours=settings.session_absolute_hours)
    )


def person(session: Session, person_id: UUID) -> Person | None:
    """Somebody by id; for whoever holds a session of theirs."""
    return session.get(Person, person_id)


def identity(session: Session, *, issuer: str, subject: str) -> Identity | None:
    """The identity that a provider calls `subject`; None if nobody came in with it yet."""
    return session.exec(select(Identity).where(Identity.issuer == issuer, Identity.subject == subject)).first()


def person_by_identity(session: Session, *, issuer: str, subject: str) -> Person:
    """The person known as (issuer, subject). Raises NotFound if nobody signed in with it yet."""
    found = session.exec(
        select(Person)
        .join(Identity, col(Identity.person_id) == Person.id)
        .where(Identity.issuer == issuer, Identity.subject == subject)
    ).first()
    if found is None:
        raise NotFound(f"Nobody has signed in as {subject} at {issuer} yet.")
    return found


def people_with_identities(session: Session, *, limit: int) -> list[tuple[Person, Identity]]:
    """Everyone with each of their identities: operators first, then by name."""
    statement = (
        select(Person, Identity)
        .join(Identity, col(Identity.person_id) == Person.id)
        .order_by(col(Person.is_operator).desc(), col(Person.name), col(Identity.linked_at))
        .limit(limit)
    )
    return list(session.exec(statement))


def identities_of(session: Session, person: Person) -> list[Identity]:
    """Ways in that this person has, oldest first; never empty."""
    statement = select(Identity).where(Identity.person_id == person.id).order_by(col(Identity.linked_at))
    return list(session.exec(statement))


def identity_of(session: Session, person: Person, identity_id: UUID) -> Identity:
    """Raises NotFound for a stranger's as for one that never was."""
    found = session.exec(select(Identity).where(Identity.id == identity_id, Identity.person_id == person.id)).first()
    if found is None:
        raise NotFound("There is no such way in on your account.")
    return found


def live_session(session: Session, token_digest: str, *, lifetimes: Lifetimes, now: datetime) -> BrowserSession | None:
    """The session with this digest unless it was ended or has run out."""
    statement = select(BrowserSession).where(
        BrowserSession.token_digest == token_digest, _is_live(lifetimes=lifetimes, now=now)
    )
    return session.exec(statement).first()


def sessions_of(
    session: Session,
    person: Person,
    *,
    through: str = "",
    lifetimes: Lifetimes,
    now: datetime,
    limit: int,
    offset: int = 0,
) -> list[BrowserSession]:
    """Live sessions, last used first. through: as in `of_kind`."""
    statement = (
        select(BrowserSession)
        .where(BrowserSession.person_id == person.id, of_kind(through), _is_live(lifetimes=lifetimes, now=now))
        .order_by(col(BrowserSession.last_seen_at).desc(), col(BrowserSession.id))
        .limit(limit)
        .offset(offset)
    )
    return list(session.exec(statement))


def session_of(
    session: Session, person: Person, session_id: UUID, *, through: str = "", lifetimes: Lifetimes, now: datetime
) -> BrowserSession:
    """through: as in `of_kind`. Raises NotFound for a stranger's session, and for one that is over."""
    statement = select(BrowserSession).where(
        BrowserSession.id == session_id,
        BrowserSession.person_id == person.id,
        of_kind(through),
        _is_live(lifetimes=lifetimes, now=now),
    )
    found = session.exec(statement).first()
    if found is None:
        raise NotFound("That session is over already.")
    return found


def sign_ins_of(session: Session, person: Person, *, limit: int, offset: int = 0) -> list[AuditEntry]:
    """When the person signed in, and could not, newest first; from the audit trail, where it is part of no
    organisation's.
    """
    statement = (
        select(AuditEntry)
        .where(col(AuditEntry.organisation_id).is_(None), AuditEntry.person_id == person.id)
        .where(col(AuditEntry.action).in_(SIGN_INS))
        .order_by(col(AuditEntry.at).desc(), col(AuditEntry.id).desc())
        .limit(limit)
        .offset(offset)
    )
    return list(session.exec(statement))


def of_kind(through: str) -> ColumnElement[bool]:
    """Which sessions of a person a session may see and end: all, or those that began by the same provider of an
    organisation. through: the id of that provider, "" for a session that began another way.
    """
    return col(BrowserSession.data)[THROUGH].as_string() == through if through else true()


def _is_live(*, lifetimes: Lifetimes, now: datetime) -> ColumnElement[bool]:
    return and_(
        col(BrowserSession.ended_at).is_(None),
        col(BrowserSession.last_seen_at) > now - lifetimes.idle,
        col(BrowserSession.created_at) > now - lifetimes.absolute,
        or_(
            col(BrowserSession.person_id).is_not(None),
            col(BrowserSession.created_at) > now - timedelta(minutes=SIGN_IN_MINUTES),
        ),
    )
