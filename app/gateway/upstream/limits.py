"""How long an integration may take, and how much it may say."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """In seconds, connect: for a connection, TLS included; answer: to the first byte of an answer; idle: of silence
    inside one; total: for all of it. most_bytes: of one message.
    """

    connect_s: float
    answer_s: float
    idle_s: float
    total_s: float
    most_bytes: int = 64 * 1024 * 1024
