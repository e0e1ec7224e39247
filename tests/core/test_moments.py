"""Moments read the same wherever they are written."""

from datetime import UTC, datetime, timedelta, timezone

from app.core import moments

AT = datetime(2026, 12, 1, 0, 30, 5, 42, tzinfo=timezone(timedelta(hours=1)))


def test_moments_are_written_in_utc():
    assert moments.words(AT) == "2026-11-30 23:30 UTC"
    assert moments.day(AT) == "30 November 2026"
    assert moments.exact(AT) == "2026-11-30T23:30:05.000042Z"


def test_seconds_since_1970_are_a_moment_in_utc():
    assert moments.of(1_764_545_405) == datetime(2025, 11, 30, 23, 30, 5, tzinfo=UTC)
