"""Passing on an answer that is one JSON object."""

from app.gateway import passing, splice
from app.gateway.call import Call
from app.gateway.meter import Meter
from app.gateway.outcome import INPUT_REQUIRED, Transcript, of_message
from app.gateway.reply import Reply
from app.gateway.states import Binding
from app.gateway.upstream.exchange import Exchange
from app.gateway.upstream.problems import BadAnswer, ErrorStatus
from app.metering import models

HOLD_BYTES = 64 * 1024
"""An answer up to this size is not begun before it is complete, so that an integration which breaks off in the middle
becomes an error that says so. Of a longer one only the last piece is held.
"""


async def relay(
    exchange: Exchange,
    reply: Reply,
    meter: Meter | None,
    call: Call,
    *,
    binding: Binding | None = None,
) -> None:
    """Pass the answer on; with a meter, its end is held until the call is written down.

    Raises UpstreamProblem, NotRecorded; what has been sent by then is in `reply`.
    """
    asked = call.envelope.id if meter is not None else None
    held = exchange.take() or await _beginning(exchange)
    if exchange.is_exhausted and len(held) <= exchange.most_bytes:  # the usual answer: it came in one piece
        size, outcome = len(held), of_message(held, asked)
    else:
        _check_size(max(_length_of(exchange) or 0, len(held)), exchange)
        held, transcript = await _pass_on(held, exchange, reply, meter)
        size, outcome = transcript.size, transcript.outcome(asked)
    if call.envelope.wants_answer and not size:
        raise BadAnswer("an empty body where a response was due")
    if binding is not None and outcome is INPUT_REQUIRED:
        if reply.is_started:
            raise BadAnswer("it wants input in an answer that is too large to be looked at")
        held = binding.bound(held)
    if meter is not None:
        status = exchange.status
        if outcome is None or (status >= 400 and outcome.status != models.PROTOCOL_ERROR):
            raise BadAnswer("JSON, but no JSON-RPC response") if status < 400 else ErrorStatus(status)
        message = b"" if reply.is_started else held
        await meter.settle(outcome, http_status=status, bytes_out=size, message=message)
    if reply.is_started:
        await reply.finish(held)
    else:
        receipt = meter.receipt if meter is not None else ""
        if receipt and outcome is not None and outcome.units:
            change = splice.edit(held, receipt)
            held = held if change is None else change.of(held)
        headers = passing.answer_headers(exchange, receipt=receipt, is_stream=False, length=len(held))
        reply.at_once(exchange.status, headers, held)


async def _beginning(exchange: Exchange) -> bytes:
    _check_size(_length_of(exchange) or 0, exchange)
    return await exchange.read()


async def _pass_on(held: bytes, exchange: Exchange, reply: Reply, meter: Meter | None) -> tuple[bytes, Transcript]:
    """Pass on what need not be held; gives what must be, and what the answer said."""
    transcript = Transcript()
    transcript.feed(held)
    while piece := await exchange.read():
        transcript.feed(piece)
        _check_size(transcript.size, exchange)
        if transcript.size <= HOLD_BYTES:
            held += piece
            continue
        if not reply.is_started:
            receipt = meter.receipt_id if meter is not None else ""
            length = _length_of(exchange)
            headers = passing.answer_headers(exchange, receipt=receipt, is_stream=False, length=length)
            await reply.start(exchange.status, headers)
        await reply.write(held)
        held = piece
    return held, transcript


def _check_size(size: int, exchange: Exchange) -> None:
    if size > exchange.most_bytes:
        raise BadAnswer(f"an answer of more than {exchange.most_bytes:,} bytes")


def _length_of(exchange: Exchange) -> int | None:
    length = exchange.fields.get(b"content-length")
    return int(length) if length is not None else None
