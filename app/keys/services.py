"""Issuing and revoking keys, switching them off and on, and changing what there is about them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from app.core import crypto
from app.core.errors import Conflict, Invalid, LimitReached, NotAllowed, NotFound
from app.keys import lifetimes, models, owners, queries, terms, tokens
from app.keys.models import Key
from app.keys.owners import Owner
from app.keys.telling import tell
from app.keys.terms import Terms
from app.organisations.models import Organisation

KEYS_PER_ORGANISATION = 200
"""Keys that one organisation may hold, revoked ones aside: far above honest use, and a bound on a gateway's memory."""

WITHOUT_TERMS = Terms()


@dataclass(frozen=True, slots=True)
class Issued:
    """A key and its new secret, which exists nowhere else."""

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
    owner: Owner | None = None,
    person_id: UUID | None,
    now: datetime,
) -> Issued:
    """Make a key; gateways know it within a second of the commit.

    on: its terms. owner: left out, it belongs to who asked. person_id: who asked; None for the command line.
    Raises Invalid for a name that is empty or longer than 80, for terms that cannot be meant or go beyond what the
    organisation allows, and for an owner who is no member; LimitReached at KEYS_PER_ORGANISATION keys.
    """
    name = _checked_name(name)
    checked = terms.checked(session, on, organisation=organisation, now=now)
    lifetimes.check(session, organisation, expires_at=checked.expires_at, made_at=now)
    if owner is not None:
        owner = owners.checked(session, owner, organisation=organisation)
    if queries.count_of(session, organisation, with_revoked=False) >= KEYS_PER_ORGANISATION:
        raise LimitReached(f"“{organisation.name}” has {KEYS_PER_ORGANISATION} keys. Revoke one first.")
    token = tokens.generate(brand, environment)
    owner = owner or Owner(person_id)
    key = Key(
        organisation_id=organisation.id,
        created_by_id=person_id,
        owner_id=owner.person_id,
        service=owner.service,
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
    tell(session, key=key, action="key.issued", person_id=person_id, now=now, details=_described(key))
    return Issued(key=key, secret=token.secret)


def revoke(session: Session, *, key: Key, person_id: UUID | None, now: datetime) -> None:
    """Stop a key from working on every gateway within a second, for good; calls already running are left to finish.

    Raises Conflict if the key is already revoked.
    """
    if key.is_revoked:
        raise Conflict(f"“{key.name}” is already revoked.")
    key.revoked_at = now
    tell(session, key=key, action="key.revoked", person_id=person_id, now=now)


def disable(
    session: Session, *, key: Key, reason: str = "", note: str = "", person_id: UUID | None, now: datetime
) -> None:
    """Stop a key from working within a second, until it is enabled again.

    reason: "", models.LEAK or models.OPERATOR; note: why, in words for whoever reads its page. Raises Conflict if it is
    off or revoked, Invalid for a note that is too long.
    """
    refuse_revoked(key)
    if not key.is_enabled:
        raise Conflict(f"“{key.name}” is already disabled.")
    note = " ".join(note.split())
    if len(note) > 200:
        raise Invalid("Say why in at most 200 characters.")
    key.is_enabled, key.disabled_reason, key.disabled_note, key.disabled_by_id = False, reason, note, person_id
    details = {name: value for name, value in (("reason", reason), ("note", note)) if value}
    tell(session, key=key, action="key.disabled", person_id=person_id, now=now, details=details)


def enable(session: Session, *, key: Key, is_operator: bool = False, person_id: UUID | None, now: datetime) -> None:
    """Let a disabled key work again.

    is_operator: whether whoever runs this gateway asks for it. Raises Conflict if it is on or revoked, NotAllowed if an
    operator disabled it and somebody else asks.
    """
    refuse_revoked(key)
    if key.is_enabled:
        raise Conflict(f"“{key.name}” is not disabled.")
    if key.disabled_reason == models.OPERATOR and not is_operator:
        raise NotAllowed(f"“{key.name}” was disabled by whoever runs this gateway. Ask them to enable it.")
    key.is_enabled, key.disabled_reason, key.disabled_note, key.disabled_by_id = True, "", "", None
    tell(session, key=key, action="key.enabled", person_id=person_id, now=now)


def delete(session: Session, *, key: Key, person_id: UUID | None, now: datetime) -> None:
    """Take a key out of every list. Its record, its history and what it used stay, and it never works again.

    Raises Conflict while it is neither revoked nor expired, and if it is deleted already.
    """
    if key.deleted_at is not None:
        raise Conflict(f"“{key.name}” is deleted already.")
    if key.state_at(now) not in (models.REVOKED, models.EXPIRED):
        raise Conflict(f"“{key.name}” could still be used. Revoke it first.")
    key.deleted_at, key.revoked_at = now, key.revoked_at or now
    tell(session, key=key, action="key.deleted", person_id=person_id, now=now)


def rename(session: Session, *, key: Key, name: str, person_id: UUID | None, now: datetime) -> None:
    """Call a key something else, on every page and past call. Raises Invalid, Conflict if it is called so."""
    name, was = _checked_name(name), key.name
    if name == was:
        raise Conflict(f"It is called “{name}” already.")
    key.name = name
    details = {"called": f"{was} → {name}"}
    tell(session, key=key, action="key.renamed", person_id=person_id, now=now, details=details, to_gateways=False)


def hand_over(session: Session, *, key: Key, to: Owner, person_id: UUID | None, now: datetime) -> None:
    """Give a key to another member, or to a service. Raises Invalid, and Conflict if it is theirs already."""
    organisation = _organisation_of(session, key)
    to, was = owners.checked(session, to, organisation=organisation), owners.owner_of(key)
    if to == was:
        raise Conflict(f"“{key.name}” belongs there already.")
    before = owners.names_of(session, [key])[key.id]
    key.owner_id, key.service = to.person_id, to.service
    details = {"owner": f"{before} → {owners.names_of(session, [key])[key.id]}"}
    tell(session, key=key, action="key.handed_over", person_id=person_id, now=now, details=details, to_gateways=False)


def change(session: Session, *, key: Key, to: Terms, person_id: UUID | None, now: datetime) -> None:
    """Put a key on other terms, all of them: start from terms.terms_of(key) to change one.

    An expired key whose expiry is moved works again. Raises Invalid for terms that cannot be meant, or for a later end
    than the organisation allows; Conflict if the key is revoked or the terms are what they were.
    """
    refuse_revoked(key)
    organisation = _organisation_of(session, key)
    before = terms.terms_of(key)
    if to == before:
        raise Conflict(f"These are the terms that “{key.name}” has already.")
    was = _described(key)
    if to.expires_at != before.expires_at:
        lifetimes.check(session, organisation, expires_at=to.expires_at, made_at=key.secret_made_at)
    _put_terms(key, terms.checked(session, to, organisation=organisation, now=now))
    tell(session, key=key, action="key.changed", person_id=person_id, now=now, details=_difference(was, key))


def _checked_name(name: str) -> str:
    name = "".join(character for character in " ".join(name.split()) if character.isprintable())
    if not name:
        raise Invalid("Give the key a name, such as the program that will use it.")
    if len(name) > 80:
        raise Invalid("Use a name of at most 80 characters.")
    return name


def _organisation_of(session: Session, key: Key) -> Organisation:
    organisation = session.get(Organisation, key.organisation_id)
    if organisation is None:
        raise NotFound("The organisation of this key exists no more.")
    return organisation


def refuse_revoked(key: Key) -> None:
    """Raises Conflict for a key that is gone for good."""
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
