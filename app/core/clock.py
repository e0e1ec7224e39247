"""Time, always aware and always UTC. Services are given `now`; only the outermost layer asks the clock."""

from datetime import UTC, datetime


def now() -> datetime:
    """This moment, aware UTC, with microseconds."""
    return datetime.now(UTC)


def hour_of(moment: datetime) -> datetime:
    """The start of the UTC hour that holds `moment`."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
