"""The gateway itself: every request's way through its steps, on one page.

places (where) → auth (who) → envelope (what) → authority (whether) → catalogue (as approved) → proxy (there and back) →
meter (written down). Refusals leave it at any step, and refusals.py says them.
"""

from collections.abc import Awaitable, Callable

from sqlalchemy import Engine

from app.core import logs
from app.core.config import Settings
from app.gateway import (
    auth,
    authority,
    batches,
    catalogue,
    elsewhere,
    envelope,
    errors,
    mirrors,
    places,
    privacy,
    repeats,
    samples,
    seen,
)
from app.gateway.admission import Admission
from app.gateway.call import Call
from app.gateway.caller import Caller
from app.gateway.ends import Ends
from app.gateway.envelope import Array, Envelope
from app.gateway.errors import Failure, Refused
from app.gateway.incoming import Headers, Incoming, must_be_json
from app.gateway.meter import Meter
from app.gateway.parts import Parts
from app.gateway.places import Place
from app.gateway.policy import Destination
from app.gateway.proxy import Passage
from app.gateway.reply import Reply
from app.gateway.server.service import Work
from app.gateway.upstream.exchange import Exchange
from app.gateway.usual import Usual
from app.gateway.usual_call import UsualCall
from app.keys.grants import Grant
from app.metering import attempts

METHODS = ("POST", "GET", "DELETE")


class Gateway:
    """Knows nothing of sockets: the server under it (server/) calls `begin` for each request."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self.parts = Parts(settings, engine)
        self._settings = settings  # of which each question costs a model's attribute: what all calls ask is had ahead
        self._max_body_bytes, self._max_json_depth = settings.max_body_bytes, settings.max_json_depth
        self._origins = frozenset(url.lower().encode() for url in (settings.gateway_url, settings.portal_url))
        self._in_flight = 0
        self._streams = self.parts.streams
        self._ends = Ends(self.parts.refusals)
        self._usual = Usual(settings, self.parts, admitted=self._admitted, guard=self._ends.guarded)
        self.parts.metrics.watch(
            in_flight=lambda: self._in_flight + self._usual.under_way,
            policy_age_s=lambda: self.parts.feed.age_s,
            under_way=lambda: self.parts.recorder.under_way,
            failing=lambda: self.parts.breakers.open_count,
        )

    async def start(self) -> None:
        """Begin; on the loop that all requests will run on."""
        await self.parts.start()

    async def stop(self) -> None:
        """Write down what is under way. No request may come in any more."""
        await self.parts.stop()

    def drain(self) -> None:
        """The server is about to stop: end the streams that only listen, let calls finish."""
        self._streams.drain()

    def begin(self, incoming: Incoming, caller: Caller, reply: Reply, over: Callable[[], None]) -> Work:
        """Begin to answer one request; `over` is called, later, when there is no more to come."""
        logs.set_request_id(incoming.request_id)
        try:
            begun = self._usual.begin(incoming, caller, reply, over)
        except Refused as refused:
            begun = self._ends.refuse(refused, incoming, caller, reply)
        except Exception:  # noqa: BLE001  (it is logged there)
            begun = self._ends.apologise(incoming, reply)
        if isinstance(begun, UsualCall):
            return begun
        rest = begun or self._requested(incoming, caller, reply)
        rest = self._ends.guarded(rest, incoming, caller, reply)
        return self.parts.loop.create_task(self._told(rest, over))

    async def answer(self, incoming: Incoming, caller: Caller, reply: Reply) -> None:
        """Answer one request; a reply that is not finished afterwards can only be cut off. Raises nothing."""
        logs.set_request_id(incoming.request_id)
        await self._ends.guarded(self._requested(incoming, caller, reply), incoming, caller, reply)

    async def _told(self, rest: Awaitable[None], over: Callable[[], None]) -> None:
        self._in_flight += 1
        try:
            await rest
        finally:
            self._in_flight -= 1
            over()

    async def _requested(self, incoming: Incoming, caller: Caller, reply: Reply) -> None:
        auth.refuse_key_in_path(incoming.path)
        place = places.parse(incoming.path)
        if place is not None:
            await self._mcp(place, incoming, caller, reply)
        else:
            await elsewhere.answer(self.parts, incoming, reply)

    async def _mcp(self, place: Place, incoming: Incoming, caller: Caller, reply: Reply) -> None:
        """One request to an integration."""
        if incoming.method not in METHODS:
            raise Refused(attempts.MALFORMED, f"{incoming.method} means nothing here; use POST.", status=405)
        headers = incoming.headers()
        origin = headers.get(b"origin")
        if origin is not None and origin.lower() not in self._origins:
            raise Refused(attempts.FOREIGN_ORIGIN)
        parts = self.parts
        authentication = parts.authentication
        grant = authentication.known(incoming, headers) or await authentication.look_again(incoming, headers)
        call: Call | None = None
        try:
            use = seen.use_of(parts.notebook.uses, grant, incoming, proxy_hops=self._settings.proxy_hops)
            parts.notebook.uses.used(use, incoming.at)
            destination = self._known(place, grant) or await self._looked_up(place, grant)
            message = self._message(incoming, headers, caller) or await self._late_message(headers, caller)
            call = Call(incoming, headers, grant, destination, message, use=use)
            parts.sessions.enter(call)
            call = parts.desk.enter(call)
            if not use.is_introduced or message.method == seen.INITIALIZE:
                seen.introduce(use, call)
            if call.destination is not parts.desk.place:
                authority.check(call)
            samples.check(call)
            if message.is_metered:
                call.tool = catalogue.find(call, parts.policy.shelf_of(call.destination))
                if repeats.HEADER in headers and await self._repeated(call, reply):
                    return
            admission = parts.limits.admit(call)
        except Array as array:
            batches.check_revision(headers, grant, destination, parts.sessions)
            parts.decisions.taken_apart(incoming, reply, grant, destination.route.integration_id)
            await batches.answer(array, incoming, caller, reply, one_by_one=self.answer)
            return
        except Refused as refused:
            refused.grant = grant
            if call is not None:
                await parts.repeats.let_go(call)
            raise
        await self._admitted(call, admission, caller, reply)

    async def _admitted(self, call: Call, admission: Admission, caller: Caller, reply: Reply) -> None:
        """The way of a request from where its rates have let it in."""
        parts = self.parts
        try:
            if admission.owes:
                await parts.limits.reserve(call, admission)
            is_answered_here = call.is_between or call.envelope.method == catalogue.LIST
            if is_answered_here and await self._answer_here(call, admission, reply):
                return
        except Refused as refused:
            refused.grant = call.grant
            await parts.repeats.let_go(call)
            raise
        reply.more = admission.headers
        try:
            await self._pass(call, admission, caller, reply)
        finally:
            admission.close()
            if call.claim is not None:
                await parts.repeats.let_go(call)

    def _known(self, place: Place, grant: Grant) -> Destination | None:
        """Where a request goes; None for what has to be looked for. Raises Refused."""
        if not place.slug:
            return self.parts.desk.place
        found = authority.find(self.parts.policy, grant, place.slug)
        if found is not None and not found.route.is_enabled:
            raise Refused(attempts.UNKNOWN_INTEGRATION, f"“{found.route.name}” is switched off.")
        return found

    async def _looked_up(self, place: Place, grant: Grant) -> Destination:
        """The same for what may be brand-new. Raises Refused."""
        await self.parts.feed.catch_up(timeout_s=auth.CATCH_UP_S)
        found = self._known(place, grant)
        if found is None:
            raise Refused(attempts.UNKNOWN_INTEGRATION)
        return found

    def _message(self, incoming: Incoming, headers: Headers, caller: Caller) -> Envelope | None:
        """What a request says; None while its body is not all there. Raises Refused."""
        if incoming.method != "POST":
            return envelope.NOTHING
        must_be_json(headers)
        data = caller.whole_body(headers, max_bytes=self._max_body_bytes)
        return None if data is None else self._read(headers, data)

    async def _late_message(self, headers: Headers, caller: Caller) -> Envelope:
        timeout_s = self._settings.body_timeout_s
        return self._read(headers, await caller.body(max_bytes=self._max_body_bytes, timeout_s=timeout_s))

    def _read(self, headers: Headers, data: bytes) -> Envelope:
        message = envelope.parse(data, max_depth=self._max_json_depth)
        mirrors.check(headers, message)
        return message

    async def _repeated(self, call: Call, reply: Reply) -> bool:
        """Whether it was a retry, and is answered as its first try was. Raises Refused."""
        before = await self.parts.repeats.before(call)
        if before is None:
            return False
        self.parts.decisions.replayed(call, reply, receipt=before.receipt)
        await repeats.again(before, call, reply)
        return True

    async def _answer_here(self, call: Call, admission: Admission, reply: Reply) -> bool:
        """Whether the gateway could answer by itself: what an era wants of it, and lists of tools, from memory."""
        here = self.parts.desk.own_answer(call)
        if here is None and call.envelope.method != catalogue.LIST:
            return False
        self.parts.decisions.let_in(call, reply, rules=admission.rules)
        try:
            if here is not None:
                await self.parts.desk.say(here, call, reply)
            elif call.envelope.wants_answer:
                await reply.whole(200, catalogue.listing(call, self.parts.policy.shelf_of(call.destination)))
            else:
                await reply.whole(202, b"")  # a notification that is called so is nothing to act on
        finally:
            admission.close()
        self.parts.metrics.passed(call.destination.route.slug, reply.status)
        return True

    def _pass(self, call: Call, admission: Admission, caller: Caller, reply: Reply) -> Awaitable[None]:
        """What is to be awaited for the answer; a plain function, because each coroutine on a call's way costs."""
        parts = self.parts
        meter = None
        if call.envelope.is_metered:
            if call.use is not None:
                parts.notebook.uses.called(call.use, call.incoming.at)
            version = parts.policy.version
            meter = Meter(
                call,
                recorder=parts.recorder,
                metrics=parts.metrics,
                policy_version=version,
                admission=admission,
                on_nothing=parts.decisions.came_to_nothing,
            )
        else:
            parts.decisions.let_in(call, reply, rules=admission.rules)
            privacy.keep(call, reply)
        if meter is not None and call.tool is not None and call.grant.environment == "test":
            return samples.answer(call, call.tool, meter, reply)
        exchange = parts.client.exchange()
        passage = Passage(
            call,
            exchange,
            reply,
            meter=meter,
            breakers=parts.breakers,
            sessions=parts.sessions,
            states=parts.states,
            admission=admission,
        )
        obstacle = self._obstacle(call)
        if obstacle is not None:
            parts.decisions.declined(call, reply, why=obstacle.error_class)
            return passage.decline(obstacle)
        if call.is_between:
            return parts.desk.translate(call, meter, admission, caller=caller, reply=reply)
        if meter is not None:
            return passage.run(parts.client, caller)
        return self._listen(call, exchange, passage, caller, reply)

    async def _listen(self, call: Call, exchange: Exchange, passage: Passage, caller: Caller, reply: Reply) -> None:
        """What is free, and may be a stream that goes on for as long as its caller likes."""
        parts = self.parts
        self._streams.add(exchange, call, reply)
        try:
            await passage.run(parts.client, caller)
        finally:
            self._streams.discard(exchange)
            parts.metrics.passed(call.destination.route.slug, reply.status)

    def _obstacle(self, call: Call) -> Failure | None:
        """Why the call is not even to be tried, if so."""
        if call.envelope.is_metered and self.parts.recorder.is_troubled:
            return errors.LEDGER_TROUBLED
        to = call.destination
        wait_s = self.parts.breakers.wait_s(to.route.slug, to.address, call.grant.organisation_id)
        return errors.failing(wait_s) if wait_s else None
