"""How much one caller may ask of the server."""

from dataclasses import dataclass


@dataclass(slots=True)
class Limits:
    """connections: at the same time, in one process; whoever comes after that is told to try again.

    head_bytes, header_lines: of one request. head_s: from its first byte to the end of its head, and from the
    connection to the first. keep_alive_s: between two requests; longer than the 60 s for which load balancers keep
    their side open, so that they are the ones who close. stall_s: a caller who reads nothing for so long is cut off.
    ahead: requests that a caller may send before the first is answered; it is told to repeat what comes after those.
    """

    connections: int = 10_000
    head_bytes: int = 64 * 1024
    header_lines: int = 128
    head_s: float = 15.0
    keep_alive_s: float = 75.0
    stall_s: float = 60.0
    ahead: int = 16
