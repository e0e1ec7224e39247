"""Moments and days in words, for mail, messages and logs: always UTC, always whole. Pages have web/writing.py."""

from datetime import UTC, datetime


def words(at: datetime) -> str:
    """“2026-12-01 14:05 UTC”."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def day(at: datetime) -> str:
    """“1 December 2026”, the UTC day."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%B %Y}"


def exact(at: datetime) -> str:
    """“2026-12-01T14:05:09.000001Z”, for programs: to the microsecond, always of one length."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def of(seconds: int) -> datetime:
    """Of seconds since 1970, as Stripe counts."""
    return datetime.fromtimestamp(seconds, UTC)
