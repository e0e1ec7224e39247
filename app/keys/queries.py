"""Looking keys up, always through their owner."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func
from sqlmodel import Session, col, select

from app.core.errors import NotFound
from app.keys.models import Key
from app.organisations.models import Organisation


def keys_of(session: Session, organisation: Organisation, *, limit: int, offset: int = 0) -> list[Key]:
    """Live keys first, then revoked ones; newest first within each."""
    statement = (
        select(Key)
        .where(Key.organisation_id == organisation.id)
        .order_by(col(Key.revoked_at).is_not(None), col(Key.created_at).desc(), col(Key.id))
        .limit(limit)
        .offset(offset)
    )
    return list(session.exec(statement))


def count_of(session: Session, organisation: Organisation, *, only_live: bool = False) -> int:
    """How many keys the organisation has, revoked ones included unless `only_live`."""
    statement = select(func.count()).select_from(Key).where(Key.organisation_id == organisation.id)
    if only_live:
        statement = statement.where(col(Key.revoked_at).is_(None))
    return session.exec(statement).one()


def key_of(session: Session, organisation: Organisation, key_id: UUID) -> Key:
    """Raises NotFound for a stranger's key as for one that never was."""
    key = session.exec(select(Key).where(Key.id == key_id, Key.organisation_id == organisation.id)).first()
    if key is None:
        raise NotFound("There is no such key in this organisation.")
    return key


def keys_by_id(session: Session, organisation: Organisation, key_ids: Sequence[UUID]) -> dict[UUID, Key]:
    """The organisation's keys among `key_ids`."""
    statement = select(Key).where(Key.organisation_id == organisation.id, col(Key.id).in_(key_ids))
    return {key.id: key for key in session.exec(statement)}
