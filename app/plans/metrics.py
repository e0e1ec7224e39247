"""What calls are counted by: the calls themselves, tokens, bytes and time."""

from collections.abc import Mapping
from typing import Any

CALLS = "calls"
TOKENS_IN = "tokens_in"
TOKENS_OUT = "tokens_out"
BYTES = "bytes"
MILLISECONDS = "milliseconds"
METRICS = (CALLS, TOKENS_IN, TOKENS_OUT, BYTES, MILLISECONDS)
"""bytes: of request and answer together. milliseconds: whole ones that the integration took."""

WORDS = {
    CALLS: ("call", "calls"),
    TOKENS_IN: ("token in", "tokens in"),
    TOKENS_OUT: ("token out", "tokens out"),
    BYTES: ("byte", "bytes"),
    MILLISECONDS: ("millisecond", "milliseconds"),
}
"""For people: one, and many."""

_NOTHING = (0,) * len(METRICS)


def actual(metric: str, event: Mapping[str, Any]) -> int:
    """How much of it an event of the ledger was, whatever it is charged for; below zero for one that takes another
    back, 0 for one that counts nothing.
    """
    if not event["units"]:
        return 0
    if metric == CALLS:
        return int(event["units"])
    if metric == BYTES:
        return int(event["bytes_in"] + event["bytes_out"])
    if metric == MILLISECONDS:
        us = int(event["upstream_us"])
        return us // 1000 if us >= 0 else -(-us // 1000)
    return int(event[metric])


def billable(metric: str, event: Mapping[str, Any], *, most: int | None) -> int:
    """How much of it an event is charged for: what it was, but not more than `most`, so that its price was known."""
    found = actual(metric, event)
    if most is None:
        return found
    return max(-most, min(found, most))


def all_billable(event: Mapping[str, Any], most: Mapping[str, int]) -> tuple[int, ...]:
    """The same of each of METRICS, in their order. most: of those that have such a bound."""
    if not event["units"]:
        return _NOTHING
    return tuple(billable(metric, event, most=most.get(metric)) for metric in METRICS)
