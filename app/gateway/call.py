"""What is known of a request once it has been let in."""

from dataclasses import dataclass

from app.gateway.envelope import Envelope
from app.gateway.incoming import Headers, Incoming
from app.gateway.policy import Destination
from app.keys.grants import Grant


@dataclass(slots=True)
class Call:
    """Who asks, for what, and where it goes."""

    incoming: Incoming
    headers: Headers
    grant: Grant
    destination: Destination
    envelope: Envelope
