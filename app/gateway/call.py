"""What is known of a request once it has been let in."""

from dataclasses import dataclass, field

from app.gateway.envelope import STATELESS_VERSIONS, Envelope
from app.gateway.eras.held import HeldSession
from app.gateway.incoming import Headers, Incoming
from app.gateway.policy import Destination
from app.integrations.catalogue import Pinned
from app.keys.grants import Grant
from app.metering.idempotency import Try
from app.metering.uses import Use


@dataclass(slots=True)
class Call:
    """Who asks, for what, and where it goes.

    is_stateless: whether it is of the era without sessions (2026-07-28). is_between: whether caller and integration
    cannot talk to each other as they are (eras/desk.py). tool: the one that is called, as approved; None for everything
    else. session: where the gateway itself holds it, for callers by handshake. is_for_everything: it came to the
    address of all integrations. claim: of the caller's Idempotency-Key, until it is settled with the call's event or
    let go (repeats.py). use: of the key, under which it is counted.
    """

    incoming: Incoming
    headers: Headers
    grant: Grant
    destination: Destination
    envelope: Envelope
    is_stateless: bool = field(init=False)
    is_between: bool = False
    tool: Pinned | None = None
    claim: Try | None = None
    session: HeldSession | None = None
    is_for_everything: bool = False
    use: Use | None = None

    def __post_init__(self) -> None:
        version = self.headers.get(b"mcp-protocol-version")
        self.is_stateless = bool(self.envelope.version) or version in STATELESS_VERSIONS
