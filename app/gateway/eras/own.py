"""What the gateway answers itself where a caller's era ends with it: beginnings and small talk."""

from dataclasses import dataclass
from typing import Any

from app.gateway.call import Call
from app.gateway.eras import held, messages
from app.gateway.eras.held import VERSIONS
from app.gateway.eras.stateless import VERSION
from app.gateway.errors import MessageId

_METHOD_NOT_FOUND = -32601
_SERVER_INFO = "io.modelcontextprotocol/serverInfo"
_TTL_MS = 10_000


@dataclass(frozen=True, slots=True)
class Own:
    """An answer of the gateway's own. session: what a new session stands for, b"" when none begins."""

    status: int
    body: bytes = b""
    session: bytes = b""


@dataclass(frozen=True, slots=True)
class About:
    """What a server says of itself. has_tools_only: all that is not about tools is unknown here."""

    name: str
    capabilities: dict[str, Any]
    info: dict[str, Any]
    instructions: str
    has_tools_only: bool


def by_handshake(call: Call, about: About) -> Own | None:
    """For a caller with sessions; None for what has to be asked behind the gateway."""
    message = call.envelope
    if call.incoming.method != "POST":
        return Own(405)  # no stream to listen to; and a session that lives nowhere cannot be ended
    if message.method == "initialize":
        session = held.begun(messages.params_of(call.envelope.body))
        return Own(200, _result(message.id, _introduction(about, session.version)), session.id)
    if not message.wants_answer:
        return Own(202)
    if message.method in ("ping", "logging/setLevel"):
        return Own(200, _result(message.id, {}))
    if about.has_tools_only and message.method not in ("tools/list", "tools/call"):
        return Own(200, _unknown(message.id))
    return None


def stateless(call: Call, about: About) -> Own | None:
    """For a caller of 2026-07-28."""
    message = call.envelope
    if call.incoming.method != "POST":
        return Own(405)
    if message.method == "server/discover":
        return Own(200, _result(message.id, _discovery(about)))
    if not message.wants_answer:
        return Own(202)
    is_of_tools = message.method in ("tools/list", "tools/call")
    if message.method in _NOT_STATELESS or (about.has_tools_only and not is_of_tools):
        return Own(404, _unknown(message.id))
    return None


_NOT_STATELESS = frozenset(
    (
        "initialize",
        "logging/setLevel",
        "ping",
        "resources/subscribe",
        "resources/unsubscribe",
        "subscriptions/listen",
    )
)
"""What 2026-07-28 has not, and listening for changes, which a kept session cannot promise."""


def _introduction(about: About, version: str) -> dict[str, Any]:
    said: dict[str, Any] = {
        "protocolVersion": version,
        "capabilities": _kept(about.capabilities),
        "serverInfo": about.info or {"name": about.name, "version": "1"},
    }
    return said | ({"instructions": about.instructions} if about.instructions else {})


def _discovery(about: About) -> dict[str, Any]:
    said: dict[str, Any] = {
        "resultType": "complete",
        "ttlMs": _TTL_MS,
        "cacheScope": "private",
        "supportedVersions": [VERSION, *VERSIONS],
        "capabilities": _kept(about.capabilities),
        "_meta": {_SERVER_INFO: about.info or {"name": about.name, "version": "1"}},
    }
    return said | ({"instructions": about.instructions} if about.instructions else {})


def _kept(capabilities: dict[str, Any]) -> dict[str, Any]:
    """Without promises to tell of changes: who listens listens to the gateway, and it asks nobody for news."""
    return {
        name: {key: told for key, told in value.items() if key not in ("listChanged", "subscribe")}
        for name, value in capabilities.items()
        if isinstance(value, dict) and name not in ("logging", "tasks")
    }


def _result(message_id: MessageId, result: dict[str, Any]) -> bytes:
    return messages.encode({"jsonrpc": "2.0", "id": message_id, "result": result})


def _unknown(message_id: MessageId) -> bytes:
    error = {"code": _METHOD_NOT_FOUND, "message": "Method not found"}
    return messages.encode({"jsonrpc": "2.0", "id": message_id, "error": error})
