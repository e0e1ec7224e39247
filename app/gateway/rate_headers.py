"""RateLimit-Policy and RateLimit, as draft-ietf-httpapi-ratelimit-headers-11 (23 May 2026) writes them.

Both are lists of strings with parameters (RFC 9651). Policy: q, the quota; w, its window in seconds (left out for a
month, which has no fixed length); qu, the unit, where it is not requests. RateLimit: r, what is left; t, the seconds
until that changes. Caps on spending are not among them: receipts say what is left of those.
"""

from collections.abc import Iterable

from app.limits import models
from app.limits.book import Pool
from app.limits.rates import Gauge, Window
from app.limits.rules import Rule
from app.plans import periods

POLICY = b"ratelimit-policy"
LIMIT = b"ratelimit"


def policy(rules: Iterable[Rule]) -> bytes:
    """The value of RateLimit-Policy, which stays the same while the rules do; b"" for none."""
    return b", ".join(_policy_of(rule) for rule in rules if rule.measure != models.SPEND)


def name_of(rule: Rule) -> bytes:
    """A rule's name as a string of RFC 9651."""
    return b'"' + rule.name.replace("\\", "\\\\").replace('"', '\\"').encode("ascii", "replace") + b'"'


def begun(rule: Rule) -> bytes:
    """The beginning of its part of RateLimit, which stays the same."""
    return name_of(rule) + b";r="


def of_window(begun: bytes, window: Window, now: float) -> bytes:
    """What is left of a rate."""
    left = max(0, window.most - window.counted(now))
    return b"%b%d;t=%d" % (begun, left, window.length_s - now % window.length_s + 1)


def of_pool(begun: bytes, pool: Pool, now: float) -> bytes:
    """What is left of an allowance, as this process last heard."""
    return b"%b%d;t=%d" % (begun, pool.left + pool.free, max(pool.ends_s - now, 0) + 1)


def of_gauge(name: bytes, gauge: Gauge) -> bytes:
    """How many more streams may be opened."""
    return b"%b;r=%d" % (name, max(0, gauge.most - gauge.open - gauge.others))


def _policy_of(rule: Rule) -> bytes:
    said = b"%b;q=%d" % (name_of(rule), rule.most)
    if rule.measure == models.STREAMS:
        return said + b';qu="concurrent-requests"'
    length = periods.LENGTHS.get(rule.period)
    return said if length is None else said + b";w=%d" % length.total_seconds()
