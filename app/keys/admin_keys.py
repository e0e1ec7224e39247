"""Admin keys: looking them up, making and revoking them."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_
from sqlmodel import Session, col, select

from app.core import audit, crypto
from app.core.errors import Conflict, Invalid, LimitReached, NotAllowed, NotFound
from app.keys import lifetimes, terms, tokens
from app.keys.admin_models import AdminKey
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
    if count_live(session, organisation, now=now) >= MOST:
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


def revoke(session: Session, *, key: AdminKey, person_id: UUID | None, now: datetime) -> None:
    """Stop it for good, from the next request on. person_id: None where nobody asked, as when it leaked.

    Raises Conflict if it is revoked already.
    """
    if key.revoked_at is not None:
        raise Conflict(f"“{key.name}” is already revoked.")
    key.revoked_at = now
    _record(session, key, "admin_key.revoked", person_id=person_id, now=now, details={})


def by_digest(session: Session, digest: str) -> tuple[AdminKey, Organisation] | None:
    """The admin key with this digest and whose it is; also one that does not work any more."""
    statement = select(AdminKey, Organisation).where(
        AdminKey.digest == digest, AdminKey.organisation_id == Organisation.id
    )
    return session.exec(statement).first()


def admin_keys_of(session: Session, organisation: Organisation, *, limit: int, offset: int = 0) -> list[AdminKey]:
    """Revoked ones last; newest first within each."""
    statement = (
        select(AdminKey)
        .where(AdminKey.organisation_id == organisation.id)
        .order_by(col(AdminKey.revoked_at).is_not(None), col(AdminKey.created_at).desc(), col(AdminKey.id))
    )
    return list(session.exec(statement.limit(limit).offset(offset)))


def admin_key_of(session: Session, organisation: Organisation, admin_key_id: UUID) -> AdminKey:
    """Raises NotFound for a stranger's as for one that never was."""
    found = session.get(AdminKey, admin_key_id)
    if found is None or found.organisation_id != organisation.id:
        raise NotFound("There is no such admin key in this organisation.")
    return found


def by_id(session: Session, organisation: Organisation, ids: Collection[UUID]) -> dict[UUID, AdminKey]:
    """Those of these that are the organisation's."""
    statement = select(AdminKey).where(AdminKey.organisation_id == organisation.id, col(AdminKey.id).in_(ids))
    return {key.id: key for key in session.exec(statement)} if ids else {}


def count_live(session: Session, organisation: Organisation, *, now: datetime) -> int:
    """How many admin keys work."""
    statement = (
        select(func.count())
        .select_from(AdminKey)
        .where(AdminKey.organisation_id == organisation.id, col(AdminKey.revoked_at).is_(None))
        .where(or_(col(AdminKey.expires_at).is_(None), col(AdminKey.expires_at) > now))
    )
    return session.exec(statement).one()


def _record(
    session: Session, key: AdminKey, action: str, *, person_id: UUID | None, now: datetime, details: dict[str, str]
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
