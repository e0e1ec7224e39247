"""Looking keys up, always through their owner."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_
from sqlmodel import Session, col, select

from app.core.errors import Conflict, Invalid, NotFound
from app.keys import tokens
from app.keys.models import Key, KeySecret
from app.organisations.models import Organisation


def keys_of(session: Session, organisation: Organisation, *, limit: int, offset: int = 0) -> list[Key]:
    """Revoked keys last; newest first within each. Deleted ones are in no list."""
    statement = (
        select(Key)
        .where(Key.organisation_id == organisation.id, col(Key.deleted_at).is_(None))
        .order_by(col(Key.revoked_at).is_not(None), col(Key.created_at).desc(), col(Key.id))
        .limit(limit)
        .offset(offset)
    )
    return list(session.exec(statement))


def names_of(session: Session, organisation: Organisation, *, limit: int) -> list[tuple[UUID, str]]:
    """Ids and names of the same, in the same order."""
    statement = (
        select(Key.id, Key.name)
        .where(Key.organisation_id == organisation.id, col(Key.deleted_at).is_(None))
        .order_by(col(Key.revoked_at).is_not(None), col(Key.created_at).desc(), col(Key.id))
        .limit(limit)
    )
    return list(session.exec(statement))


def count_of(session: Session, organisation: Organisation, *, with_revoked: bool = True) -> int:
    """How many keys the organisation has."""
    statement = (
        select(func.count())
        .select_from(Key)
        .where(Key.organisation_id == organisation.id, col(Key.deleted_at).is_(None))
    )
    if not with_revoked:
        statement = statement.where(col(Key.revoked_at).is_(None))
    return session.exec(statement).one()


def count_working_of(session: Session, organisation: Organisation, owner_id: UUID, *, now: datetime) -> int:
    """How many keys of the organisation belong to this person and work: neither revoked, disabled nor expired."""
    statement = select(func.count()).where(
        Key.organisation_id == organisation.id,
        Key.owner_id == owner_id,
        col(Key.revoked_at).is_(None),
        col(Key.is_enabled),
        or_(col(Key.expires_at).is_(None), col(Key.expires_at) > now),
    )
    return session.exec(statement).one()


def key_of(session: Session, organisation: Organisation, key_id: UUID) -> Key:
    """Deleted ones, too. Raises NotFound for a stranger's key as for one that never was."""
    key = session.exec(select(Key).where(Key.id == key_id, Key.organisation_id == organisation.id)).first()
    if key is None:
        raise NotFound("There is no such key in this organisation.")
    return key


def keys_by_id(session: Session, organisation: Organisation, key_ids: Sequence[UUID]) -> dict[UUID, Key]:
    """The organisation's keys among `key_ids`."""
    statement = select(Key).where(Key.organisation_id == organisation.id, col(Key.id).in_(key_ids))
    return {key.id: key for key in session.exec(statement)}


def by_hint(session: Session, text: str) -> Key:
    """For the command line: the key with this prefix, with this hint (“pst_live_AbCdEfGh…wXyZ”), or the key itself.

    Raises Invalid for what is too short to tell keys apart, NotFound, or Conflict when several begin so and the last
    four were not given. A key is also found by the secrets that it had before.
    """
    start, _, last_four = text.partition("…")
    prefix = tokens.prefix_of(start)
    if not prefix:
        raise Invalid(
            f"That is too short, or is no key. A key is named by what it begins with, up to the {tokens.HINT_LENGTH} "
            "characters after “live_” or “test_”: pst_live_AbCdEfGh. `postern key list` shows an organisation's keys."
        )
    end = last_four or (start[-4:] if len(start) > len(prefix) else "")
    found = _beginning_with(session, prefix, end)
    if not found:
        raise NotFound(f"There is no key “{prefix}”. `postern key list` shows an organisation's keys.")
    if len(found) > 1:
        raise Conflict(f"Several keys begin with “{prefix}”. Give the last four characters too: “{found[0].hint}”.")
    return found[0]


def _beginning_with(session: Session, prefix: str, last_four: str) -> list[Key]:
    """Two at most. last_four: "" for any."""
    own = select(Key).where(Key.prefix == prefix)
    earlier = select(KeySecret.key_id).where(KeySecret.prefix == prefix)
    if last_four:
        own, earlier = own.where(Key.last_four == last_four), earlier.where(KeySecret.last_four == last_four)
    formerly = select(Key).where(col(Key.id).in_(earlier))
    return list(session.exec(own.limit(2))) or list(session.exec(formerly.limit(2)))
