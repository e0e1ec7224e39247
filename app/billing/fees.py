"""Base fees and seats as lines of a bill."""

from datetime import datetime

from app.billing.bill import BASE, SEATS, SHORT, Fee, Line, Period, Stay
from app.plans import amounts, intervals
from app.plans.models import YEARLY


def lines(stay: Stay, *, begins_at: datetime, ends_at: datetime) -> list[Line]:
    """The base fee's lines in [begins_at, ends_at), a month: where its interval begins, for all of it; and in
    a later one what comes back, where a year ends early. So the bill for a month that is over never changes.
    """
    last = ends_at - (ends_at - begins_at) // 2
    whole = intervals.around(last, interval=stay.interval, anchor_at=stay.anchor_at)
    starts = max(stay.begins_at, whole[0])
    is_over = stay.ends_at is not None and begins_at <= stay.ends_at < ends_at
    if begins_at <= starts < ends_at:
        until = stay.ends_at if stay.ends_at is not None and is_over else whole[1]
        return _fee_lines(stay, (starts, until), whole, is_back=False) if until > starts else []
    if stay.interval == YEARLY and is_over and stay.ends_at is not None and starts < stay.ends_at < whole[1]:
        return _fee_lines(stay, (stay.ends_at, whole[1]), whole, is_back=True)
    return []


def _fee_lines(stay: Stay, period: Period, whole: Period, *, is_back: bool) -> list[Line]:
    found: list[Line] = []
    short = stay.subscription_id.hex[:SHORT]
    for kind, each, quantity in ((BASE, stay.base_minor, 1), (SEATS, stay.seat_minor, stay.seats_extra)):
        minor = intervals.part_minor(each * quantity, *period, whole=whole)
        if not minor:
            continue
        minor = -minor if is_back else minor
        words = f"{stay.plan}, per {stay.interval}" if kind == BASE else f"{stay.plan}, further seats"
        fee = Fee(stay.plan_version_id, stay.interval, each, whole, is_back)
        nanos = minor * amounts.NANOS
        description = f"{words}: not used" if is_back else words
        key = f"{kind}-{short}{'-back' if is_back else ''}"
        found.append(Line(key, kind, description, stay.currency, "", quantity, nanos, minor, *period, fee=fee))
    return found
