"""What a body says as a JSON-RPC message: enough to route, meter and answer it. The body itself goes on untouched."""

from dataclasses import dataclass
from typing import Any

from app.gateway import strict_json
from app.gateway.errors import INVALID_PARAMS, MessageId, Refused
from app.metering import attempts

TOOL_CALL = "tools/call"

NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""Methods whose params name a thing that the header Mcp-Name repeats."""

Message = dict[str, Any]

STATELESS_VERSIONS = frozenset((b"2026-07-28",))
"""Revisions without sessions, which mirror in headers what the body says."""

_KEYS = frozenset(("jsonrpc", "id", "method", "params", "result", "error"))
_CALL_KEYS = frozenset(("name", "arguments", "_meta"))
VERSION_IN_META = "io.modelcontextprotocol/protocolVersion"


@dataclass(slots=True)
class Envelope:
    """method: "" for a response. id: None for a notification. name: what NAMED_BY says, if it is there.

    version: the revision that the body itself claims (2026-07-28 and later), "" when it does not. is_metered: only
    calls of tools are counted. wants_answer: whether a JSON-RPC response is due.
    """

    body: bytes
    id: MessageId
    method: str
    name: str | None
    version: str
    is_metered: bool
    wants_answer: bool


class Array(Exception):
    """Several messages in one body; see batches.py."""

    def __init__(self, body: bytes, messages: list[Any]) -> None:
        super().__init__()
        self.body = body
        self.messages = messages


NOTHING = Envelope(b"", None, "", None, "", is_metered=False, wants_answer=False)
"""For GET and DELETE, which carry no message."""


def parse(body: bytes, *, max_depth: int) -> Envelope:
    """Raises Refused for what is not one JSON-RPC 2.0 message, Array for several."""
    message = strict_json.decode(body, max_depth=max_depth)
    if type(message) is not dict:
        if type(message) is list:
            raise Array(body, message)
        raise _bad("the body must be one JSON-RPC object.")
    if message.get("jsonrpc") != "2.0":
        raise _bad('it is not JSON-RPC 2.0: "jsonrpc" must be "2.0".')
    if not message.keys() <= _KEYS:
        _refuse_lookalikes(message, _KEYS)
    message_id = message.get("id")
    if message_id is None:
        if "id" in message:
            raise _bad_id()
    elif type(message_id) is not str and type(message_id) is not int:
        raise _bad_id()
    if "method" not in message:
        return _response(body, message, message_id)
    method = message["method"]
    if type(method) is not str or not method or "result" in message or "error" in message:
        raise _bad('"method" must be a string, and does not go with "result" or "error".')
    params = message.get("params")
    if type(params) is not dict:
        params = {}
    name = _name_of(method, params) if method in NAMED_BY else None
    is_metered = method == TOOL_CALL
    if is_metered and message_id is None:
        raise _bad('a call of a tool needs an "id", or nobody could be answered.')
    version = _version_of(params) if "_meta" in params else ""
    return Envelope(body, message_id, method, name, version, is_metered, message_id is not None)


def glance(body: bytes) -> tuple[MessageId, str, str]:
    """(id, method, tool) as far as they can be made out, of a request that is being refused anyway."""
    try:
        message = strict_json.decode(body, max_depth=500)
    except Refused:
        return None, "", ""
    if not isinstance(message, dict):
        return None, "", ""
    message_id, method, params = message.get("id"), message.get("method"), message.get("params")
    tool = params.get("name") if method == TOOL_CALL and isinstance(params, dict) else ""
    return (
        message_id if type(message_id) in (int, str) else None,
        method if isinstance(method, str) else "",
        tool if isinstance(tool, str) else "",
    )


def _response(body: bytes, message: Message, message_id: MessageId) -> Envelope:
    if "result" not in message and "error" not in message:
        raise _bad('a message has a "method", or is a response with a "result" or an "error".')
    return Envelope(body, message_id, "", None, "", is_metered=False, wants_answer=False)


def _name_of(method: str, params: Message) -> str | None:
    name = params.get(NAMED_BY[method])
    if method == TOOL_CALL:
        if type(name) is not str or not name:
            raise Refused(attempts.MALFORMED, '"params.name" must name the tool to call.', code=INVALID_PARAMS)
        if not params.keys() <= _CALL_KEYS:
            _refuse_lookalikes(params, _CALL_KEYS)
    return name if isinstance(name, str) else None


def _version_of(params: Message) -> str:
    meta = params["_meta"]
    version = meta.get(VERSION_IN_META) if isinstance(meta, dict) else None
    return version if isinstance(version, str) else ""


def _refuse_lookalikes(message: Message, known: frozenset[str]) -> None:
    """Some readers (Go's encoding/json among them) take “Method” for “method”: such a key could say two things."""
    for key in message.keys() - known:
        if key.casefold() in known:
            raise _bad(f'the key "{key.casefold()}" must be written in small letters.')


def _bad_id() -> Refused:
    return _bad('"id" must be a string or a whole number.')


def _bad(detail: str) -> Refused:
    return Refused(attempts.MALFORMED, detail)
