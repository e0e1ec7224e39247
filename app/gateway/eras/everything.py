"""One address for everything: the tools of all integrations that a caller may use, under names that never clash."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec

from app.gateway import authority, catalogue, meter
from app.gateway.call import Call
from app.gateway.envelope import TOOL_CALL
from app.gateway.eras import messages, names, wire
from app.gateway.errors import INVALID_PARAMS, Refused
from app.gateway.policy import Destination, Policy
from app.gateway.sessions import HEADER
from app.gateway.upstream import address
from app.integrations.catalogue import Pinned
from app.integrations.routes import Route
from app.metering import attempts

PAGE = 200
_NOBODY = UUID(int=0)
_MADE_NAMES_KEPT = 50_000


def place(product_name: str) -> Destination:
    """Stands for all integrations where a call needs a destination; nothing is ever sent there."""
    route = Route(_NOBODY, "", product_name, "http://everything.invalid/", is_enabled=True)
    return Destination(route, address.parse(route.upstream_url))


class Everything:
    """For the event loop alone."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._names: dict[tuple[str, str], str] = {}

    def listing(self, call: Call) -> bytes:
        """The answer to tools/list. Raises Refused, never gives an empty list for a failure."""
        params = messages.params_of(call.envelope.body)
        cursor = params.get("cursor")
        if cursor is not None and not isinstance(cursor, str):
            raise _bad_cursor()
        found = [entry for entry in self._tools(call) if cursor is None or entry[0] > cursor]
        if not found:
            if cursor is not None:
                raise _bad_cursor()
            self._check_any(call)
        tools = b",".join(_renamed(tool, name) for name, _, tool in found[:PAGE])
        members = b'"tools":[' + tools + b"]"
        if len(found) > PAGE:
            members += b',"nextCursor":' + msgspec.json.encode(found[PAGE - 1][0])
        return catalogue.framed(call, members)

    def resolved(self, call: Call) -> Call:
        """A call of a tool as its integration would have got it. Raises Refused for a tool that is not there."""
        asked = call.envelope.name or ""
        found = authority.find(self._policy, call.grant, names.slug_of(asked))
        if found is not None and found.route.is_enabled:
            for tool in self._policy.shelf_of(found).tools.values():  # held and forbidden ones are refused in words
                if self._name(found.route.slug, tool.name) == asked:
                    return self._at(found, tool, call)
        shown = meter.storable(asked, meter.TOOL_LENGTH)
        raise Refused(attempts.UNKNOWN_TOOL, f"there is none called “{shown}” here. tools/list gives them all.")

    def _tools(self, call: Call) -> list[tuple[str, Destination, Pinned]]:
        """(name, integration, tool), by name."""
        return sorted(self._found(call), key=lambda entry: entry[0])

    def _found(self, call: Call) -> Iterator[tuple[str, Destination, Pinned]]:
        for destination in authority.reachable(self._policy, call.grant):
            shelf = self._policy.shelf_of(destination)
            for tool in shelf.visible(authority.tools_of(call.grant, destination)):
                yield self._name(destination.route.slug, tool.name), destination, tool

    def _name(self, slug: str, tool: str) -> str:
        name = self._names.get((slug, tool))
        if name is None:
            if len(self._names) >= _MADE_NAMES_KEPT:
                self._names.clear()
            name = self._names[slug, tool] = names.of(slug, tool)
        return name

    def _at(self, destination: Destination, tool: Pinned, call: Call) -> Call:
        message = msgspec.json.decode(call.envelope.body)
        message["params"]["name"] = tool.name
        headers = dict(call.headers)
        headers.pop(HEADER, None)
        if b"mcp-name" in headers:
            headers[b"mcp-name"] = wire.header_value(tool.name)
        envelope = replace(call.envelope, body=msgspec.json.encode(message), name=tool.name)
        return replace(call, headers=headers, destination=destination, envelope=envelope)

    def _check_any(self, call: Call) -> None:
        """Raises Refused when the list is only empty because tools cannot be known or are held."""
        reachable = authority.reachable(self._policy, call.grant)
        if not reachable:
            raise Refused(
                attempts.INTEGRATION_NOT_ALLOWED,
                "this key reaches no integration at all.",
                status=200 if call.envelope.wants_answer else None,
            )
        for destination in reachable:
            catalogue.check_known(replace(call, destination=destination), self._policy.shelf_of(destination))


def is_tool_call(call: Call) -> bool:
    """Whether it is for one integration."""
    return call.envelope.method == TOOL_CALL


def _renamed(tool: Pinned, name: str) -> bytes:
    """Its definition, word for word but for the name."""
    definition: dict[str, Any] = msgspec.json.decode(tool.definition, type=dict[str, msgspec.Raw])
    return msgspec.json.encode({**definition, "name": name})


def _bad_cursor() -> Refused:
    return Refused(attempts.MALFORMED, "there is no such “cursor”. Begin the list anew.", code=INVALID_PARAMS)
