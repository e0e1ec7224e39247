"""Issuing and revoking keys."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from app.core import audit, changes, crypto
from app.core.errors import Conflict, Invalid, LimitReached
from app.keys import queries, tokens
from app.keys.models import Key
from app.organisations.models import Organisation

KEYS_PER_ORGANISATION = 200
"""Live keys that one organisation may hold: far above honest use, and a bound on the gateway's memory."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A new key and its secret, which exists nowhere else."""

    key: Key
    secret: str


def issue(
    session: Session,
    *,
    organisation: Organisation,
    name: str,
    brand: str,
    environment: tokens.Environment = "live",
    person_id: UUID | None,
    now: datetime,
) -> Issued:
    """Make a key; gateways know it within a second of the commit.

    person_id: who asked; None for the command line.
    Raises Invalid for a name that is empty or longer than 80, LimitReached at KEYS_PER_ORGANISATION live keys.
    """
    name = "".join(character for character in " ".join(name.split()) if character.isprintable())
    if not name:
        raise Invalid("Give the key a name, such as the program that will use it.")
    if len(name) > 80:
        raise Invalid("Use a name of at most 80 characters.")
    if queries.count_of(session, organisation, only_live=True) >= KEYS_PER_ORGANISATION:
        raise LimitReached(f"“{organisation.name}” has {KEYS_PER_ORGANISATION} live keys. Revoke one first.")
    token = tokens.generate(brand, environment)
    key = Key(
        organisation_id=organisation.id,
        created_by_id=person_id,
        name=name,
        environment=environment,
        prefix=token.prefix,
        last_four=token.last_four,
        digest=crypto.digest(token.secret),
        created_at=now,
    )
    session.add(key)
    session.flush()
    _tell(session, key=key, action="key.issued", person_id=person_id, now=now)
    return Issued(key=key, secret=token.secret)


def revoke(session: Session, *, key: Key, person_id: UUID | None, now: datetime) -> None:
    """Stop a key from working on every gateway within a second; calls already running are left to finish.

    Raises Conflict if the key is already revoked.
    """
    if not key.is_live:
        raise Conflict(f"“{key.name}” is already revoked.")
    key.revoked_at = now
    session.add(key)
    _tell(session, key=key, action="key.revoked", person_id=person_id, now=now)


def _tell(session: Session, *, key: Key, action: str, person_id: UUID | None, now: datetime) -> None:
    changes.record(session, kind="key", subject_id=key.id, now=now)
    audit.record(
        session,
        action=action,
        now=now,
        organisation_id=key.organisation_id,
        person_id=person_id,
        subject_id=key.id,
        details={"name": key.name, "key": key.hint},
    )
