"""The first step of a call: who is calling, and whether on the key's terms. Answered from memory; only a key that
nobody has seen asks the database.
"""

import hashlib
import re
from datetime import UTC, datetime
from math import inf

from app.core import logs
from app.core.clock import Onward
from app.core.config import Settings
from app.gateway.errors import Refused
from app.gateway.feed import Feed
from app.gateway.incoming import Headers, Incoming
from app.gateway.policy import Policy
from app.keys import tokens
from app.keys.grants import RETIRED, Grant
from app.keys.models import DISABLED, REVOKED, STOPPED
from app.metering import attempts

CATCH_UP_S = 1.0

_WHY_CLOSED = {
    REVOKED: attempts.REVOKED_KEY,
    DISABLED: attempts.DISABLED_KEY,
    RETIRED: attempts.RETIRED_KEY,
    STOPPED: attempts.ORGANISATION_STOPPED,
}
_BEARER = b"Bearer "
_LIKE_A_KEY = re.compile(r"[a-z][a-z0-9]{1,9}_(?:live|test)_")
_KEY_IN_ADDRESS = re.compile(
    rb"(?i)(?:^|&)(?:x-)?(?:api[_-]?key|access[_-]?token|key|token|authorization)=|_(?:live|test)_[0-9a-z]{8}"
)


def refuse_key_in_path(path: str) -> None:
    """Raises Refused when a key stands in the path: addresses end up in logs and histories."""
    if ("_live_" in path or "_test_" in path) and logs.masked(path) != path:
        raise Refused(attempts.KEY_IN_ADDRESS)


class Authentication:
    """clock: the one by which keys expire. Settings give policy_max_age_s, because a policy older than that may lack a
    revocation, and proxy_hops, because a key may be bound to networks.
    """

    def __init__(self, settings: Settings, *, policy: Policy, feed: Feed, clock: Onward) -> None:
        self._max_age_s = settings.policy_max_age_s
        self._proxy_hops = settings.proxy_hops
        self._policy = policy
        self._feed = feed
        self._clock = clock

    async def grant_for(self, incoming: Incoming, headers: Headers) -> Grant:
        """The grant of the key that came with a request. Raises Refused."""
        return self.known(incoming, headers) or await self.look_again(incoming, headers)

    def known(self, incoming: Incoming, headers: Headers) -> Grant | None:
        """The same, from memory; None for a key that has to be looked for."""
        if self._feed.age_s > self._max_age_s:
            raise Refused(attempts.UNAVAILABLE, "the gateway cannot check keys just now. Try again in a few seconds.")
        if incoming.query and _KEY_IN_ADDRESS.search(incoming.query):
            raise Refused(attempts.KEY_IN_ADDRESS)
        grant = self._policy.live.get(hashlib.sha256(key_in(headers)).digest())
        if grant is not None and (grant.expires_at < inf or grant.networks is not None):
            self._check_terms(grant, incoming)
        return grant

    def _check_terms(self, grant: Grant, incoming: Incoming) -> None:
        if grant.expires_at < inf and grant.expires_at <= self._clock.now_s():
            ended_at = datetime.fromtimestamp(grant.expires_at, UTC)
            reason = attempts.RETIRED_KEY if grant.is_retiring else attempts.EXPIRED_KEY
            raise Refused(reason, f"it ended on {ended_at:%Y-%m-%d at %H:%M} UTC.", grant=grant)
        if grant.networks is not None:
            address = incoming.caller_address(proxy_hops=self._proxy_hops)
            if not grant.networks.hold(address):
                seen = f"The call came from {address}." if address else "The call came from an unknown address."
                raise Refused(attempts.ADDRESS_NOT_ALLOWED, grant=grant, aside=seen)

    async def look_again(self, incoming: Incoming, headers: Headers) -> Grant:
        """A key that is not among the live ones: say why, or find that it is brand-new. Raises Refused."""
        policy = self._policy
        key = key_in(headers)
        digest = hashlib.sha256(key).digest()
        text = key.decode("latin-1")
        hint = tokens.prefix_of(text)
        if tokens.is_for_admin(text):
            detail = (
                "it is an admin key, which works for the portal’s API at /api/v1 alone. Send a key for the gateway."
            )
            raise Refused(attempts.NOT_A_KEY, detail)
        if not tokens.is_complete(text):
            reason = attempts.INCOMPLETE_KEY if _LIKE_A_KEY.match(text) else attempts.NOT_A_KEY
            raise Refused(reason, key_hint=hint)
        if digest not in policy.closed and not await self._feed.catch_up(timeout_s=CATCH_UP_S):
            raise Refused(attempts.UNAVAILABLE, "the gateway cannot check keys just now. Try again in a few seconds.")
        grant = policy.live.get(digest)
        if grant is not None:
            self._check_terms(grant, incoming)
            return grant
        closed = policy.closed.get(digest)
        if closed is None:
            raise Refused(attempts.UNKNOWN_KEY, key_hint=hint)
        raise Refused(_WHY_CLOSED[closed.state], grant=closed, key_hint=hint)


def key_in(headers: Headers) -> bytes:
    """The key that came with a request, whatever it looks like. Raises Refused."""
    authorization = headers.get(b"authorization")
    key = headers.get(b"x-api-key")
    if authorization is None:
        if not key:
            raise Refused(attempts.NO_KEY)
        return key.strip()
    if key is None and authorization.startswith(_BEARER) and len(authorization) > len(_BEARER):
        return authorization[len(_BEARER) :].strip()
    scheme, _, bearer = authorization.partition(b" ")
    bearer = bearer.strip()
    if scheme.lower() != b"bearer":
        if _LIKE_A_KEY.match(scheme.decode("latin-1")):
            detail = "write “Bearer ” before the key, as in “Authorization: Bearer pst_live_…”."
            raise Refused(attempts.NOT_A_KEY, detail, key_hint=tokens.prefix_of(scheme.decode("latin-1")))
        raise Refused(attempts.NOT_A_KEY, "use “Authorization: Bearer …”; other schemes are not known here.")
    if not bearer:
        raise Refused(attempts.NO_KEY)
    if key is not None and key.strip() != bearer:
        raise Refused(attempts.MALFORMED, "Authorization and X-API-Key hold different keys. Send one of them.")
    return bearer


def hint_in(headers: list[tuple[bytes, bytes]]) -> str:
    """The readable start of the key among `headers`, however broken; "" when there is none."""
    for name, value in headers:
        if name in (b"authorization", b"x-api-key"):
            hint = tokens.prefix_of(value.decode("latin-1").rpartition(" ")[2])
            if hint:
                return hint
    return ""
