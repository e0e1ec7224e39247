"""How long an integration may take."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds. connect: for a connection, TLS included; answer: to the first byte of an answer; idle: of silence
    inside one; total: for all of it.
    """

    connect_s: float
    answer_s: float
    idle_s: float
    total_s: float
