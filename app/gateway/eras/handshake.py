"""Asking an integration of the handshake era on behalf of a caller who has no session with it."""

from collections.abc import AsyncIterator
from itertools import count
from typing import Any

from app.gateway import inputs
from app.gateway.eras import messages
from app.gateway.eras.kept import KeptSession, KeptSessions
from app.gateway.eras.messages import Message
from app.gateway.eras.turns import Answers, Asks, Final, Note, Question, Turn
from app.gateway.eras.wire import Wire
from app.gateway.upstream.problems import BrokeOff, ErrorStatus

_META = "io.modelcontextprotocol/"
_ids = count(1)
_METHOD_NOT_FOUND = -32601
_NOT_FOUND = 404


class HandshakeSide:
    """One request in a session that the gateway keeps for the caller's key."""

    def __init__(
        self, wire: Wire, sessions: KeptSessions, *, capabilities: dict[str, Any], params: dict[str, Any]
    ) -> None:
        """capabilities: what the caller's client can do. params: of its request."""
        self._wire = wire
        self._sessions = sessions
        self._capabilities = capabilities
        self._id = f"postern-{next(_ids)}"
        self._body = messages.encode(
            {"jsonrpc": "2.0", "id": self._id, "method": wire.call.envelope.method, "params": _plain(params)}
        )
        self._session: KeptSession | None = None
        self.exchange = wire.client.exchange()

    async def begin(self) -> None:
        session = await self._open()
        await self._wire.send(self.exchange, self._body, session.headers)
        if self.exchange.status == _NOT_FOUND and session.id:
            self._sessions.forget(session)  # it has ended there: one new session, one more try
            self.exchange.close()
            self.exchange = self._wire.client.exchange()
            session = await self._open()
            await self._wire.send(self.exchange, self._body, session.headers)
        self._messages: AsyncIterator[Message] = messages.of(self.exchange)

    async def next(self) -> Turn:
        async for message in self._messages:
            if message.method is None:
                if message.id == self._id or message.id is None:
                    return Final(message)
            elif message.id is None:
                return Note(message)
            elif await self._may_ask(message):
                return Asks([Question(_key_of(message.id), message.method, message.params)])
        raise BrokeOff("no response")

    async def answer(self, answers: Answers) -> None:
        for key, result in answers.items():
            await self._reply({"jsonrpc": "2.0", "id": messages.decoded(key.encode()), "result": result})

    def close(self) -> None:
        self.exchange.close()
        if self._session is not None:
            self._sessions.give_back(self._session)
            self._session = None

    async def _open(self) -> KeptSession:
        if self._session is not None:
            self._sessions.give_back(self._session)
            self._session = None
        self._session = await self._sessions.take(self._wire, self._capabilities)
        return self._session

    async def _may_ask(self, message: Message) -> bool:
        """Whether the caller's client takes such a question; one that it does not is answered here."""
        if message.method == "ping":
            await self._reply({"jsonrpc": "2.0", "id": message.id, "result": {}})
            return False
        params = messages.decoded(message.params) if message.params else None
        if inputs.may_ask(message.method or "", params, self._capabilities):
            return True
        error = {"code": _METHOD_NOT_FOUND, "message": "The client does not take this."}
        await self._reply({"jsonrpc": "2.0", "id": message.id, "error": error})
        return False

    async def _reply(self, response: dict[str, Any]) -> None:
        """Answer the integration on a request of its own; its stream goes on meanwhile."""
        if self._session is None:
            raise BrokeOff("the session is gone")
        exchange = self._wire.client.exchange()
        try:
            await self._wire.send(exchange, messages.encode(response), self._session.headers)
            if exchange.status >= 400:
                raise ErrorStatus(exchange.status)
        finally:
            exchange.close()


def _plain(params: dict[str, Any]) -> dict[str, Any]:
    """Without what only 2026-07-28 knows."""
    kept = {name: value for name, value in params.items() if name not in ("inputResponses", "requestState")}
    meta = params.get("_meta")
    if isinstance(meta, dict):
        kept["_meta"] = {name: value for name, value in meta.items() if not name.startswith(_META)}
        if not kept["_meta"]:
            del kept["_meta"]
    return kept


def _key_of(message_id: str | int) -> str:
    """JSON, so that 1 and "1" stay apart."""
    return messages.encode(message_id).decode()
