"""What is known of a request once it has been let in."""

from dataclasses import dataclass

from app.gateway.envelope import STATELESS_VERSIONS, Envelope
from app.gateway.eras.held import HeldSession
from app.gateway.incoming import Headers, Incoming
from app.gateway.policy import Destination
from app.integrations.catalogue import Pinned
from app.keys.grants import Grant
from app.metering.idempotency import Try


@dataclass(slots=True)
class Call:
    """Who asks, for what, and where it goes.

    tool: the one that is called, as approved; None for everything else. session: where the gateway itself holds it, for
    callers by handshake. is_for_everything: it came to the address of all integrations. claim: of the caller's
    Idempotency-Key, until it is settled with the call's event or let go (repeats.py).
    """

    incoming: Incoming
    headers: Headers
    grant: Grant
    destination: Destination
    envelope: Envelope
    tool: Pinned | None = None
    claim: Try | None = None
    session: HeldSession | None = None
    is_for_everything: bool = False

    @property
    def is_stateless(self) -> bool:
        """Whether it is of the era without sessions (2026-07-28)."""
        return bool(self.envelope.version) or self.headers.get(b"mcp-protocol-version") in STATELESS_VERSIONS
