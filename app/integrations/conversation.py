"""A short talk with an MCP server, to find out what it is: one request at a time, through the guarded way out.

Speaks the handshake era and 2026-07-28, reads answers as JSON and as events, and trusts nothing: sizes, times and
numbers of pages are bounded, keys that stand twice are refused. Why not the SDK: docs/adr/0012.
"""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import count
from typing import Any

from app.core.errors import Invalid, Unavailable
from app.core.net import Guard, NoAnswer, TooSlow
from app.integrations import canonical
from app.integrations.canonical import Json

MODERN = ("2026-07-28",)
HANDSHAKE = ("2025-11-25", "2025-06-18", "2025-03-26")
"""Revisions that Postern speaks, newest first."""

MAX_BYTES = 4 * 1024 * 1024
MAX_PAGES = 50
MAX_ITEMS = 1_000
REQUEST_S = 10.0
FAREWELL_S = 2.0

_CLIENT = {"name": "postern", "title": "Postern", "version": "1"}
_META = "io.modelcontextprotocol/"


class Declined(Unavailable):
    """It answered with a JSON-RPC error or a status that says no: `what` was asked is not to be had."""


class LockedOut(Unavailable):
    """It wants a credential, or another one."""


class Conversation:
    """With one server. Everything together takes at most `within_s` seconds.

    headers: sent with every request; the credential. Raises Unavailable and Invalid in words for an operator, which
    never repeat what the server said.
    """

    def __init__(self, guard: Guard, url: str, *, headers: Mapping[str, str], within_s: float) -> None:
        self._guard = guard
        self._url = url
        self._credential = dict(headers)
        self._ends_at = time.monotonic() + within_s
        self._ids = count(1)
        self._version = ""
        self._session = ""

    # Beginning and end

    def discover(self) -> dict[str, Json]:
        """What server/discover says (2026-07-28); the talk goes on in that revision. Raises Declined and more."""
        self._version = MODERN[0]
        return self.ask("server/discover", {})

    def initialize(self, version: str) -> dict[str, Json]:
        """Begin a session of the handshake era, offering `version`; gives what it said of itself."""
        self._version = self._session = ""
        said = self.ask("initialize", {"protocolVersion": version, "capabilities": {}, "clientInfo": _CLIENT})
        self._version = _text(said.get("protocolVersion"))
        if self._version not in HANDSHAKE:
            raise Declined("It speaks no revision of MCP that Postern knows.")
        self._tell("notifications/initialized")
        return said

    def resume_modern(self) -> None:
        """Go on without a session, as before `initialize`."""
        self._version, self._session = MODERN[0], ""

    def end(self) -> None:
        """Give the session back, if there is one; what it says to that is nobody's business."""
        if self._session:
            with suppress(Unavailable, Invalid):
                headers = self._headers("")
                self._guard.fetch(
                    self._url, method="DELETE", headers=headers, timeout_s=FAREWELL_S, max_bytes=MAX_BYTES
                )
        self._session = ""

    # Questions

    def pages(self, method: str, key: str) -> list[Json]:
        """All that a list has, page by page. Raises Invalid for more than anybody would look through."""
        items: list[Json] = []
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            page = self.ask(method, {} if cursor is None else {"cursor": cursor})
            found = page.get(key)
            if not isinstance(found, list):
                raise Invalid(f"Its answer to {method} is not what MCP says.")
            items += found
            if len(items) > MAX_ITEMS:
                raise Invalid(f"It has more than {MAX_ITEMS:,} entries in {method}.")
            cursor = page.get("nextCursor")
            if cursor is None:
                return items
            if not isinstance(cursor, str):
                raise Invalid(f"Its answer to {method} is not what MCP says.")
        raise Invalid(f"Its answer to {method} has more than {MAX_PAGES} pages.")

    def ask(self, method: str, params: Mapping[str, Any]) -> dict[str, Json]:
        """The result of one request."""
        message_id = next(self._ids)
        message: dict[str, Any] = {"jsonrpc": "2.0", "id": message_id, "method": method, "params": dict(params)}
        if self._version in MODERN:
            message["params"]["_meta"] = {
                _META + "protocolVersion": self._version,
                _META + "clientCapabilities": {},
                _META + "clientInfo": _CLIENT,
            }
        return _result(self._post(message, message_id), method)

    def _tell(self, method: str) -> None:
        self._post({"jsonrpc": "2.0", "method": method}, None)

    def _post(self, message: Mapping[str, Any], message_id: int | None) -> Json:
        """The response to it; None for a notification."""
        body = json.dumps(message).encode()
        headers = self._headers(str(message["method"]))
        with self._guard.open_stream(
            self._url, method="POST", headers=headers, body=body, timeout_s=self._left_s(), max_bytes=MAX_BYTES
        ) as stream:
            _check(stream.status)
            if message_id is None:
                return None
            if message["method"] == "initialize" and stream.status == 200:
                self._session = _session(stream.headers.get("mcp-session-id", ""))
            kind = stream.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind == "text/event-stream" and stream.status == 200:
                return _among(stream, message_id)
            if kind != "application/json":
                raise Declined(f"It answered with HTTP {stream.status} and nothing that is MCP.")
            said = b"".join(stream)
        return canonical.parse(said) if stream.status < 400 else _complaint(said, stream.status)

    def _headers(self, method: str) -> dict[str, str]:
        headers = {"Accept": "application/json, text/event-stream"}
        if method:
            headers["Content-Type"] = "application/json"
        if self._version:
            headers["MCP-Protocol-Version"] = self._version
        if self._version in MODERN:
            headers["Mcp-Method"] = method
        if self._session:
            headers["Mcp-Session-Id"] = self._session
        return headers | self._credential

    def _left_s(self) -> float:
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise TooSlow("It did not answer in time.")
        return min(left, REQUEST_S)


def _check(status: int) -> None:
    if status in (401, 403, 407):
        raise LockedOut(f"It did not let Postern in (HTTP {status}). Set its credential, or another one.")
    if 300 <= status < 400:
        raise Declined(f"It sends callers elsewhere (HTTP {status}). Register the address where it really is.")
    if status >= 500:
        raise Declined(f"It answered with HTTP {status}.")


def _complaint(said: bytes, status: int) -> Json:
    """The JSON-RPC error that came with a status, if there is one."""
    with suppress(Invalid):
        message = canonical.parse(said)
        if isinstance(message, dict) and "error" in message:
            return message
    raise Declined(f"It answered with HTTP {status}.")


def _among(pieces: Iterable[bytes], message_id: int) -> Json:
    """The response among the events of a stream; whatever else it says is not for us."""
    for data in _events(pieces):
        message = canonical.parse(data)
        if isinstance(message, dict) and "method" not in message and message.get("id") == message_id:
            return message
    raise NoAnswer("Its answer broke off.")


def _events(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The data of each event (https://html.spec.whatwg.org/multipage/server-sent-events.html).

    An event without data is none: 2025-11-25 begins streams with one, so that its id is known.
    """
    data: list[bytes] = []
    for line in _lines(pieces):
        if not line:
            if any(data):
                yield b"\n".join(data)
            data = []
        elif line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).replace(b"\r\n", b"\n").split(b"\n")
        yield from (line.removesuffix(b"\r") for line in whole)


def _result(message: Json, method: str) -> dict[str, Json]:
    if not isinstance(message, dict):
        raise Invalid(f"Its answer to {method} is not what MCP says.")
    if "error" in message:
        error = message["error"]
        code = error.get("code") if isinstance(error, dict) else None
        raise Declined(f"It refused {method} with the error {canonical.text(code)[:20]}.")
    result = message.get("result")
    if not isinstance(result, dict):
        raise Invalid(f"Its answer to {method} is not what MCP says.")
    return result


def _session(value: str) -> str:
    if len(value) > 1024 or not all("!" <= character <= "~" for character in value):
        raise Invalid("Its session has an id that MCP does not allow.")
    return value


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
