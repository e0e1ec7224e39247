"""Keys as a gateway holds them in memory: what each opens, found by its digest without asking the database."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session, col

from app.keys.models import Key


@dataclass(frozen=True, slots=True)
class Grant:
    """What a key may do, for whom. environment: "live" or "test"."""

    key_id: UUID
    organisation_id: UUID
    environment: str


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key, live or revoked. digest: SHA-256 of its secret, 32 bytes; prefix: its readable start."""

    digest: bytes
    prefix: str
    is_live: bool
    grant: Grant


def every(session: Session) -> list[KnownKey]:
    """All keys, revoked ones included, so that a refusal can say which of the two it was."""
    return _known(session, None)


def among(session: Session, key_ids: Iterable[UUID]) -> list[KnownKey]:
    """Those of `key_ids` that exist."""
    return _known(session, list(key_ids))


def _known(session: Session, key_ids: list[UUID] | None) -> list[KnownKey]:
    statement = select(
        col(Key.id),
        col(Key.organisation_id),
        col(Key.environment),
        col(Key.digest),
        col(Key.prefix),
        col(Key.revoked_at).is_(None),
    )
    if key_ids is not None:
        statement = statement.where(col(Key.id).in_(key_ids))
    return [
        KnownKey(bytes.fromhex(digest), prefix, bool(is_live), Grant(key_id, organisation_id, environment))
        for key_id, organisation_id, environment, digest, prefix, is_live in session.execute(statement)
    ]
