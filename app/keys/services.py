"""Issuing and revoking keys, switching them off and on, and changing their terms."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from app.core import audit, changes, crypto
from app.core.errors import Conflict, Invalid, LimitReached, NotFound
from app.keys import queries, terms, tokens
from app.keys.models import Key
from app.keys.terms import Terms
from app.organisations.models import Organisation

KEYS_PER_ORGANISATION = 200
"""Keys that one organisation may hold, revoked ones aside: far above honest use, and a bound on a gateway's memory."""

WITHOUT_TERMS = Terms()


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
    on: Terms = WITHOUT_TERMS,
    person_id: UUID | None,
    now: datetime,
) -> Issued:
    """Make a key; gateways know it within a second of the commit.

    on: its terms. person_id: who asked; None for the command line.
    Raises Invalid for a name that is empty or longer than 80 and for terms that cannot be meant, LimitReached at
    KEYS_PER_ORGANISATION keys.
    """
    name = _checked_name(name)
    checked = terms.checked(session, on, organisation=organisation, now=now)
    if queries.count_of(session, organisation, with_revoked=False) >= KEYS_PER_ORGANISATION:
        raise LimitReached(f"“{organisation.name}” has {KEYS_PER_ORGANISATION} keys. Revoke one first.")
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
    _put_terms(key, checked)
    session.add(key)
    session.flush()
    _tell(session, key=key, action="key.issued", person_id=person_id, now=now, details=_described(key))
    return Issued(key=key, secret=token.secret)


def revoke(session: Session, *, key: Key, person_id: UUID | None, now: datetime) -> None:
    """Stop a key from working on every gateway within a second, for good; calls already running are left to finish.

    Raises Conflict if the key is already revoked.
    """
    if key.is_revoked:
        raise Conflict(f"“{key.name}” is already revoked.")
    key.revoked_at = now
    _tell(session, key=key, action="key.revoked", person_id=person_id, now=now)


def disable(session: Session, *, key: Key, person_id: UUID | None, now: datetime) -> None:
    """Stop a key from working within a second, until it is enabled again. Raises Conflict if it is off or revoked."""
    _refuse_revoked(key)
    if not key.is_enabled:
        raise Conflict(f"“{key.name}” is already disabled.")
    key.is_enabled = False
    _tell(session, key=key, action="key.disabled", person_id=person_id, now=now)


def enable(session: Session, *, key: Key, person_id: UUID | None, now: datetime) -> None:
    """Let a disabled key work again. Raises Conflict if it is on or revoked."""
    _refuse_revoked(key)
    if key.is_enabled:
        raise Conflict(f"“{key.name}” is not disabled.")
    key.is_enabled = True
    _tell(session, key=key, action="key.enabled", person_id=person_id, now=now)


def change(session: Session, *, key: Key, to: Terms, person_id: UUID | None, now: datetime) -> None:
    """Put a key on other terms, all of them: start from terms.terms_of(key) to change one.

    An expired key whose expiry is moved works again. Raises Invalid for terms that cannot be meant, Conflict if the key
    is revoked or the terms are what they were.
    """
    _refuse_revoked(key)
    organisation = session.get(Organisation, key.organisation_id)
    if organisation is None:
        raise NotFound("The organisation of this key exists no more.")
    before = terms.terms_of(key)
    if to == before:
        raise Conflict(f"These are the terms that “{key.name}” has already.")
    was = _described(key)
    _put_terms(key, terms.checked(session, to, organisation=organisation, now=now))
    _tell(session, key=key, action="key.changed", person_id=person_id, now=now, details=_difference(was, key))


def _checked_name(name: str) -> str:
    name = "".join(character for character in " ".join(name.split()) if character.isprintable())
    if not name:
        raise Invalid("Give the key a name, such as the program that will use it.")
    if len(name) > 80:
        raise Invalid("Use a name of at most 80 characters.")
    return name


def _refuse_revoked(key: Key) -> None:
    if key.is_revoked:
        raise Conflict(f"“{key.name}” is revoked, which is for good. Make a new key.")


def _put_terms(key: Key, new: Terms) -> None:
    key.scopes = None if new.scopes is None else list(new.scopes)
    key.networks = list(new.networks)
    key.expires_at = new.expires_at


def _described(key: Key) -> dict[str, str]:
    return {
        "reaches": key.reach,
        "from": key.origin,
        "expires": terms.in_words(key.expires_at),
    }


def _difference(was: dict[str, str], key: Key) -> dict[str, str]:
    return {name: f"{was[name]} → {value}" for name, value in _described(key).items() if value != was[name]}


def _tell(
    session: Session,
    *,
    key: Key,
    action: str,
    person_id: UUID | None,
    now: datetime,
    details: dict[str, str] | None = None,
) -> None:
    session.add(key)
    changes.record(session, kind="key", subject_id=key.id, now=now)
    audit.record(
        session,
        action=action,
        now=now,
        organisation_id=key.organisation_id,
        person_id=person_id,
        subject_id=key.id,
        details={"name": key.name, "key": key.hint, **(details or {})},
    )
