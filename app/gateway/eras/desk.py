"""Where eras meet: decides what passes as it is, what is translated, and what the gateway answers itself."""

from functools import lru_cache

from app.gateway import catalogue, inputs
from app.gateway.admission import Admission
from app.gateway.call import Call
from app.gateway.caller import Caller
from app.gateway.eras import everything, held, messages, own
from app.gateway.eras.bridge import Bridge
from app.gateway.eras.everything import Everything
from app.gateway.eras.handshake import HandshakeSide
from app.gateway.eras.held import VERSIONS, HeldSession
from app.gateway.eras.kept import KeptSessions
from app.gateway.eras.own import About, Own
from app.gateway.eras.questions import Questions
from app.gateway.eras.stateless import VERSION, StatelessSide
from app.gateway.eras.telling import HandshakeCaller, StatelessCaller, Telling
from app.gateway.eras.turns import Answers, Side
from app.gateway.eras.wire import Wire
from app.gateway.errors import INVALID_PARAMS, Refused
from app.gateway.meter import Meter
from app.gateway.policy import Policy
from app.gateway.reply import HeaderList, Reply
from app.gateway.sessions import HEADER, Sessions
from app.gateway.states import States, purpose_of
from app.gateway.upstream.breaker import Breakers
from app.gateway.upstream.client import Client
from app.integrations.catalogue import Catalogue
from app.metering import attempts


class Desk:
    """One gateway's; for its event loop alone."""

    def __init__(
        self, *, product_name: str, policy: Policy, sessions: Sessions, states: States, breakers: Breakers
    ) -> None:
        self._policy = policy
        self._sessions = sessions
        self._states = states
        self._breakers = breakers
        self._kept = KeptSessions()
        self._questions = Questions()
        self._about_all = About(
            product_name, {"tools": {}}, {"name": product_name, "version": "1"}, "", has_tools_only=True
        )
        self.everything = Everything(policy)
        self.place = everything.place(product_name)

    def start(self, client: Client) -> None:
        """client: of the loop that all calls run on."""
        self._client = client

    async def close(self) -> None:
        """End what is kept and give up what waits."""
        self._questions.close()
        await self._kept.close()

    def enter(self, call: Call) -> Call:
        """The call as it goes on: at the gateway's own address for everything, to the integration that it is for.

        Raises Refused.
        """
        if call.destination is self.place:
            call.is_for_everything = call.is_between = True
            call.session = held.read(call.headers.get(HEADER))
            if not everything.is_tool_call(call):
                return call
            call = self.everything.resolved(call)
        lacks = _lacks_stateless if call.is_stateless else _lacks_handshake
        call.is_between = lacks(self._policy.shelf_of(call.destination).catalogue.versions) or (
            call.is_for_everything and not call.is_stateless
        )
        if call.is_stateless:
            return call if call.is_between else self._states.enter(call)
        if call.is_between and not call.is_for_everything:
            call.session = held.read(call.headers.get(HEADER))
        return call

    def own_answer(self, call: Call) -> Own | None:
        """What the gateway answers itself, if it does. Raises Refused."""
        if not call.is_between:
            return None
        is_all = call.destination is self.place
        if call.envelope.wants_answer:
            catalogue.check_revision(call)
        if is_all and call.envelope.method == catalogue.LIST and call.envelope.wants_answer:
            return Own(200, self.everything.listing(call))
        if call.envelope.body and not call.envelope.method:
            return self._heard(call)
        about = self._about_all if is_all else self._about(call)
        return own.stateless(call, about) if call.is_stateless else own.by_handshake(call, about)

    async def say(self, answer: Own, call: Call, reply: Reply) -> None:
        """Send an answer of the gateway's own."""
        more: HeaderList = []
        if answer.session:
            ids = {"key_id": call.grant.key_id, "integration_id": call.destination.route.integration_id}
            more.append((HEADER, self._sessions.bound(answer.session, **ids)))
        if answer.status == 405:
            more.append((b"allow", b"POST"))
        await reply.whole(answer.status, answer.body, more=more)

    async def translate(
        self, call: Call, meter: Meter | None, admission: Admission, *, caller: Caller, reply: Reply
    ) -> None:
        """Answer a request whose caller and integration are of different eras. Raises Refused, with nothing sent."""
        params = messages.params_of(call.envelope.body)
        telling = Telling(call, reply, receipt_id=meter.receipt_id if meter is not None else "")
        answers: Answers | None = None
        who: HandshakeCaller | StatelessCaller
        side: Side
        if call.is_stateless:
            who = StatelessCaller(call, states=self._states, params=params)
            parked = self._resumed(call, meter, params) if "requestState" in params else None
            side, answers = parked or (
                self._side(call, HeldSession(VERSION, inputs.declared(params), {}), params),
                None,
            )
        else:
            session = call.session or held.UNKNOWN
            who = HandshakeCaller(call, telling, session, questions=self._questions)
            side = self._side(call, session, params)
        bridge = Bridge(
            call,
            side,
            who,
            telling=telling,
            reply=reply,
            meter=meter,
            admission=admission,
            breakers=self._breakers,
            questions=self._questions,
        )
        await bridge.run(caller, answers=answers)

    def _side(self, call: Call, session: HeldSession, params: dict[str, object]) -> Side:
        wire = Wire(self._client, call)
        if VERSION in self._catalogue(call).versions and not call.is_stateless:
            return StatelessSide(wire, session, params)
        return HandshakeSide(wire, self._kept, capabilities=session.capabilities, params=params)

    def _resumed(self, call: Call, meter: Meter | None, params: dict[str, object]) -> tuple[Side, Answers]:
        """The work that waits for this caller's answers. Raises Refused: then there is no event."""
        try:
            return self._found(call, params)
        except Refused as refused:
            refused.grant = call.grant
            if meter is not None:
                meter.drop()
            raise

    def _found(self, call: Call, params: dict[str, object]) -> tuple[Side, Answers]:
        purpose = purpose_of(
            key_id=call.grant.key_id,
            integration_id=call.destination.route.integration_id,
            method=call.envelope.method,
            params=params,
        )
        name = self._states.opened(str(params["requestState"]), purpose=purpose)
        side = self._questions.take(call.grant.key_id, name)
        responses = params.get("inputResponses")
        if side is None or not isinstance(responses, dict):
            detail = "what “requestState” stands for is not here any more. Begin the request anew."
            raise Refused(attempts.MALFORMED, detail, code=INVALID_PARAMS)
        return side, {key: messages.Json(messages.encode(value)) for key, value in responses.items()}

    def _heard(self, call: Call) -> Own:
        """A caller's response to a question of ours; one that nobody waits for is taken and forgotten."""
        session = call.session or held.UNKNOWN
        self._questions.answered(call.grant.key_id, session.id, messages.read(call.envelope.body))
        return Own(202)

    def _about(self, call: Call) -> About:
        server = self._catalogue(call).server
        capabilities, info = server.get("capabilities"), server.get("serverInfo")
        instructions = server.get("instructions")
        return About(
            call.destination.route.name,
            capabilities if isinstance(capabilities, dict) else {"tools": {}},
            info if isinstance(info, dict) else {},
            instructions if isinstance(instructions, str) else "",
            has_tools_only=False,
        )

    def _catalogue(self, call: Call) -> Catalogue:
        return self._policy.shelf_of(call.destination).catalogue


@lru_cache(maxsize=64)
def _lacks_stateless(versions: tuple[str, ...]) -> bool:
    """Whether an integration of these revisions, if any are known, has no answer for callers without sessions."""
    return bool(versions) and VERSION not in versions


@lru_cache(maxsize=64)
def _lacks_handshake(versions: tuple[str, ...]) -> bool:
    """The same for callers by handshake."""
    return bool(versions) and not set(versions) & set(VERSIONS)
