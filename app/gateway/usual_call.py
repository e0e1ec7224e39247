"""A call of a tool on its usual way: sent over a kept connection, answered with one piece of JSON, written down.

Nothing here waits in a task: what comes next is called by whoever brings it, the integration's connection first and
the recorder then. Whatever is not usual after all (no answer, a stream, a large or strange one) goes on in a task from
where it stands (proxy.py), which looks at everything again. Why so: docs/adr/0009.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from app.core import logs
from app.gateway import passing, splice
from app.gateway.admission import Admission
from app.gateway.call import Call
from app.gateway.caller import Caller
from app.gateway.json_relay import HOLD_BYTES
from app.gateway.meter import CLIENT_CLOSED, INTERRUPTED, Meter
from app.gateway.outcome import Outcome, of_message
from app.gateway.proxy import Passage
from app.gateway.reply import Reply
from app.gateway.upstream.exchange import Exchange
from app.gateway.upstream.problems import UpstreamProblem
from app.metering.recorder import NotRecorded

log = logging.getLogger(__name__)


class Owner(Protocol):
    """Whoever begins usual calls (usual.py)."""

    def passage(self, usual: "UsualCall") -> Passage:
        """What goes on in a task."""

    def in_task(self, usual: "UsualCall", rest: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Have `rest` answer the caller; `usual.finish` is called when it has ended."""

    def succeeded(self, call: Call) -> None:
        """The integration gave a good answer."""

    def ended(self, usual: "UsualCall") -> None:
        """There is nothing more to do."""


class UsualCall:
    """One call whose request is on its way. `over` is called once, in the end.

    The exchange tells it of news, the recorder of the receipt; for that it looks like a future to the recorder.
    """

    __slots__ = (
        "_exchange",
        "_held",
        "_is_settled",
        "_outcome",
        "_owner",
        "_task",
        "admission",
        "call",
        "caller",
        "meter",
        "over",
        "reply",
    )

    def __init__(
        self,
        owner: Owner,
        call: Call,
        exchange: Exchange,
        *,
        caller: Caller,
        reply: Reply,
        meter: Meter,
        admission: Admission,
        over: Callable[[], None],
    ) -> None:
        self._owner = owner
        self.call = call
        self._exchange = exchange
        self.caller = caller
        self.reply = reply
        self.meter = meter
        self.admission = admission
        self.over = over
        self._held = b""
        self._outcome: Outcome | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_settled = False

    def wait(self) -> None:
        """The request is on its way."""
        self._exchange.listener = self
        self.caller.waits_for(self._exchange)

    @property
    def exchange(self) -> Exchange:
        return self._exchange

    # For the server

    def cancel(self) -> None:
        """Answer nothing any more: the gateway stops."""
        if self._task is not None:
            self._task.cancel()
            return
        self._exchange.listener = None
        self._exchange.close()
        if not self.meter.is_done:
            self.meter.note(INTERRUPTED, http_status=CLIENT_CLOSED, bytes_out=0)
        elif self._is_settled:
            return
        self._is_settled = True
        self.finish()

    # For the exchange

    def news(self) -> None:
        """The head of the answer is there, or more; or there will be none."""
        exchange = self._exchange
        if exchange.is_whole:
            exchange.listener = None
            try:
                is_settling = self._settle(exchange)
            except Exception:  # noqa: BLE001  (it is logged there)
                self._fail()
            else:
                if not is_settling:
                    self._go_on()
        elif not (exchange.may_fit(HOLD_BYTES) and _is_plain(exchange)):
            exchange.listener = None
            self._go_on()

    def _settle(self, exchange: Exchange) -> bool:
        """Have the answer written down; False when it is not a usual one, and as it was."""
        if not _is_plain(exchange):
            return False
        held = exchange.take()
        try:
            outcome = of_message(held, self.call.envelope.id) if len(held) <= HOLD_BYTES else None
        except UpstreamProblem:
            outcome = None
        if outcome is None or not outcome.is_final:
            exchange.put_back(held)
            return False
        self._held, self._outcome = held, outcome
        self.admission.answers_plainly()
        try:
            self.meter.settle_soon(outcome, http_status=200, bytes_out=len(held), waiter=self)
        except NotRecorded as problem:
            self.set_exception(problem)
        return True

    # For the recorder, instead of a future

    def done(self) -> bool:
        """Whether it has been told, or does not want to be."""
        return self._is_settled

    def set_result(self, receipt: str) -> None:
        """It is written down: answer."""
        self._is_settled = True
        try:
            self.meter.written(receipt)
            self._answer(receipt)
        except Exception:  # noqa: BLE001  (it is logged there)
            self._fail()
        else:
            self.finish()

    def set_exception(self, problem: NotRecorded) -> None:
        """It is not, and the answer is withheld."""
        self._is_settled = True
        self.meter.withheld()
        self._task = self._owner.in_task(self, self._owner.passage(self).withhold(problem))

    def _answer(self, receipt: str) -> None:
        held, outcome, exchange = self._held, self._outcome, self._exchange
        if receipt and outcome is not None and outcome.units:
            held = splice.put_in(held, receipt)
        headers = passing.answer_headers(exchange, receipt=receipt, is_stream=False, length=len(held))
        self.reply.at_once(200, headers, held)
        self._owner.succeeded(self.call)

    # How it ends

    def finish(self) -> None:
        """The answer is out, or as far as it will get."""
        self.caller.is_served()
        self.admission.close()
        self._owner.ended(self)
        self.over()

    def _go_on(self) -> None:
        self._task = self._owner.in_task(self, self._owner.passage(self).go_on(self.caller))

    def _fail(self) -> None:
        """A mistake of ours, which nobody else is to suffer from."""
        logs.set_request_id(self.call.incoming.request_id)
        log.exception("gateway.bug", extra={"path": self.call.incoming.path[:200]})
        self._exchange.close()
        if not self.meter.is_done:
            self.meter.note(INTERRUPTED, http_status=CLIENT_CLOSED, bytes_out=0)
        self._is_settled = True
        self.finish()


def _is_plain(exchange: Exchange) -> bool:
    """Whether it is JSON as a matter of course, with nothing in its head that has to be changed."""
    fields = exchange.fields
    return (
        exchange.status == 200
        and fields.get(b"content-type") == b"application/json"
        and b"content-encoding" not in fields
        and b"mcp-session-id" not in fields
    )
