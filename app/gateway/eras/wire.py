"""Requests of the gateway's own to integrations: what both eras' ways of asking have in common."""

import base64
from dataclasses import dataclass

from app.gateway import passing
from app.gateway.call import Call
from app.gateway.incoming import Headers
from app.gateway.upstream.client import Client
from app.gateway.upstream.exchange import Exchange

_PASSED = (b"traceparent", b"tracestate", b"user-agent")
_OURS: Headers = {b"accept": b"application/json, text/event-stream"}


@dataclass(frozen=True, slots=True)
class Wire:
    """The way to one call's integration."""

    client: Client
    call: Call

    async def send(self, exchange: Exchange, body: bytes, more: Headers, *, is_repeatable: bool = False) -> None:
        """POST a message; returns when the head of the answer is there. Raises UpstreamProblem.

        more: headers of the protocol, which take the place of whatever the caller sent.
        """
        await self._send("POST", exchange, body, {b"content-type": b"application/json", **more}, is_repeatable)

    async def delete(self, exchange: Exchange, more: Headers) -> None:
        """DELETE, which ends a session. Raises UpstreamProblem."""
        await self._send("DELETE", exchange, b"", more, is_repeatable=True)

    async def _send(self, method: str, exchange: Exchange, body: bytes, more: Headers, is_repeatable: bool) -> None:
        call = self.call
        headers = {name: value for name, value in call.headers.items() if name in _PASSED} | _OURS | more
        head = passing.request_head(
            method,
            call.destination.address,
            headers,
            request_id=call.incoming.request_id,
            length=len(body) if method == "POST" else None,
            credential=call.destination.route.credential,
        )
        await self.client.send(exchange, call.destination.address, head=head, body=body, is_repeatable=is_repeatable)


def header_value(text: str) -> bytes:
    """`text` as a header carries it: in `=?base64?…?=` when it is not plain (SEP-2243)."""
    is_plain = text.isascii() and text.isprintable() and text.strip() == text and not text.startswith("=?base64?")
    return text.encode() if is_plain else b"=?base64?" + base64.b64encode(text.encode()) + b"?="
