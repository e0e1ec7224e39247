"""What a request's head alone decides of a call: who asks, where it goes, and what is sent on of it.

Worked out once for a head that comes again and again on its connection (server/memo.py), and believed only while the
policy still holds the very grant and the very destination that it was worked out from: when a key is revoked, or a
route moved or switched off, there is another object in its place, or none.
"""

import hashlib
from math import inf

from app.gateway import auth, authority, max_cost, passing, places, repeats, sessions
from app.gateway.incoming import Headers, Incoming
from app.gateway.policy import Destination, Policy
from app.keys.grants import Grant
from app.metering.uses import Use

_RARE = frozenset(
    (b"origin", b"content-encoding", b"transfer-encoding", max_cost.HEADER, repeats.HEADER, sessions.HEADER)
)
"""Headers that are looked at with more care than is taken here."""


class Standing:
    """headers: of the request, no name twice. use: what it is counted under, once somebody has looked."""

    __slots__ = ("_after", "_before", "_digest", "destination", "grant", "headers", "use")

    def __init__(self, digest: bytes, grant: Grant, destination: Destination, headers: Headers) -> None:
        self._digest = digest
        self.grant = grant
        self.destination = destination
        self.headers = headers
        self.use: Use | None = None
        to, credential = destination.address, destination.route.credential
        self._before, self._after = passing.around_request_id("POST", to, headers, credential=credential)

    def holds(self, policy: Policy) -> bool:
        """Whether all of it is still so."""
        to, slug = self.destination, self.destination.route.slug
        found = policy.destinations.get(slug) if to.route.is_open else authority.find(policy, self.grant, slug)
        return found is to and policy.live.get(self._digest) is self.grant

    def head(self, request_id: str, length: int) -> bytes:
        """Request line and headers for the integration. length: of the body."""
        return b"%b%b%b\r\ncontent-length: %d\r\n\r\n" % (self._before, request_id.encode(), self._after, length)


def of(incoming: Incoming, policy: Policy) -> Standing | None:
    """Of a request for one integration by a live key that is good for ever and from anywhere; None for all else.

    Raises Refused, or gives None, for everything that is to be refused.
    """
    place = places.parse(incoming.path)
    headers = incoming.headers()
    if place is None or not place.slug or incoming.method != "POST" or incoming.query or not _RARE.isdisjoint(headers):
        return None
    if headers.get(b"content-type") != b"application/json":
        return None
    auth.refuse_key_in_path(incoming.path)
    digest = hashlib.sha256(auth.key_in(headers)).digest()
    grant = policy.live.get(digest)
    if grant is None or grant.environment != "live" or grant.expires_at < inf or grant.networks is not None:
        return None
    destination = authority.find(policy, grant, place.slug)
    if destination is None or not destination.route.is_enabled:
        return None
    return Standing(digest, grant, destination, headers)
