"""The middle of a call: to the integration and back as it comes, with only the end held until it is written down."""

import logging
from collections.abc import Awaitable

from app.gateway import errors, json_relay, passing, saying, sse
from app.gateway.admission import Admission
from app.gateway.call import Call
from app.gateway.caller import Caller
from app.gateway.errors import Failure
from app.gateway.event_relay import EventRelay, Unmetered
from app.gateway.meter import CLIENT_CLOSED, GONE, INTERRUPTED, Meter
from app.gateway.outcome import RESUMABLE, Outcome
from app.gateway.reply import HeaderList, Reply
from app.gateway.screening import Kind, kind_of
from app.gateway.sessions import Sessions
from app.gateway.states import ASKING, States
from app.gateway.upstream.breaker import Breakers
from app.gateway.upstream.client import Client
from app.gateway.upstream.exchange import Exchange
from app.gateway.upstream.problems import CallerGone, ShuttingDown, TimedOut, UpstreamProblem
from app.metering.recorder import NotRecorded

log = logging.getLogger(__name__)


class Passage:
    """One request through the gateway. meter: None for what is free."""

    def __init__(
        self,
        call: Call,
        exchange: Exchange,
        reply: Reply,
        *,
        meter: Meter | None,
        breakers: Breakers,
        sessions: Sessions,
        states: States,
        admission: Admission,
    ) -> None:
        self._call = call
        self._exchange = exchange
        self._reply = reply
        self._meter = meter
        self._breakers = breakers
        self._sessions = sessions
        self._binding = states.binding(call) if call.envelope.method in ASKING and call.is_stateless else None
        self._admission = admission
        self._events: EventRelay | None = None

    async def run(self, client: Client, caller: Caller) -> None:
        """Answer the caller, whatever happens; the reply stays unfinished when it can only be cut off."""
        caller.waits_for(self._exchange)
        await self._see_through(self._send(client), caller)

    async def go_on(self, caller: Caller) -> None:
        """The same when the request is on its way already."""
        await self._see_through(self._exchange.head(), caller)

    async def withhold(self, problem: NotRecorded) -> None:
        """The call is not in the ledger, so its answer is not given."""
        log.error("call.withheld", extra={"receipt": self._receipt, "why": problem.message})
        await self._say(errors.WITHHELD)

    async def _see_through(self, sending: Awaitable[None], caller: Caller) -> None:
        try:
            await self._attempt(sending)
        except CallerGone:
            self._leave(GONE)
        except NotRecorded as problem:
            await self.withhold(problem)
        finally:
            caller.is_served()
            self._exchange.close()
            if self._meter is not None and not self._meter.is_done:
                self._leave(INTERRUPTED)

    async def decline(self, failure: Failure) -> None:
        """Tell the caller that the call is not even tried. Nothing is written down, so there is no receipt."""
        if self._meter is not None:
            self._meter.drop()
        await self._say(failure)

    async def _send(self, client: Client) -> None:
        """Returns when status and headers of the answer are there. Raises UpstreamProblem."""
        call = self._call
        incoming, body, address = call.incoming, call.envelope.body, call.destination.address
        head = passing.request_head(
            incoming.method,
            address,
            call.headers,
            request_id=incoming.request_id,
            length=len(body) if incoming.method == "POST" else None,
            credential=call.destination.route.credential,
        )
        if self._meter is not None:
            self._meter.sending()
        await client.send(self._exchange, address, head=head, body=body, is_repeatable=self._meter is None)

    async def _attempt(self, sending: Awaitable[None]) -> None:
        call = self._call
        try:
            await sending
            self._sessions.leave(call, self._exchange)
            kind = kind_of(self._exchange, wants_answer=call.envelope.wants_answer)
            if kind is Kind.JSON:
                self._admission.answers_plainly()
                await json_relay.relay(self._exchange, self._reply, self._meter, call, binding=self._binding)
            else:
                await self._relay(kind)
        except CallerGone:
            raise
        except ShuttingDown:
            await (self._reply.finish() if self._reply.is_started else self._say(errors.ENDED))
        except UpstreamProblem as problem:
            self._judge(problem)
            await self._fail(problem)
        else:
            self._breakers.succeeded(call.destination.route.slug)

    async def _relay(self, kind: Kind) -> None:
        if kind is Kind.EMPTY:
            await self._status_only()
        elif self._meter is None and self._binding is None:
            self._admission.streaming()
            self._breakers.answering(self._call.destination.route.slug)
            await self._stream()
        else:
            self._admission.streaming()
            self._breakers.answering(self._call.destination.route.slug)
            asked = self._call.envelope.id
            self._events = EventRelay(
                self._exchange, self._reply, self._meter or Unmetered(), asked=asked, binding=self._binding
            )
            await self._events.run()

    async def _status_only(self) -> None:
        length = 0 if self._exchange.status != 204 else None
        headers = passing.answer_headers(self._exchange, receipt="", is_stream=False, length=length)
        await self._reply.start(self._exchange.status, headers)
        await self._reply.finish()

    async def _stream(self) -> None:
        headers = passing.answer_headers(self._exchange, receipt="", is_stream=True, length=None)
        await self._reply.start(self._exchange.status, headers)
        while data := await self._exchange.read():
            await self._reply.write(data)
        await self._reply.finish()

    # When it does not go well

    def _judge(self, problem: UpstreamProblem) -> None:
        """Tell the breaker, but not of a stream that has said what it had to say, or may end at any time."""
        to = self._call.destination
        is_listening = self._call.incoming.method == "GET" and self._reply.is_started
        has_answered = self._meter is not None and (self._meter.is_done or self._is_resumable)
        if not (is_listening or has_answered):
            self._breakers.heard(to.route.slug, to.address, self._call.grant.organisation_id, problem)

    async def _fail(self, problem: UpstreamProblem) -> None:
        failure = errors.failure_of(problem)
        extra = {"integration": self._call.destination.route.slug, "receipt": self._receipt, "why": str(problem)}
        log.warning("call.failed", extra={**extra, "error_class": failure.error_class})
        meter = self._meter
        if meter is None:
            await self._fail_free(problem, failure)
        elif meter.is_done:
            await self._reply.finish()  # the response has been sent; what broke came after it
        elif self._is_resumable:
            await meter.settle(RESUMABLE, http_status=200, bytes_out=self._reply.size)
            await self._reply.finish()
        else:
            outcome = Outcome(failure.status, failure.error_class)
            status = self._reply.status or failure.tool_status
            await meter.settle(outcome, http_status=status, bytes_out=self._reply.size)
            await self._say(failure)

    async def _fail_free(self, problem: UpstreamProblem, failure: Failure) -> None:
        is_listening = self._call.incoming.method == "GET" and self._reply.is_started
        if is_listening and isinstance(problem, TimedOut):
            await self._reply.finish()  # a stream that had nothing to say for long: the client opens the next
        elif self._events is not None and self._events.is_answered:
            await self._reply.finish()
        else:
            await self._say(failure)

    async def _say(self, failure: Failure) -> None:
        """Tell the caller as well as what has been sent allows."""
        body = saying.failure(self._call, failure)
        if not self._reply.is_started:
            status = failure.http_status if self._meter is None else failure.tool_status
            await self._reply.whole(status, body, more=self._headers_of(failure))
        elif self._events is not None and self._events.is_between_events:
            await self._reply.finish(sse.message(body))

    def _headers_of(self, failure: Failure) -> HeaderList:
        more = [(name, value) for name, value in self._exchange.headers if name in (b"allow", b"retry-after")]
        if failure.retry_after_s:
            more.append((b"retry-after", b"%d" % failure.retry_after_s))
        if self._meter is not None and self._meter.receipt:
            more.append((b"postern-receipt", self._meter.receipt.encode()))
        return more

    def _leave(self, outcome: Outcome) -> None:
        if self._meter is not None and not self._meter.is_done:
            outcome = RESUMABLE if self._is_resumable else outcome
            self._meter.note(outcome, http_status=self._reply.status or CLIENT_CLOSED, bytes_out=self._reply.size)

    @property
    def _receipt(self) -> str:
        return self._meter.receipt_id if self._meter is not None else ""

    @property
    def _is_resumable(self) -> bool:
        return self._events is not None and self._events.is_resumable
