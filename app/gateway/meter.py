"""The last step of a call: what it was, written down before its answer ends."""

from time import perf_counter

from app.core import ids, logs
from app.gateway.call import Call
from app.gateway.metrics import Metrics
from app.gateway.outcome import Outcome
from app.metering import models
from app.metering.ledger import EventRow
from app.metering.recorder import NotRecorded, Recorder

GONE = Outcome(models.CANCELLED, "caller_gone")
INTERRUPTED = Outcome(models.CANCELLED, "interrupted")

TOOL_LENGTH = 128
VERSION_LENGTH = 20


class Meter:
    """For one call of a tool. `receipt` names it from the start; `is_done` once nothing more is to be written."""

    __slots__ = ("_call", "_metrics", "_recorder", "_sent_at", "is_done", "receipt")

    def __init__(self, call: Call, *, recorder: Recorder, metrics: Metrics) -> None:
        self._call = call
        self._recorder = recorder
        self._metrics = metrics
        self._sent_at = perf_counter()
        self.receipt = ids.receipt_id()
        self.is_done = False

    def sending(self) -> None:
        """The request leaves for the integration now."""
        self._sent_at = perf_counter()

    async def settle(self, outcome: Outcome, *, http_status: int, bytes_out: int) -> None:
        """Return once the call is durable, or at once if it is no event (see Outcome.is_final).

        Raises NotRecorded: then the answer must be withheld, and the call costs nothing.
        """
        self.is_done = True
        if outcome.is_final:
            row = self._row(outcome, http_status=http_status, bytes_out=bytes_out)
            await self._recorder.record(row)
            self._metrics.called(self._call.destination.route.slug, outcome.status, row["duration_us"])

    def note(self, outcome: Outcome, *, http_status: int, bytes_out: int) -> None:
        """The same for a call whose caller does not wait any more."""
        self.is_done = True
        row = self._row(outcome, http_status=http_status, bytes_out=bytes_out)
        try:
            self._recorder.note(row)
        except NotRecorded:
            self._metrics.unrecorded.inc()
        self._metrics.called(self._call.destination.route.slug, outcome.status, row["duration_us"])

    def _row(self, outcome: Outcome, *, http_status: int, bytes_out: int) -> EventRow:
        call = self._call
        now = perf_counter()
        version = call.headers.get(b"mcp-protocol-version", b"")
        return {
            "id": self.receipt,
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
            "protocol_version": storable(version.decode("latin-1"), VERSION_LENGTH),
            "credential": "key",
            "environment": call.grant.environment,
            "tool_version": "",
            "policy_version": 0,
            "rules": "",
            "tokens_in": 0,
            "tokens_out": 0,
            "price_version_id": None,
            "amount_nanos": 0,
            "currency": "",
            "idempotency_digest": "",
        }


def storable(text: str, length: int) -> str:
    """What a caller wrote, as it may be kept: a key pasted into the wrong place is cut out, PostgreSQL has no NUL, and
    columns have a length.
    """
    if "_live_" in text or "_test_" in text:
        text = logs.masked(text)
    return text.replace("\0", "\ufffd")[:length] if len(text) > length or "\0" in text else text
