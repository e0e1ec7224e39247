"""Calls with an `Idempotency-Key`: a retry is answered as the first try was, and neither made nor charged again.

Only these calls touch the database before they are made, in a thread. docs/adr/0011 says what is promised.
"""

import asyncio
import hashlib
import re
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import msgspec
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from app.core import clock, ids
from app.core.config import Settings
from app.gateway import errors, splice
from app.gateway.call import Call
from app.gateway.errors import Refused
from app.gateway.reply import HeaderList, Reply
from app.metering import attempts, chain, idempotency
from app.metering.idempotency import Try
from app.metering.proof_models import IdempotentCall

HEADER = b"idempotency-key"
RETRY_AFTER_S = 2
AGAIN_S = 1.0
OWED_AT_MOST = 10_000
"""Keys that a database which was away still holds for calls that failed; any more come free by their age."""
MARGIN = timedelta(minutes=2)
NOT_KEPT = -31410

_KEY = re.compile(rb"[\x20-\x7e]{1,255}")


class Repeats:
    """One per gateway, for the event loop."""

    def __init__(self, settings: Settings, engine: Engine, *, process_id: Callable[[], UUID]) -> None:
        self._engine = engine
        self._longest = timedelta(seconds=settings.call_timeout_s + settings.ledger_timeout_s) + MARGIN
        self._process_id = process_id
        self._owed: deque[Try] = deque(maxlen=OWED_AT_MOST)
        self._paying: asyncio.Task[None] | None = None

    async def before(self, call: Call) -> IdempotentCall | None:
        """Claim the call's key: None. Or the try before, as which it is to be answered (`again`). Raises Refused."""
        this = self._try(call)
        try:
            before = await asyncio.to_thread(self._claim, this)
        except SQLAlchemyError:
            detail = "it cannot be checked just now whether this call was made before. Try again in a few seconds."
            raise Refused(attempts.UNAVAILABLE, detail, status=200) from None
        if before is None:
            call.claim = this
            return None
        if before.request_digest != this.request_digest:
            raise Refused(attempts.KEY_REUSED)
        if not before.is_answered:
            raise Refused(attempts.IN_PROGRESS, headers=[(b"retry-after", b"%d" % RETRY_AFTER_S)])
        return before

    async def let_go(self, call: Call) -> None:
        """The call made no event: its key is free again."""
        claim, call.claim = call.claim, None
        if claim is not None and not await asyncio.to_thread(self._let_go, claim):
            self._owed.append(claim)
            if self._paying is None:
                self._paying = asyncio.create_task(self._let_go_later())

    async def _let_go_later(self) -> None:
        """Until the database has heard of all of them, so that nobody is told for an hour that a call is under way."""
        while self._owed:
            await asyncio.sleep(AGAIN_S)
            while self._owed:
                if not await asyncio.to_thread(self._let_go, self._owed[0]):
                    break
                self._owed.popleft()
        self._paying = None

    def _try(self, call: Call) -> Try:
        key = call.headers[HEADER]
        if _KEY.fullmatch(key) is None:
            detail = "an Idempotency-Key is 1 to 255 printable characters of ASCII."
            raise Refused(attempts.MALFORMED, detail)
        return Try(
            key_id=call.grant.key_id,
            digest=hashlib.sha256(key).hexdigest(),
            request_digest=_digest(call),
            receipt=ids.receipt_id(),
            process_id=self._process_id(),
        )

    def _claim(self, this: Try) -> IdempotentCall | None:
        with Session(self._engine, expire_on_commit=False) as session:
            found = idempotency.claim(session, this, longest=self._longest, now=clock.now())
            session.commit()
        return found

    def _let_go(self, claim: Try) -> bool:
        """Whether the database has heard of it."""
        try:
            with Session(self._engine) as session:
                idempotency.let_go(session, key_id=claim.key_id, digest=claim.digest, receipt=claim.receipt)
                session.commit()
        except SQLAlchemyError:
            return False
        return True


def _digest(call: Call) -> str:
    """Of what is asked: a retry has another id, and may have another progress token."""
    params = msgspec.json.decode(call.envelope.body)["params"]
    params.pop("_meta", None)
    asked = msgspec.json.encode(params, order="sorted")
    place = chain.netstrings([call.destination.route.integration_id, call.envelope.method])
    return hashlib.sha256(place + asked).hexdigest()


async def again(before: IdempotentCall, call: Call, reply: Reply) -> None:
    """Answer a call as the try before it was answered."""
    more: HeaderList = [
        (b"idempotency-replayed", b"true"),
        (b"postern-receipt", before.receipt_text.encode() or before.receipt.encode()),
    ]
    message_id = msgspec.json.encode(call.envelope.id)
    if before.is_kept:
        result = splice.with_receipt(before.result, before.receipt_text) if before.receipt_text else before.result
        await reply.whole(200, b'{"jsonrpc":"2.0","id":%s,"result":%s}' % (message_id, result), more=more)
        return
    words = (
        f"This call was made and charged once, as the receipt {before.receipt} says, but its result was too large to "
        "be kept, or came in a form that cannot be. To have it made again, send it with another Idempotency-Key."
    )
    request_id = call.incoming.request_id
    body = errors.body(call.envelope.id, NOT_KEPT, words, reason="result_not_kept", request_id=request_id)
    await reply.whole(200, body, more=more)
