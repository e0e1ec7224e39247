"""Passing on an answer that is a stream of events: each at once, save the one that answers the call."""

import re

from app.gateway import outcome as outcomes
from app.gateway import passing, splice, sse
from app.gateway.errors import MessageId
from app.gateway.meter import Meter
from app.gateway.outcome import INPUT_REQUIRED, RESUMABLE, Outcome
from app.gateway.reply import Reply
from app.gateway.states import Binding
from app.gateway.upstream.exchange import Exchange
from app.gateway.upstream.problems import BadAnswer, BrokeOff

_MARKS = (b'"result"', b'"error"', b"\\u", b"id:", b'"id"')
"""An event without any of these is no response, however its names are escaped, no request, and no place to resume from:
it passes unread.
"""
_NOTIFICATION = re.compile(rb'data: ?\{[^{}]*"method"\s*:')


class Unmetered:
    """In place of a meter, for what is free and may ask for input all the same."""

    receipt = receipt_id = ""
    keeps_answers = is_done = False

    async def settle(self, outcome: Outcome, *, http_status: int, bytes_out: int, message: bytes = b"") -> None:
        """The response is there; it is written down nowhere."""
        self.is_done = True


class EventRelay:
    """For a call of a tool, or what else may ask for input. The event with its response leaves once that is recorded.

    is_resumable: whether the caller could fetch the rest of the stream elsewhere (2025-11-25 and before).
    """

    def __init__(
        self,
        exchange: Exchange,
        reply: Reply,
        meter: Meter | Unmetered,
        *,
        asked: MessageId,
        binding: Binding | None = None,
    ) -> None:
        """asked: the id of the request. binding: of what the integration hands out and asks for, where the era has
        that.
        """
        self._asked = asked
        self._large_bytes = 0
        self._exchange = exchange
        self._reply = reply
        self._meter = meter
        self._binding = binding
        self._splitter = sse.Splitter()
        self._large = b""
        self.is_resumable = False

    @property
    def is_answered(self) -> bool:
        """Whether the response has been sent."""
        return self._meter.is_done

    @property
    def is_between_events(self) -> bool:
        """Whether an event of our own may be added to what the caller has got."""
        return not self._large

    async def run(self) -> None:
        """Raises UpstreamProblem, NotRecorded."""
        headers = passing.answer_headers(self._exchange, receipt=self._meter.receipt_id, is_stream=True, length=None)
        await self._reply.start(200, headers, is_followed=self._exchange.has_more)
        while data := await self._exchange.read():
            ready = await self._take(self._splitter.feed(data))
            if self._exchange.is_exhausted and self._splitter.is_empty:
                await self._end(ready)
                return
            await self._reply.write(ready + self._overflow())
        await self._end(await self._take(self._splitter.remainder()))

    async def _take(self, events: bytes) -> bytes:
        """What may be sent; what stood before the answer has been sent before it is written down."""
        if self._large:
            unread = 0
        elif self._meter.is_done:
            return events
        else:
            unread = _unread(events)
            if unread == len(events):
                return events
        ready = [events[:unread]]
        for came in sse.split(events[unread:]):
            event = came
            if not self._meter.is_done and (self._large or _unread(event) < len(event)):
                outcome = self._outcome_of(event)
                if outcome is not None:
                    await self._reply.write(b"".join(ready))
                    ready.clear()
                    event = await self._settle(outcome, event)
            self._large, self._large_bytes = b"", 0
            ready.append(event)
        return b"".join(ready)

    def _outcome_of(self, event: bytes) -> Outcome | None:
        if self._large:
            is_notification = _NOTIFICATION.search(self._large) is not None
            return None if is_notification else outcomes.of_edges(self._large, event)
        self.is_resumable = self.is_resumable or sse.has_id(event)
        said = sse.data_of(event)
        outcome = outcomes.of_event(said, self._asked)
        if outcome is None and self._binding is not None:
            self._binding.refuse_request(said)
        return outcome

    async def _settle(self, outcome: Outcome, event: bytes) -> bytes:
        """Gives the event with its receipt in it, where that can be."""
        if self._binding is not None and outcome is INPUT_REQUIRED:
            if self._large:
                raise BadAnswer("it wants input in an event that is too large to be looked at")
            event = sse.message(self._binding.bound(sse.data_of(event)))
        message = sse.data_of(event) if self._meter.keeps_answers and not self._large else b""
        await self._meter.settle(outcome, http_status=200, bytes_out=self._reply.size + len(event), message=message)
        if self._large or not self._meter.receipt or not outcome.units:
            return event
        return splice.in_event(event, self._meter.receipt) or event

    def _overflow(self) -> bytes:
        ahead = self._splitter.overflow()
        if ahead and not self._large:
            self._large = ahead[: outcomes.EDGE_BYTES]
        self._large_bytes += len(ahead)
        if self._large_bytes > self._exchange.most_bytes:
            raise BadAnswer(f"an event of more than {self._exchange.most_bytes:,} bytes")
        return ahead

    async def _end(self, ready: bytes) -> None:
        if not self._meter.is_done:
            if not self.is_resumable:
                await self._reply.write(ready)
                raise BrokeOff("the stream ended without a response")
            await self._settle(RESUMABLE, ready)
        await self._reply.finish(ready)


def _unread(events: bytes) -> int:
    """How many bytes at the beginning are whole events without any of _MARKS."""
    first = len(events)
    for mark in _MARKS:
        at = events.find(mark, 0, first)
        if at >= 0:
            first = at
    return first if first == len(events) else sse.end_before(events, first)
