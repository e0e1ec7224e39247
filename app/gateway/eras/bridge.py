"""A request on its way from a caller of one era to an integration of the other, and what both say meanwhile."""

import asyncio
import logging

from app.gateway import errors, saying, splice
from app.gateway.admission import Admission
from app.gateway.call import Call
from app.gateway.caller import Caller
from app.gateway.eras import messages
from app.gateway.eras.messages import Message
from app.gateway.eras.questions import Questions
from app.gateway.eras.telling import HandshakeCaller, StatelessCaller, Telling
from app.gateway.eras.turns import Answers, Asks, Final, Note, Side
from app.gateway.errors import Failure
from app.gateway.meter import CLIENT_CLOSED, GONE, INTERRUPTED, Meter
from app.gateway.outcome import INPUT_REQUIRED, Outcome, of_message
from app.gateway.reply import Reply
from app.gateway.upstream.breaker import Breakers
from app.gateway.upstream.problems import BadAnswer, Busy, CallerGone, UpstreamProblem
from app.metering.recorder import NotRecorded

log = logging.getLogger(__name__)


class Watch:
    """What hanging up does while the integration is at work, or the caller is asked."""

    def __init__(self, side: Side) -> None:
        self._side = side
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def fail(self, problem: UpstreamProblem) -> None:
        """As an exchange fails."""
        if not self.gone.done():
            self.gone.set_result(None)
        self._side.exchange.fail(problem)


class Bridge:
    """One request. meter: None for what is free."""

    def __init__(
        self,
        call: Call,
        side: Side,
        who: HandshakeCaller | StatelessCaller,
        *,
        telling: Telling,
        reply: Reply,
        meter: Meter | None,
        admission: Admission,
        breakers: Breakers,
        questions: Questions,
    ) -> None:
        self._call = call
        self._side = side
        self._who = who
        self._telling = telling
        self._reply = reply
        self._meter = meter
        self._admission = admission
        self._breakers = breakers
        self._questions = questions
        self._is_parked = False

    async def run(self, caller: Caller, *, answers: Answers | None = None) -> None:
        """Answer the caller, whatever happens. answers: to what an earlier request of the same work was asked."""
        watch = Watch(self._side)
        caller.waits_for(watch)
        try:
            await self._talk(watch, answers)
        except CallerGone:
            self._leave(GONE)
        except UpstreamProblem as problem:
            await self._fail(problem)
        except NotRecorded as problem:
            log.error("call.withheld", extra={"receipt": self._receipt_id, "why": problem.message})
            await self._say(errors.WITHHELD)
        finally:
            caller.is_served()
            if not self._is_parked:
                self._side.close()
            self._leave(INTERRUPTED)

    async def _talk(self, watch: Watch, answers: Answers | None) -> None:
        if self._meter is not None:
            self._meter.sending()
        await (self._side.begin() if answers is None else self._side.answer(answers))
        while True:
            turn = await self._side.next()
            if isinstance(turn, Note):
                self._admission.streaming()
                await self._telling.note(turn.message)
            elif isinstance(turn, Final):
                self._admission.answers_plainly()
                await self._end(turn.message)
                return
            elif isinstance(self._who, StatelessCaller):
                await self._park(turn, self._who)
                return
            else:
                self._admission.streaming()
                await self._side.answer(await self._who.ask(turn.questions, watch.gone))

    async def _end(self, message: Message) -> None:
        outcome = of_message(message.body)
        if outcome is None:
            raise BadAnswer("no JSON-RPC response")
        member, value, status = self._who.final(message)
        receipt = ""
        if self._meter is not None:
            size, whole = self._reply.size + len(value), self._response(member, value)
            await self._meter.settle(outcome, http_status=status, bytes_out=size, message=whole)
            receipt = self._meter.receipt
        self._breakers.succeeded(self._call.destination.route.slug)
        if receipt and outcome.units:
            value = splice.with_receipt(value, receipt)
        await self._telling.end(self._response(member, value), status=status, receipt=receipt)

    async def _park(self, asked: Asks, who: StatelessCaller) -> None:
        """Tell the caller what is wanted; the work waits for its next request. It is no event yet."""
        key_id = self._call.grant.key_id
        if not self._questions.may_park(key_id):
            raise Busy("too many calls of this key wait for input")
        if self._meter is not None:
            await self._meter.settle(INPUT_REQUIRED, http_status=200, bytes_out=0)
        self._is_parked = True
        result = who.wanted(asked.questions, self._questions.park(key_id, self._side))
        await self._telling.end(self._response(b"result", result))

    def _response(self, member: bytes, value: bytes) -> bytes:
        message_id = messages.encode(self._call.envelope.id)
        return b'{"jsonrpc":"2.0","id":%s,"%s":%s}' % (message_id, member, value)

    async def _fail(self, problem: UpstreamProblem) -> None:
        failure = errors.failure_of(problem)
        route = self._call.destination.route
        extra = {"integration": route.slug, "receipt": self._receipt_id, "why": str(problem)}
        log.warning("call.failed", extra={**extra, "error_class": failure.error_class})
        self._breakers.heard(route.slug, self._call.destination.address, self._call.grant.organisation_id, problem)
        if self._meter is not None and not self._meter.is_done:
            status = self._reply.status or failure.tool_status
            outcome = Outcome(failure.status, failure.error_class)
            try:
                await self._meter.settle(outcome, http_status=status, bytes_out=self._reply.size)
            except NotRecorded:
                log.exception("call.withheld", extra={"receipt": self._receipt_id})
        await self._say(failure)

    async def _say(self, failure: Failure) -> None:
        body = saying.failure(self._call, failure)
        status = failure.http_status if self._meter is None else failure.tool_status
        receipt = self._meter.receipt if self._meter is not None else ""
        await self._telling.end(body, status=status, receipt=receipt)

    def _leave(self, outcome: Outcome) -> None:
        if self._meter is not None and not self._meter.is_done:
            self._meter.note(outcome, http_status=self._reply.status or CLIENT_CLOSED, bytes_out=self._reply.size)

    @property
    def _receipt_id(self) -> str:
        return self._meter.receipt_id if self._meter is not None else ""
