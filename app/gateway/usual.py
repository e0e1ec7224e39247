"""The way that most calls take: everything that they need is in memory, and nothing has to be waited for to begin them.

What is not surely such a call is left alone here, and goes the thorough way (app.py), which asks everything again: so
nothing is refused here but what only counts once, a rate.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from app.core import logs
from app.core.config import Settings
from app.gateway import authority, catalogue, envelope, mirrors, seen, standing
from app.gateway.admission import Admission
from app.gateway.call import Call
from app.gateway.caller import Caller
from app.gateway.envelope import Array
from app.gateway.errors import Refused
from app.gateway.incoming import Incoming
from app.gateway.meter import Meter
from app.gateway.parts import Parts
from app.gateway.proxy import Passage
from app.gateway.reply import Reply
from app.gateway.standing import Standing
from app.gateway.usual_call import UsualCall
from app.metering.uses import Use

Admitted = Callable[[Call, Admission, Caller, Reply], Coroutine[Any, Any, None]]
Guard = Callable[[Awaitable[None], Incoming, Caller, Reply], Coroutine[Any, Any, None]]


class Usual:
    """One per gateway, for its event loop. under_way: how many of these calls there are."""

    def __init__(self, settings: Settings, parts: Parts, *, admitted: Admitted, guard: Guard) -> None:
        """admitted: the thorough way from there on. guard: awaits what answers a request, and answers what goes wrong
        there.
        """
        self._admitted = admitted
        self._parts = parts
        self._policy = parts.policy
        self._guard = guard
        self._max_age_s, self._max_body_bytes = settings.policy_max_age_s, settings.max_body_bytes
        self._max_json_depth = settings.max_json_depth
        self._uses, self._proxy_hops = parts.notebook.uses, settings.proxy_hops
        self.under_way = 0

    def begin(
        self, incoming: Incoming, caller: Caller, reply: Reply, over: Callable[[], None]
    ) -> UsualCall | Coroutine[Any, Any, None] | None:
        """Make the call, if it is a usual one; or give what is to be awaited for one that was let in already; or None,
        with nothing done. over: told when all is done. Raises Refused by a rate.
        """
        found = self._recognised(incoming, caller)
        if found is None:
            return None
        call, known = found
        use = call.use = known.use or self._use(known, call)
        try:
            admission = self._parts.limits.admit(call)
        except Refused as refused:
            self._uses.used(use, incoming.at)
            refused.grant = call.grant
            raise
        has_all = not admission.owes or self._parts.limits.reserve_at_once(admission)
        connection = self._parts.client.at_hand(call.destination.address) if has_all else None
        if connection is None:
            return self._admitted(call, admission, caller, reply)
        self._uses.called(use, incoming.at)
        usual = self._made(call, admission, caller, reply, over)
        connection.carry(usual.exchange, known.head(incoming.request_id, len(call.envelope.body)), call.envelope.body)
        usual.wait()
        return usual

    def _use(self, known: Standing, call: Call) -> Use:
        """Once for each head."""
        known.use = seen.use_of(self._uses, known.grant, call.incoming, proxy_hops=self._proxy_hops)
        if not known.use.is_introduced:
            seen.introduce(known.use, call)
        return known.use

    def _recognised(self, incoming: Incoming, caller: Caller) -> tuple[Call, Standing] | None:
        parts = self._parts
        if not caller.is_whole or parts.feed.age_s > self._max_age_s:
            return None
        if not parts.breakers.is_quiet or parts.recorder.is_troubled:
            return None
        try:
            known = self._standing(incoming)
            call = None if known is None else self._call(incoming, caller, known)
        except (Refused, Array):
            return None
        return None if known is None or call is None else (call, known)

    def _made(
        self, call: Call, admission: Admission, caller: Caller, reply: Reply, over: Callable[[], None]
    ) -> UsualCall:
        parts = self._parts
        reply.more = admission.headers
        meter = Meter(
            call,
            recorder=parts.recorder,
            metrics=parts.metrics,
            policy_version=self._policy.version,
            admission=admission,
            on_nothing=parts.decisions.came_to_nothing,
        )
        self.under_way += 1
        exchange = parts.client.exchange()
        return UsualCall(self, call, exchange, caller=caller, reply=reply, meter=meter, admission=admission, over=over)

    # For the calls

    def passage(self, usual: UsualCall) -> Passage:
        parts = self._parts
        return Passage(
            usual.call,
            usual.exchange,
            usual.reply,
            meter=usual.meter,
            breakers=parts.breakers,
            sessions=parts.sessions,
            states=parts.states,
            admission=usual.admission,
        )

    def in_task(self, usual: UsualCall, rest: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        logs.set_request_id(usual.call.incoming.request_id)
        return self._parts.loop.create_task(self._finished(usual, rest))

    def succeeded(self, call: Call) -> None:
        self._parts.breakers.succeeded(call.destination.route.slug)

    def ended(self, usual: UsualCall) -> None:
        self.under_way -= 1

    async def _finished(self, usual: UsualCall, rest: Awaitable[None]) -> None:
        try:
            await self._guard(rest, usual.call.incoming, usual.caller, usual.reply)
        finally:
            usual.finish()

    def _standing(self, incoming: Incoming) -> Standing | None:
        memory = incoming.memory
        known = memory.standing if memory is not None else None
        if isinstance(known, Standing) and known.holds(self._policy):
            return known
        known = standing.of(incoming, self._policy)
        if memory is not None:
            memory.standing = known
        return known

    def _call(self, incoming: Incoming, caller: Caller, known: Standing) -> Call | None:
        """Raises Refused, Array."""
        body = caller.whole_body(incoming.fields, max_bytes=self._max_body_bytes) or b""
        message = envelope.parse(body, max_depth=self._max_json_depth)
        if not message.is_metered:
            return None
        mirrors.check(known.headers, message)
        call = self._parts.desk.enter(Call(incoming, known.headers, known.grant, known.destination, message))
        if call.is_between:
            return None
        authority.check(call)
        call.tool = catalogue.find(call, self._policy.shelf_of(call.destination))
        return call
