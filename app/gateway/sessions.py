"""Sessions of the handshake era, bound to the key that opened them.

An integration's session id reaches the caller with a seal over it, the caller's key and the integration; it opens only
for that key. Nothing has to be kept: any replica can check any session, before and after a restart. Those that were
ended here are remembered all the same, because an integration is not asked about everything (catalogue.py).
"""

import base64
import binascii
import hashlib
import hmac
from uuid import UUID

from app.gateway.call import Call
from app.gateway.errors import Refused
from app.gateway.upstream.exchange import Exchange
from app.metering import attempts

HEADER = b"mcp-session-id"
_SEAL_BYTES = 16
_KNOWN_AT_MOST = 10_000

_Place = tuple[UUID, UUID]


class Sessions:
    """One per gateway; those of one installation share the secret."""

    def __init__(self, secret_key: str) -> None:
        self._secret = hashlib.sha256(b"postern sessions\0" + secret_key.encode()).digest()
        self._known: dict[tuple[_Place, bytes], bytes] = {}
        self._ended: dict[tuple[_Place, bytes], None] = {}  # by the integration's own id, oldest first

    def enter(self, call: Call) -> None:
        """Put the integration's own session id into a caller's request. Raises Refused."""
        given = call.headers.get(HEADER)
        if given is None:
            return
        if call.is_stateless:
            call.headers = {name: value for name, value in call.headers.items() if name != HEADER}
            return
        key_id, integration_id = _place_of(call)
        session_id = self.opened(given, key_id=key_id, integration_id=integration_id)
        if ((key_id, integration_id), session_id) in self._ended:
            raise Refused(attempts.UNKNOWN_SESSION)
        call.headers = {**call.headers, HEADER: session_id}

    def leave(self, call: Call, exchange: Exchange) -> None:
        """Put the caller's own session id into an integration's answer, which may be that a session has ended."""
        if call.incoming.method == "DELETE" and exchange.status < 300:
            self._end(call)
        session_id = exchange.fields.get(HEADER)
        if session_id is None:
            return
        others = [pair for pair in exchange.headers if pair[0] != HEADER]
        if not call.is_stateless:
            key_id, integration_id = _place_of(call)
            others.append((HEADER, self.bound(session_id, key_id=key_id, integration_id=integration_id)))
        exchange.headers = others

    def bound(self, session_id: bytes, *, key_id: UUID, integration_id: UUID) -> bytes:
        """The integration's own id of a session, as this key's caller gets it."""
        return _written(session_id + self._seal(session_id, (key_id, integration_id)))

    def opened(self, given: bytes, *, key_id: UUID, integration_id: UUID) -> bytes:
        """The integration's own id of the session that a caller names.

        Raises Refused with 404, upon which clients begin anew, for what this key was not given here.
        """
        place = (key_id, integration_id)
        known = self._known.get((place, given))
        if known is not None:
            return known
        session_id = self._checked(given, place)
        if len(self._known) >= _KNOWN_AT_MOST:
            self._known.clear()
        self._known[place, given] = session_id
        return session_id

    def _end(self, call: Call) -> None:
        session_id = call.headers.get(HEADER)
        if session_id is not None:
            self._ended[_place_of(call), session_id] = None
            if len(self._ended) > _KNOWN_AT_MOST:
                del self._ended[next(iter(self._ended))]

    def _checked(self, given: bytes, place: _Place) -> bytes:
        try:
            plain = base64.b64decode(given + b"=" * (-len(given) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise Refused(attempts.UNKNOWN_SESSION) from None
        session_id, seal = plain[:-_SEAL_BYTES], plain[-_SEAL_BYTES:]
        if not session_id or not hmac.compare_digest(seal, self._seal(session_id, place)) or _written(plain) != given:
            raise Refused(attempts.UNKNOWN_SESSION)
        return session_id

    def _seal(self, session_id: bytes, place: _Place) -> bytes:
        said = place[0].bytes + place[1].bytes + session_id
        return hmac.digest(self._secret, said, "sha256")[:_SEAL_BYTES]


def _place_of(call: Call) -> _Place:
    return call.grant.key_id, call.destination.route.integration_id


def _written(plain: bytes) -> bytes:
    return base64.urlsafe_b64encode(plain).rstrip(b"=")
