"""Which tools an integration has, as the gateway answers for it: lists from memory, calls only of what was approved.

The step between authority (whether) and proxy (there and back). Why no list is ever passed on: docs/adr/0012.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from app.gateway import authority, meter
from app.gateway.call import Call
from app.gateway.envelope import STATELESS_VERSIONS
from app.gateway.errors import INVALID_PARAMS, Refused
from app.gateway.shelves import Shelf
from app.integrations.catalogue import Pinned
from app.metering import attempts

LIST = "tools/list"
BY_HANDSHAKE = (b"2024-11-05", b"2025-03-26", b"2025-06-18", b"2025-11-25")
"""Revisions that a caller with a session may name in its header."""
TTL_MS = 10_000
"""For so long may a client of 2026-07-28 believe a list; what is held meanwhile is refused all the same."""

_CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
_VERSION = "io.modelcontextprotocol/protocolVersion"
UNSUPPORTED_VERSION = -32022
"""UnsupportedProtocolVersion of MCP."""

_encode = msgspec.json.Encoder().encode


def listing(call: Call, shelf: Shelf) -> bytes:
    """The answer to tools/list for this caller. Raises Refused, never gives an empty list for a failure."""
    check_revision(call)
    params = _Listing.of(call.envelope.body).params
    if params.cursor is not None:
        raise Refused(attempts.MALFORMED, "there is no such “cursor”: the list has one page.", code=INVALID_PARAMS)
    check_known(call, shelf)
    definitions = shelf.definitions(authority.tools_of(call.grant, call.destination))
    return framed(call, b'"tools":[' + definitions + b"]")


def check_revision(call: Call) -> None:
    """For what nobody behind the gateway sees. Raises Refused for a revision that is not spoken here, and for a request
    that lacks what its revision wants.
    """
    if call.is_stateless:
        _check_stateless(call, _Listing.of(call.envelope.body).params)
    elif call.headers.get(b"mcp-protocol-version", BY_HANDSHAKE[0]) not in BY_HANDSHAKE:
        raise _unsupported(
            call.headers[b"mcp-protocol-version"].decode("latin-1"), [*BY_HANDSHAKE, *STATELESS_VERSIONS]
        )


def framed(call: Call, members: bytes) -> bytes:
    """A JSON-RPC response whose result holds `members`, in the form of the call's era."""
    if call.is_stateless:
        members = b'"resultType":"complete","ttlMs":%d,"cacheScope":"private",%s' % (TTL_MS, members)
    return b'{"jsonrpc":"2.0","id":%s,"result":{%s}}' % (_encode(call.envelope.id), members)


def find(call: Call, shelf: Shelf) -> Pinned:
    """The tool that is called, as approved. Raises Refused for one that is unknown or held."""
    name = call.envelope.name or ""
    found = shelf.tools.get(name)
    if found is not None and not found.is_held:
        return found
    shown, integration = meter.storable(name, meter.TOOL_LENGTH), call.destination.route.name
    if found is not None:
        raise Refused(
            attempts.TOOL_HELD,
            f"“{shown}” of “{integration}” is not what it was when it was approved, so it is not called. "
            "Whoever runs this gateway has to look at it.",
        )
    check_known(call, shelf)
    raise Refused(attempts.UNKNOWN_TOOL, f"“{integration}” has none called “{shown}”. tools/list gives them all.")


def check_known(call: Call, shelf: Shelf) -> None:
    """Raises Refused when nothing of the integration can be served, unless it really has no tools."""
    if shelf.has_any:
        return
    catalogue, name = shelf.catalogue, call.destination.route.name
    status = 200 if call.envelope.wants_answer else None
    if catalogue.tools or catalogue.unapproved:
        detail = f"“{name}” has tools, but whoever runs this gateway has to approve them first."
        raise Refused(attempts.NOTHING_APPROVED, detail, status=status)
    if not catalogue.was_reached:
        detail = (
            f"“{name}” has not answered yet, so nobody knows its tools. Whoever runs this gateway has to look at it."
        )
        raise Refused(attempts.NEVER_REACHED, detail, status=status)


class _Params(msgspec.Struct):
    cursor: Any = None
    meta: Any = msgspec.field(default=None, name="_meta")


class _Listing(msgspec.Struct):
    params: _Params = msgspec.field(default_factory=_Params)

    @classmethod
    def of(cls, body: bytes) -> "_Listing":
        try:
            return msgspec.json.decode(body, type=cls)
        except msgspec.MsgspecError:
            raise Refused(attempts.MALFORMED, '"params" must be an object.', code=INVALID_PARAMS) from None


def _check_stateless(call: Call, params: _Params) -> None:
    """What 2026-07-28 asks of every request, since nobody behind us sees this one."""
    meta = params.meta if isinstance(params.meta, dict) else {}
    missing = [name for name in (_VERSION, _CAPABILITIES) if name not in meta]
    if missing:
        raise Refused(attempts.MALFORMED, f'"params._meta" lacks {", ".join(missing)}.', code=INVALID_PARAMS)
    if call.envelope.version.encode() not in STATELESS_VERSIONS:
        raise _unsupported(call.envelope.version, STATELESS_VERSIONS)


def _unsupported(requested: str, spoken: Iterable[bytes]) -> Refused:
    return Refused(
        attempts.MALFORMED,
        "that revision of MCP is not spoken here.",
        code=UNSUPPORTED_VERSION,
        data={
            "supported": sorted(version.decode() for version in spoken),
            "requested": meter.storable(requested, meter.VERSION_LENGTH),
        },
    )
