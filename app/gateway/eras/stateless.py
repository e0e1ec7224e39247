"""Asking an integration of 2026-07-28 on behalf of a caller of the handshake era."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from app.gateway import inputs
from app.gateway.call import Call
from app.gateway.envelope import NAMED_BY, TOOL_CALL
from app.gateway.eras import messages, wire
from app.gateway.eras.held import HeldSession
from app.gateway.eras.messages import Message
from app.gateway.eras.turns import Answers, Asks, Final, Note, Question, Turn
from app.gateway.eras.wire import Wire
from app.gateway.incoming import Headers
from app.gateway.upstream.problems import BadAnswer, BrokeOff
from app.integrations.catalogue import Pinned

VERSION = "2026-07-28"
_META = "io.modelcontextprotocol/"
_PARAM_HEADER = "x-mcp-header"
MOST_ROUNDS = 16
"""So often may an integration ask back before it answers."""


class StatelessSide:
    """Each question back ends one request; the answers go with the next."""

    def __init__(self, wire_: Wire, session: HeldSession, params: dict[str, Any]) -> None:
        """params: of the caller's request."""
        self._wire = wire_
        self._call = wire_.call
        self._params = {**params, "_meta": _meta_of(params, session)}
        self._headers = _headers_of(self._call, params)
        self._state: Any = None
        self._rounds = 0
        self.exchange = wire_.client.exchange()

    async def begin(self) -> None:
        await self._send({})

    async def next(self) -> Turn:
        async for message in self._messages:
            if message.method is None:
                return self._decided(message)
            if message.id is not None:
                raise BadAnswer("a request to the client, which 2026-07-28 does not have")
            return Note(message)
        raise BrokeOff("no response")

    async def answer(self, answers: Answers) -> None:
        self._rounds += 1
        if self._rounds > MOST_ROUNDS:
            raise BadAnswer(f"it asked back more than {MOST_ROUNDS} times")
        self.exchange.close()
        self.exchange = self._wire.client.exchange()
        more: dict[str, Any] = {"inputResponses": dict(answers)}
        if self._state is not None:
            more["requestState"] = self._state
        await self._send(more)

    def close(self) -> None:
        self.exchange.close()

    async def _send(self, more: dict[str, Any]) -> None:
        body = messages.encode(
            {
                "jsonrpc": "2.0",
                "id": self._rounds + 1,
                "method": self._call.envelope.method,
                "params": self._params | more,
            }
        )
        await self._wire.send(self.exchange, body, self._headers)
        self._messages: AsyncIterator[Message] = messages.of(self.exchange)

    def _decided(self, message: Message) -> Turn:
        if b"input_required" not in message.result:
            return Final(message)
        result = messages.members(message.result)
        if messages.decoded(result.get("resultType", b'""')) != "input_required":
            return Final(message)
        self._state = messages.decoded(result["requestState"]) if "requestState" in result else None
        wanted = messages.members(result.get("inputRequests", b"{}"))
        if not wanted:
            raise BadAnswer("it wants input and does not say which")
        return Asks([_question(key, asked) for key, asked in wanted.items()])


def _question(key: str, asked: msgspec.Raw) -> Question:
    request = messages.members(asked)
    method = messages.decoded(request.get("method", b'""'))
    if method not in inputs.CAPABILITIES:
        raise BadAnswer("it wants something that clients do not have")
    return Question(key, method, bytes(request.get("params", b"")))


def _meta_of(params: dict[str, Any], session: HeldSession) -> dict[str, Any]:
    meta = params.get("_meta")
    own = {_META + "protocolVersion": VERSION, _META + "clientCapabilities": session.capabilities}
    return (meta if isinstance(meta, dict) else {}) | own | {_META + "clientInfo": session.client}


def _headers_of(call: Call, params: dict[str, Any]) -> Headers:
    method = call.envelope.method
    headers = {b"mcp-protocol-version": VERSION.encode(), b"mcp-method": wire.header_value(method)}
    named = params.get(NAMED_BY[method]) if method in NAMED_BY else None
    if isinstance(named, str):
        headers[b"mcp-name"] = wire.header_value(named)
    if method == TOOL_CALL and call.tool is not None:
        headers |= _mirrored(call.tool, params.get("arguments"))
    return headers


def _mirrored(tool: Pinned, arguments: object) -> Headers:
    """The arguments that the tool's schema wants repeated in headers (SEP-2243)."""
    if _PARAM_HEADER.encode() not in tool.definition or not isinstance(arguments, dict):
        return {}
    properties = msgspec.json.decode(tool.definition).get("inputSchema", {}).get("properties", {})
    headers: Headers = {}
    for name, schema in properties.items() if isinstance(properties, dict) else ():
        header = schema.get(_PARAM_HEADER) if isinstance(schema, dict) else None
        value = arguments.get(name)
        if isinstance(header, str) and header.isascii() and isinstance(value, str | int | bool):
            said = value if isinstance(value, str) else msgspec.json.encode(value).decode()
            headers[b"mcp-param-" + header.lower().encode()] = wire.header_value(said)
    return headers
