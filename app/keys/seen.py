"""Looking up where and how keys were used, and clearing away what is old."""

from datetime import date, datetime, timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import CursorResult, Delete, delete, func
from sqlmodel import Session, col, select

from app.keys.models import KeySecret
from app.keys.seen_models import SECRET_LENGTH, KeySighting, SecretUse

LATE = timedelta(minutes=2)
"""Uses are written down a few seconds after they were; this is more than it takes while all is well."""
KEPT = timedelta(days=90)
SIGHTINGS_KEPT = 50
"""Of one key, the newest."""


def secret_id(digest: str) -> str:
    """How uses name a secret. digest: as Key and KeySecret keep it."""
    return digest[:SECRET_LENGTH]


def uses_of(session: Session, key_id: UUID, *, on: date) -> dict[str, SecretUse]:
    """What each secret of a key was used on a UTC day, by secret_id."""
    statement = select(SecretUse).where(SecretUse.key_id == key_id, SecretUse.used_on == on)
    return {use.secret: use for use in session.exec(statement)}


def last_uses_of(session: Session, key_id: UUID) -> dict[str, SecretUse]:
    """The last day of use of each secret of a key, by secret_id: the row with its last moment, address and client."""
    statement = select(SecretUse).where(SecretUse.key_id == key_id).order_by(col(SecretUse.used_on))
    return {use.secret: use for use in session.exec(statement)}


def last_use_of(session: Session, key_id: UUID, digest: str) -> datetime | None:
    """When the secret with this digest was last used; None for never, or so long ago that it is forgotten."""
    statement = select(func.max(SecretUse.last_at)).where(
        SecretUse.key_id == key_id, SecretUse.secret == secret_id(digest)
    )
    return cast(datetime | None, session.exec(statement).one())


def sightings_of(session: Session, key_id: UUID, *, limit: int) -> list[KeySighting]:
    """Where a key was seen, the last first."""
    statement = (
        select(KeySighting)
        .where(KeySighting.key_id == key_id)
        .order_by(col(KeySighting.last_at).desc(), col(KeySighting.address), col(KeySighting.client))
        .limit(limit)
    )
    return list(session.exec(statement))


def places_at(session: Session, key_id: UUID, moment: datetime, *, limit: int) -> list[KeySighting]:
    """From where a key was in use around a moment, as far as that is kept; who saw it there last comes first."""
    statement = (
        select(KeySighting)
        .where(KeySighting.key_id == key_id, col(KeySighting.first_at) <= moment + LATE)
        .where(col(KeySighting.last_at) >= moment - LATE)
        .order_by(col(KeySighting.last_at).desc(), col(KeySighting.address), col(KeySighting.client))
        .limit(limit)
    )
    return list(session.exec(statement))


def tidy(session: Session, *, now: datetime) -> int:
    """Delete uses and sightings that are older than KEPT, and of each key all sightings but the newest; secrets that
    ended so long ago are forgotten, too, and are unknown keys from then on. Gives how many rows; for the worker.
    """
    before = now - KEPT
    gone = _deleted(session, delete(SecretUse).where(col(SecretUse.used_on) < before.date()))
    gone += _deleted(session, delete(KeySighting).where(col(KeySighting.last_at) < before))
    gone += _deleted(session, delete(KeySecret).where(col(KeySecret.ended_at) < before))
    crowded = select(KeySighting.key_id).group_by(col(KeySighting.key_id)).having(func.count() > SIGHTINGS_KEPT)
    for key_id in session.exec(crowded).all():
        gone += _thin_out(session, key_id)
    return gone


def _thin_out(session: Session, key_id: UUID) -> int:
    newest = (
        select(KeySighting.last_at)
        .where(KeySighting.key_id == key_id)
        .order_by(col(KeySighting.last_at).desc())
        .offset(SIGHTINGS_KEPT - 1)
        .limit(1)
    )
    oldest_kept = session.exec(newest).first()
    if oldest_kept is None:
        return 0
    return _deleted(
        session, delete(KeySighting).where(col(KeySighting.key_id) == key_id, col(KeySighting.last_at) < oldest_kept)
    )


def _deleted(session: Session, statement: Delete) -> int:
    return int(cast(CursorResult[object], session.execute(statement)).rowcount)
