"""Sessions with integrations of the handshake era, kept for callers who have none: one per key, integration and
capabilities, begun when first needed, ended when nobody has used it for a while.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import msgspec

from app.gateway.envelope import NOTHING
from app.gateway.eras import messages
from app.gateway.eras.held import VERSIONS
from app.gateway.eras.wire import Wire
from app.gateway.incoming import Headers
from app.gateway.upstream.problems import BadAnswer, ErrorStatus, UpstreamProblem

IDLE_S = 300.0
SWEEP_S = 30.0
MOST = 10_000
_CLIENT = {"name": "postern", "title": "Postern", "version": "1"}

_Place = tuple[UUID, UUID, bytes]


@dataclass(slots=True, eq=False)
class KeptSession:
    """id: the integration's own, b"" if it has no sessions. users: calls under way. used_at: by the loop's clock."""

    place: _Place
    wire: Wire
    id: bytes
    version: bytes
    users: int = 0
    used_at: float = 0.0

    @property
    def headers(self) -> Headers:
        """What every request in it carries."""
        headers = {b"mcp-protocol-version": self.version}
        if self.id:
            headers[b"mcp-session-id"] = self.id
        return headers


class KeptSessions:
    """All of one gateway's; for its event loop alone."""

    def __init__(self) -> None:
        self._beginning: dict[_Place, asyncio.Task[KeptSession]] = {}
        self._kept: dict[_Place, KeptSession] = {}
        self._farewells: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.TimerHandle | None = None

    async def take(self, wire: Wire, capabilities: dict[str, Any]) -> KeptSession:
        """A session for this call; to be given back. Raises UpstreamProblem."""
        call = wire.call
        place = (
            call.grant.key_id,
            call.destination.route.integration_id,
            msgspec.json.encode(capabilities, order="sorted"),
        )
        session = self._kept.get(place)
        if session is None:
            beginning = self._beginning.get(place)
            if beginning is None:
                beginning = self._beginning[place] = asyncio.create_task(self._begin(place, wire, capabilities))
                beginning.add_done_callback(lambda _: self._beginning.pop(place, None))
            session = await asyncio.shield(beginning)
        session.users += 1
        return session

    def give_back(self, session: KeptSession) -> None:
        """The call is over."""
        session.users -= 1
        session.used_at = asyncio.get_running_loop().time()

    def forget(self, session: KeptSession) -> None:
        """It has ended on the other side."""
        if self._kept.get(session.place) is session:
            del self._kept[session.place]

    async def close(self) -> None:
        """End all that can be ended in a moment; the gateway stops."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for session in list(self._kept.values()):
            self._end(session)
        if self._farewells:
            await asyncio.wait(self._farewells, timeout=1)

    async def _begin(self, place: _Place, wire: Wire, capabilities: dict[str, Any]) -> KeptSession:
        params = {"protocolVersion": VERSIONS[0], "capabilities": capabilities, "clientInfo": _CLIENT}
        asked = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
        exchange = wire.client.exchange()
        try:
            await wire.send(exchange, messages.encode(asked), {}, is_repeatable=True)
            message = await messages.whole(exchange)
            session_id = exchange.fields.get(b"mcp-session-id", b"")
        finally:
            exchange.close()
        if not message.result:
            raise BadAnswer("it refuses to begin a session")
        version = messages.decoded(messages.members(message.result).get("protocolVersion", b'""'))
        if version not in VERSIONS:
            raise BadAnswer("it speaks no revision by handshake that is known here")
        wire = Wire(wire.client, replace(wire.call, envelope=NOTHING))  # not to hold on to what was asked
        session = KeptSession(place, wire, session_id, version.encode())
        await _tell(session, {"jsonrpc": "2.0", "method": "notifications/initialized"})
        self._keep(session)
        return session

    def _keep(self, session: KeptSession) -> None:
        loop = asyncio.get_running_loop()
        session.used_at = loop.time()
        if len(self._kept) >= MOST:
            self._end(min((one for one in self._kept.values()), key=lambda one: one.used_at))
        self._kept[session.place] = session
        if self._sweeper is None:
            self._sweeper = loop.call_later(SWEEP_S, self._sweep)

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        for session in list(self._kept.values()):
            if not session.users and session.used_at < loop.time() - IDLE_S:
                self._end(session)
        self._sweeper = loop.call_later(SWEEP_S, self._sweep) if self._kept else None

    def _end(self, session: KeptSession) -> None:
        self.forget(session)
        if session.id:
            farewell = asyncio.get_running_loop().create_task(_farewell(session))
            self._farewells.add(farewell)
            farewell.add_done_callback(self._farewells.discard)


async def _tell(session: KeptSession, message: dict[str, Any]) -> None:
    exchange = session.wire.client.exchange()
    try:
        await session.wire.send(exchange, messages.encode(message), session.headers, is_repeatable=True)
        if exchange.status >= 400:
            raise ErrorStatus(exchange.status)
    finally:
        exchange.close()


async def _farewell(session: KeptSession) -> None:
    """Whether it hears it does not matter: it forgets by itself what nobody uses."""
    exchange = session.wire.client.exchange()
    with suppress(UpstreamProblem):
        await session.wire.delete(exchange, session.headers)
    exchange.close()
