"""What meters count: events kept by (event name, customer, time), and their aggregates over a stretch of time."""

from app.sandbox.stripe.desk import Desk, rfc3339
from app.sandbox.stripe.errors import Refused
from app.sandbox.stripe.store import Thing

OLDEST_S = 35 * 86_400
AHEAD_S = 5 * 60
UNIQUE_S = 24 * 3600
"""For so long an identifier is not taken again (“at least 24 hours”)."""


def meter_of(desk: Desk, event_name: str) -> Thing | None:
    """The active meter that listens for `event_name`."""
    found = desk.store.all("billing.meter", ref=event_name, status="active")
    return found[0] if found else None


def counts(meter: Thing) -> bool:
    """Whether it counts events, whatever their value."""
    return bool(meter["default_aggregation"]["formula"] == "count")


def check_time(desk: Desk, moment: int) -> None:
    """Raises Refused for a moment that is too long ago or in the future."""
    if moment < desk.now() - OLDEST_S:
        raise Refused(
            "The timestamp must be within the past 35 days.", code="timestamp_too_far_in_past", param="timestamp"
        )
    if moment > desk.now() + AHEAD_S:
        raise Refused(
            "The timestamp must not be more than 5 minutes in the future.", code="timestamp_in_future",
            param="timestamp",
        )  # fmt: skip


def is_known(desk: Desk, identifier: str) -> bool:
    """Whether an event with it came within the last day."""
    since = desk.now() - UNIQUE_S
    return bool(desk.store.execute("SELECT 1 FROM usage WHERE identifier = ? AND received > ?", (identifier, since)))


def record(desk: Desk, meter: Thing, *, customer: str, value: int, at: int, identifier: str) -> None:
    """Count an event that was accepted. What only shows later (no such customer) becomes an error report."""
    known = desk.store.get(customer)
    if known is None or known["object"] != "customer" or known.get("deleted"):
        report(desk, meter, "meter_event_customer_not_found", f"Customer mapping key {customer} not found.", identifier)
        return
    desk.store.execute(
        "INSERT INTO usage (event_name, customer, at, value, identifier, received) VALUES (?,?,?,?,?,?)",
        (meter["event_name"], customer, at, 1 if counts(meter) else value, identifier, desk.now()),
    )


def cancel(desk: Desk, event_name: str, identifier: str) -> None:
    """Take back an event of the last 24 hours. Raises Refused where there is none."""
    rows = desk.store.execute(
        "DELETE FROM usage WHERE event_name = ? AND identifier = ? AND received > ? RETURNING seq",
        (event_name, identifier, desk.now() - UNIQUE_S),
    )
    if not rows:
        raise Refused(
            f"No meter event found with identifier {identifier} within the last 24 hours.", code="resource_missing",
            param="cancel[identifier]",
        )  # fmt: skip


def events_in(desk: Desk, meter: Thing, customer: str, since: int, until: int) -> int:
    """How many events [since, until) holds."""
    return int(_of(desk, "COUNT(*)", meter, customer, since=since, until=until) or 0)


def aggregate(desk: Desk, meter: Thing, customer: str, since: int, until: int) -> int:
    """What the meter says of [since, until): the sum or count, or the latest value; 0 without events."""
    if meter["default_aggregation"]["formula"] != "last":
        return int(_of(desk, "SUM(value)", meter, customer, since=since, until=until) or 0)
    rows = desk.store.execute(
        "SELECT value FROM usage WHERE event_name = ? AND customer = ? AND at >= ? AND at < ? "
        "ORDER BY at DESC, seq DESC LIMIT 1",
        (meter["event_name"], customer, since, until),
    )
    return int(rows[0][0]) if rows else 0


def _of(desk: Desk, what: str, meter: Thing, customer: str, *, since: int, until: int) -> int | None:
    found: int | None = desk.store.execute(
        f"SELECT {what} FROM usage WHERE event_name = ? AND customer = ? AND at >= ? AND at < ?",  # noqa: S608
        (meter["event_name"], customer, since, until),
    )[0][0]
    return found


def report(desk: Desk, meter: Thing | None, code: str, words: str, identifier: str) -> None:
    """Tell, by a thin event, of one event that was taken and could not be counted."""
    now = desk.now()
    sample = {"error_message": words, "request": {"identifier": identifier}}
    reason = {"error_count": 1, "error_types": [{"code": code, "error_count": 1, "sample_errors": [sample]}]}
    data = {
        "developer_message_summary": f"There is 1 invalid event: {words}", "reason": reason,
        "validation_start": rfc3339(now - now % 60), "validation_end": rfc3339(now - now % 60 + 60),
    }  # fmt: skip
    kind = "error_report_triggered" if meter else "no_meter_found"
    desk.emit_thin(f"v1.billing.meter.{kind}", meter or {}, data)
