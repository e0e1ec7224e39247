"""Calls that came with the caller's own key for them: made once, charged once, answered the same each time.

A call claims its key before it is made. Its answer is kept in the transaction that writes its event. A claim ends
without an answer when the call failed, or when whoever made it is known to be dead; then the next try is a new call.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert
from sqlmodel import Session, col, delete, select, update

from app.core import db
from app.limits.models import GatewayProcess
from app.metering.entry import Answer, Entry
from app.metering.prepared import Row
from app.metering.proof_models import IdempotentCall

LARGEST_KEPT = 64 * 1024
DEAD_AFTER = timedelta(seconds=60)
"""A gateway gives a sign of life every few seconds."""

CALLS = db.metadata.tables[str(IdempotentCall.__tablename__)]
_ours = (
    (CALLS.c.key_id == bindparam("our_key_id"))
    & (CALLS.c.digest == bindparam("our_digest"))
    & (CALLS.c.receipt == bindparam("our_receipt"))
)
KEEP = (
    CALLS.update()
    .where(_ours)
    .values(
        is_answered=bindparam("answered"),
        is_kept=bindparam("kept"),
        http_status=bindparam("status"),
        receipt_text=bindparam("text"),
        result=bindparam("what"),
    )
)
LET_GO = CALLS.delete().where(_ours)
_CLAIMS: dict[str, ReturningInsert[Any]] = {
    "sqlite": sqlite.insert(CALLS).on_conflict_do_nothing().returning(CALLS.c.receipt),
    "postgresql": postgresql.insert(CALLS).on_conflict_do_nothing().returning(CALLS.c.receipt),
}


def values_of(entry: Entry, answer: Answer) -> Row:
    """For KEEP and LET_GO."""
    return {
        "our_key_id": entry.row["key_id"],
        "our_digest": answer.digest,
        "our_receipt": answer.receipt,
        "answered": True,
        "kept": answer.result is not None,
        "status": answer.http_status,
        "text": entry.receipt,
        "what": answer.result or b"",
    }


@dataclass(frozen=True, slots=True)
class Try:
    """One try at a call. digest, request_digest: of the caller's key for it, and of what it asks. receipt: its id."""

    key_id: UUID
    digest: str
    request_digest: str
    receipt: str
    process_id: UUID


def claim(session: Session, this: Try, *, longest: timedelta, now: datetime) -> IdempotentCall | None:
    """None when the call is to be made: its key is claimed for it. Else the try that came before.

    longest: how long a call can take at most; a claim older than that has been left behind. The caller commits.
    """
    values = {
        "key_id": this.key_id,
        "digest": this.digest,
        "request_digest": this.request_digest,
        "claimed_at": now,
        "claimed_by": this.process_id,
        "receipt": this.receipt,
        "is_answered": False,
        "is_kept": False,
        "http_status": 0,
        "receipt_text": "",
        "result": b"",
    }
    if session.execute(_CLAIMS[session.get_bind().dialect.name], values).first() is not None:
        return None
    found = session.get(IdempotentCall, (this.key_id, this.digest), populate_existing=True)
    if found is None:  # let go of in this moment
        return claim(session, this, longest=longest, now=now)
    if found.is_answered or found.request_digest != this.request_digest:
        return found
    age = now - found.claimed_at
    is_left_behind = age > longest or (age > DEAD_AFTER and _is_dead(session, found.claimed_by, now))
    return None if is_left_behind and _take_over(session, found, this, now) else found


def let_go(session: Session, *, key_id: UUID, digest: str, receipt: str) -> None:
    """The try made no event: the next one is a new call."""
    session.execute(LET_GO, {"our_key_id": key_id, "our_digest": digest, "our_receipt": receipt})


def forget(session: Session, *, before: datetime) -> int:
    """Delete answers to calls older than `before`; gives how many."""
    return db.changed_rows(session, delete(IdempotentCall).where(col(IdempotentCall.claimed_at) < before))


def _is_dead(session: Session, process_id: UUID, now: datetime) -> bool:
    """Whether a gateway has stopped giving signs of life, or was forgotten because of it."""
    seen_at = session.exec(select(GatewayProcess.seen_at).where(GatewayProcess.id == process_id)).first()
    return seen_at is None or seen_at < now - DEAD_AFTER


def _take_over(session: Session, found: IdempotentCall, this: Try, now: datetime) -> bool:
    statement = (
        update(IdempotentCall)
        .where(
            col(IdempotentCall.key_id) == found.key_id,
            col(IdempotentCall.digest) == found.digest,
            col(IdempotentCall.receipt) == found.receipt,
            col(IdempotentCall.is_answered).is_(False),
        )
        .values(receipt=this.receipt, claimed_by=this.process_id, claimed_at=now)
    )
    return bool(db.changed_rows(session, statement))
