"""Making and revoking admin keys."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from app.api import queries
from app.api.models import AdminKey
from app.core import audit, crypto
from app.core.errors import Conflict, Invalid, LimitReached, NotAllowed
from app.keys import lifetimes, terms, tokens
from app.organisations import roles
from app.organisations.models import Organisation

MOST = 20
"""Live admin keys of one organisation."""


def issue(
    session: Session,
    *,
    organisation: Organisation,
    name: str,
    role: str,
    makers_role: str,
    brand: str,
    expires_at: datetime | None,
    person_id: UUID,
    now: datetime,
) -> tuple[AdminKey, str]:
    """The key, and its secret, which is not to be had again. makers_role: of person_id, in the organisation.

    Raises Invalid for a name or an end that cannot be, NotAllowed for a role that may do more than its maker,
    LimitReached at MOST live ones.
    """
    name = "".join(character for character in " ".join(name.split()) if character.isprintable())
    if not 1 <= len(name) <= 80:
        raise Invalid("Give it a name of at most 80 characters, such as the program that will use it.")
    if not roles.covers(makers_role, role):
        raise NotAllowed("An admin key cannot do more than whoever makes it. Choose another role.")
    if expires_at is not None and expires_at <= now:
        raise Invalid(f"{terms.in_words(expires_at)} is over. Choose a later moment.")
    lifetimes.check(session, organisation, expires_at=expires_at, made_at=now)
    if queries.count_live(session, organisation, now=now) >= MOST:
        raise LimitReached(f"There are {MOST} admin keys already. Revoke one first.")
    token = tokens.generate(brand, tokens.ADMIN)
    key = AdminKey(
        organisation_id=organisation.id,
        created_by_id=person_id,
        name=name,
        role=role,
        prefix=token.prefix,
        last_four=token.last_four,
        digest=crypto.digest(token.secret),
        created_at=now,
        expires_at=expires_at,
        window_at=now,
    )
    details = {"role": role, "expires": terms.in_words(expires_at)}
    _record(session, key, "admin_key.issued", person_id=person_id, now=now, details=details)
    return key, token.secret


def revoke(session: Session, *, key: AdminKey, person_id: UUID, now: datetime) -> None:
    """Stop it for good, from the next request on. Raises Conflict if it is revoked already."""
    if key.revoked_at is not None:
        raise Conflict(f"“{key.name}” is already revoked.")
    key.revoked_at = now
    _record(session, key, "admin_key.revoked", person_id=person_id, now=now, details={})


def _record(
    session: Session, key: AdminKey, action: str, *, person_id: UUID, now: datetime, details: dict[str, str]
) -> None:
    session.add(key)
    audit.record(
        session,
        action=action,
        now=now,
        organisation_id=key.organisation_id,
        person_id=person_id,
        subject_id=key.id,
        details={"name": key.name, "key": key.hint, **details},
    )
    session.flush()
