"""Answers that clients of 2026-07-28 may keep: for their caller alone, because what is shown depends on the key.

An integration knows one caller, the gateway, and may call its answers public. So `cacheScope` is rewritten on the way,
in pieces as they come, and what its HTTP says of caching is left out.
"""

import asyncio
import re

from app.gateway.call import Call
from app.gateway.reply import HeaderList, Outlet, Reply

KEPT_BY_CLIENTS = frozenset(
    (
        "prompts/list",
        "resources/list",
        "resources/read",
        "resources/templates/list",
        "server/discover",
        "tools/list",
    )
)
"""The methods whose results say how long and for whom they hold (SEP-2549)."""

_BLANK = rb"[ \t\r\n]{0,8}"
_KEY, _VALUE = b'"cacheScope"', b'"public"'
_PUBLIC = re.compile(_KEY + _BLANK + b":" + _BLANK + _VALUE)
_PRIVATE = b'"cacheScope":"private"'
_LONGEST = len(_KEY) + len(_VALUE) + 1 + 2 * 8


def keep(call: Call, reply: Reply) -> None:
    """See to it that the answer to `call` is for its caller alone."""
    if call.is_stateless and call.envelope.method in KEPT_BY_CLIENTS:
        reply.through(_Privately)


class _Privately:
    """Between a reply and the connection it leaves by."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._held = b""

    def start(self, status: int, headers: HeaderList, *, is_followed: bool = False) -> None:
        ours = (b"cache-control", b"content-length")
        kept = [pair for pair in headers if pair[0] not in ours]
        self._outlet.start(status, [*kept, (b"cache-control", b"no-store")], is_followed=is_followed)

    def send(self, data: bytes) -> None:
        said = self._next(data)
        if said:
            self._outlet.send(said)

    def finish(self, data: bytes) -> None:
        said = self._next(data) + self._held
        self._held = b""
        self._outlet.finish(said)

    def whole(self, status: int, headers: HeaderList, body: bytes) -> None:
        body = _PUBLIC.sub(_PRIVATE, body)
        kept = [pair for pair in headers if pair[0] not in (b"cache-control", b"content-length")]
        more = [(b"cache-control", b"no-store"), (b"content-length", b"%d" % len(body))]
        self._outlet.whole(status, [*kept, *more], body)

    def room(self) -> asyncio.Future[None] | None:
        return self._outlet.room()

    def _next(self, data: bytes) -> bytes:
        """What may leave: all but an end that could be the beginning of what must not."""
        said = _PUBLIC.sub(_PRIVATE, self._held + data)
        begun = _BEGUN.search(said, max(0, len(said) - _LONGEST))
        at = begun.start() if begun is not None else len(said)
        said, self._held = said[:at], said[at:]
        return said


def _beginning_of(parts: list[bytes]) -> bytes:
    """Matches at the end of a text what `parts` could follow."""
    pattern = b""
    for part in reversed(parts[1:]):
        pattern = b"(?:" + part + pattern + b")?"
    return parts[0] + pattern + rb"\Z"


def _letters(text: bytes) -> list[bytes]:
    return [re.escape(text[at : at + 1]) for at in range(len(text))]


_BEGUN = re.compile(_beginning_of([*_letters(_KEY), _BLANK, b":", _BLANK, *_letters(_VALUE)]))
