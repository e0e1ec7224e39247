"""The last step of a call: what it was, written down before its answer ends."""

from collections.abc import Callable
from functools import lru_cache
from time import perf_counter
from typing import Protocol

from app.core import ids, logs
from app.gateway import splice
from app.gateway.call import Call
from app.gateway.metrics import Metrics
from app.gateway.outcome import Outcome
from app.limits.holds import NOTHING_HELD, Reservation
from app.metering import crowds, idempotency, models
from app.metering.entry import Answer, Waiter
from app.metering.ledger import EventRow
from app.metering.recorder import NotRecorded, Recorder
from app.plans.prices import Price

GONE = Outcome(models.CANCELLED, "caller_gone")
INTERRUPTED = Outcome(models.CANCELLED, "interrupted")

CLIENT_CLOSED = 499
"""What the ledger says for a caller who left before anything was sent; nginx's number, nobody ever receives it."""

TOOL_LENGTH = 128
VERSION_LENGTH = 20
RULES_LENGTH = 200


class Admission(Protocol):
    """What was decided when the call was let in: its price, and what it holds of which limits (limits.py)."""

    @property
    def price(self) -> Price | None: ...
    @property
    def reservation(self) -> Reservation: ...
    @property
    def rules(self) -> str: ...

    def release(self) -> None:
        """Give everything back: there will be no event."""


class Meter:
    """For one call of a tool.

    receipt_id names it from the start. receipt: in full, once it is in the ledger; "" before, and for what is no event.
    is_done: nothing more is to be written.
    """

    __slots__ = (
        "_admission",
        "_call",
        "_metrics",
        "_on_nothing",
        "_policy_version",
        "_recorder",
        "_row_written",
        "_sent_at",
        "is_done",
        "receipt",
        "receipt_id",
    )

    def __init__(
        self,
        call: Call,
        *,
        recorder: Recorder,
        metrics: Metrics,
        policy_version: int = 0,
        admission: Admission | None = None,
        on_nothing: Callable[[Call, str, str], None] = lambda call, decision, receipt: None,
    ) -> None:
        """admission: None for a call that costs nothing and is held against no limit. on_nothing: told of a call that
        was made and has no event in the end, with what that means (app/metering/crowds.py) and its receipt's id.
        """
        self._call = call
        self._recorder = recorder
        self._metrics = metrics
        self._policy_version = policy_version
        self._admission = admission
        self._on_nothing = on_nothing
        self._sent_at = perf_counter()
        self.receipt_id = call.claim.receipt if call.claim is not None else ids.receipt_id()
        self.receipt = ""
        self.is_done = False

    def sending(self) -> None:
        """The request leaves for the integration now."""
        self._sent_at = perf_counter()

    @property
    def keeps_answers(self) -> bool:
        """Whether a retry is to be told the same: then `settle` wants the message."""
        return self._call.claim is not None

    async def settle(self, outcome: Outcome, *, http_status: int, bytes_out: int, message: bytes = b"") -> None:
        """Return once the call is durable, or at once if it is no event (see Outcome.is_final).

        message: the JSON-RPC response, where it is there in one piece.

        Raises NotRecorded: then the answer must be withheld, and the call costs nothing.
        """
        if not outcome.is_final:
            self.drop()
            self._on_nothing(self._call, crowds.ASKED, self.receipt_id)
            return
        self.is_done = True
        claim = self._call.claim
        row = self._row(outcome, http_status=http_status, bytes_out=bytes_out)
        try:
            answer = self._answer(row, message) if claim is not None else None
            written = self._recorder.record(row, self._reservation, answer=answer)
        except NotRecorded:
            self._call.claim = claim
            self.drop()
            self._on_nothing(self._call, crowds.WITHHELD, self.receipt_id)
            raise
        try:
            self.receipt = await written
        except NotRecorded:
            self._call.claim = claim  # to be let go: there is nothing to be told twice
            self._on_nothing(self._call, crowds.WITHHELD, self.receipt_id)
            raise
        self._metrics.called(self._call.destination.route.slug, outcome.status, row["duration_us"])

    def settle_soon(self, outcome: Outcome, *, http_status: int, bytes_out: int, waiter: Waiter) -> None:
        """The same for who does not wait in a task, and has no idempotency key: `waiter` is told the receipt, which
        then is to be said to `written`. Raises NotRecorded at once when there is no room.
        """
        self.is_done = True
        self._row_written = row = self._row(outcome, http_status=http_status, bytes_out=bytes_out)
        try:
            self._recorder.record_for(waiter, row, self._reservation)
        except NotRecorded:
            self.drop()
            raise

    def written(self, receipt: str) -> None:
        """What `settle_soon` was asked for is durable."""
        row = self._row_written
        self.receipt = receipt
        self._metrics.called(self._call.destination.route.slug, row["status"], row["duration_us"])

    def withheld(self) -> None:
        """What `settle_soon` was asked for cannot be written down."""
        self._on_nothing(self._call, crowds.WITHHELD, self.receipt_id)

    def drop(self) -> None:
        """There will be no event: the call is not made, or is not one."""
        self.is_done = True
        if self._admission is not None:
            self._admission.release()

    def note(self, outcome: Outcome, *, http_status: int, bytes_out: int) -> None:
        """The same for a call whose caller does not wait any more."""
        self.is_done = True
        row = self._row(outcome, http_status=http_status, bytes_out=bytes_out)
        try:
            self._recorder.note(row, self._reservation, answer=self._answer(row, b""))
        except NotRecorded:
            self.drop()
            self._metrics.unrecorded.inc()
        self._metrics.called(self._call.destination.route.slug, outcome.status, row["duration_us"])

    @property
    def _reservation(self) -> Reservation:
        return self._admission.reservation if self._admission is not None else NOTHING_HELD

    def _answer(self, row: EventRow, message: bytes) -> Answer | None:
        """What is kept for a retry: nothing of a call that failed, so that the retry is a new one."""
        claim, self._call.claim = self._call.claim, None
        if claim is None:
            return None
        row["idempotency_digest"] = claim.digest
        result = splice.result_of(message)
        if result is not None and len(result) > idempotency.LARGEST_KEPT:
            result = None
        return Answer(claim.receipt, claim.digest, row["http_status"], is_kept=row["units"] > 0, result=result)

    def _row(self, outcome: Outcome, *, http_status: int, bytes_out: int) -> EventRow:
        call, admission = self._call, self._admission
        price = admission.price if admission is not None and call.grant.environment == "live" else None
        now = perf_counter()
        version = call.headers.get(b"mcp-protocol-version", b"")
        return {
            "id": self.receipt_id,
            "request_id": call.incoming.request_id,
            "at": call.incoming.at,
            "organisation_id": call.grant.organisation_id,
            "key_id": call.grant.key_id,
            "integration_id": call.destination.route.integration_id,
            "tool": storable(call.envelope.name or "", TOOL_LENGTH),
            "status": outcome.status,
            "error_class": outcome.error_class,
            "units": outcome.units,
            "http_status": http_status,
            "duration_us": int((now - call.incoming.began) * 1_000_000),
            "upstream_us": int((now - self._sent_at) * 1_000_000),
            "bytes_in": len(call.envelope.body),
            "bytes_out": bytes_out,
            "protocol_version": _version_said(version) if len(version) <= VERSION_LENGTH else _version_of(version),
            "credential": "key",
            "environment": call.grant.environment,
            "tool_version": call.tool.version if call.tool is not None else "",
            "policy_version": self._policy_version,
            "rules": admission.rules[:RULES_LENGTH] if admission is not None else "",
            "tokens_in": 0,
            "tokens_out": 0,
            "price_version_id": price.version_id if price is not None else None,
            "amount_nanos": outcome.units * price.ceiling_nanos if price is not None else 0,
            "currency": price.currency if price is not None else "",
            "idempotency_digest": "",
        }


def _version_of(header: bytes) -> str:
    return storable(header.decode("latin-1"), VERSION_LENGTH)


_version_said = lru_cache(maxsize=64)(_version_of)
"""The same for what is short enough to be a version, and no key."""


def storable(text: str, length: int) -> str:
    """What a caller wrote, as it may be kept: a key pasted into the wrong place is cut out, PostgreSQL has no NUL, and
    columns have a length.
    """
    if "_live_" in text or "_test_" in text:
        text = logs.masked(text)
    return text.replace("\0", "\ufffd")[:length] if len(text) > length or "\0" in text else text
