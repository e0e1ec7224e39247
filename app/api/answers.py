"""Requests that came with an Idempotency-Key: done once, answered the same for a day.

The claim, what is done and the answer are one transaction: either all of it stands or nothing does. So a refusal, which
changed nothing, is not kept, and asking again asks anew. Who asks at the same time waits for that transaction.

What asks Stripe commits before it does (app/billing/desk.py): the claim stands then without an answer, and the name
makes the visit by which Stripe knows the request again.
"""

import hashlib
from datetime import datetime, timedelta
from uuid import UUID, uuid4, uuid5

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, delete

from app.api.models import ApiAnswer
from app.core import crypto, db
from app.core.errors import Invalid

KEPT = timedelta(hours=24)
LONGEST = 255
_TABLE = db.metadata.tables[str(ApiAnswer.__tablename__)]
_CLAIMS = {
    "sqlite": sqlite.insert(_TABLE).on_conflict_do_nothing().returning(_TABLE.c.name),
    "postgresql": postgresql.insert(_TABLE).on_conflict_do_nothing().returning(_TABLE.c.name),
}


def digest_of(method: str, path: str, body: bytes) -> str:
    """What makes two requests the same."""
    return hashlib.sha256(f"{method} {path}\n".encode() + body).hexdigest()


def check_name(name: str) -> None:
    """Raises Invalid for what is no Idempotency-Key."""
    if not 1 <= len(name) <= LONGEST or not name.isascii() or not name.isprintable():
        raise Invalid(f"Idempotency-Key must be 1 to {LONGEST} printable ASCII characters.")


def claim(session: Session, *, admin_key_id: UUID, name: str, digest: str, now: datetime) -> ApiAnswer | None:
    """What the same request was answered; None for a new one, which is then claimed, and for one that was cut off after
    it had asked Stripe: it goes on under the same visit, so that nothing is bought twice.

    Raises Invalid if the name belongs to another request.
    """
    mine = (col(ApiAnswer.admin_key_id) == admin_key_id, col(ApiAnswer.name) == name)
    session.exec(delete(ApiAnswer).where(*mine, col(ApiAnswer.created_at) <= now - KEPT))
    row = {"admin_key_id": admin_key_id, "name": name, "digest": digest, "status": 0, "sealed": "", "created_at": now}
    is_new = session.execute(_CLAIMS[session.get_bind().dialect.name], row).first() is not None
    if is_new:
        return None
    found = session.get_one(ApiAnswer, (admin_key_id, name), populate_existing=True)
    if found.digest != digest:
        raise Invalid("This Idempotency-Key came with another request. Use a new one for each request.")
    return found if found.status else None


def keep(session: Session, *, admin_key_id: UUID, name: str, status: int, body: str, secret: str) -> None:
    """The answer of a claimed request, sealed with the admin key's secret."""
    claimed = session.get_one(ApiAnswer, (admin_key_id, name))
    claimed.status, claimed.sealed = status, crypto.seal(secret, body)
    session.add(claimed)
    session.flush()


def body_of(answer: ApiAnswer, *, secret: str) -> str | None:
    """What was kept; None when it cannot be read any more."""
    return crypto.unseal(secret, answer.sealed, ttl_s=2 * int(KEPT.total_seconds()))


def visit_of(admin_key_id: UUID, name: str | None) -> UUID:
    """By which Stripe knows the request again; another one each time for a request without a name."""
    return uuid4() if name is None else uuid5(admin_key_id, name)


def forget(session: Session, *, now: datetime) -> int:
    """Answers that are older than KEPT. Gives how many; for the worker."""
    return db.changed_rows(session, delete(ApiAnswer).where(col(ApiAnswer.created_at) <= now - KEPT))
