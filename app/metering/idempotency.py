"""Calls that came with the caller's own key for them: made once, charged once, answered the same each time.

A call claims its key before it is made. Its answer is kept in the transaction that writes its event. A claim ends
without an answer when the call failed, or when whoever made it is known to be dead; then the next try is a new call.
"""

from sqlalchemy import bindparam

from app.core import db
from app.metering.entry import Answer, Entry
from app.metering.prepared import Row
from app.metering.proof_models import IdempotentCall

LARGEST_KEPT = 64 * 1024

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
