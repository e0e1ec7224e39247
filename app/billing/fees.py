"""Base fees and seats as lines of a bill."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from app.billing.bill import BASE, SEATS, SHORT, Fee, Line, Period, Stay
from app.plans import amounts, intervals
from app.plans.models import YEARLY


def of_month(stays: Iterable[Stay], *, begins_at: datetime, ends_at: datetime) -> list[Line]:
    """The lines of all stays, oldest first. A fee that went on unchanged is one line, rounded once, whatever else was
    changed meanwhile; as on Stripe's invoice.
    """
    found = sorted(stays, key=lambda stay: stay.begins_at)
    base = [replace(stay, seat_minor=0, seats_extra=0) for stay in found]
    seats = [replace(stay, base_minor=0) for stay in found]
    alone = sorted([*_joined(base), *_joined(seats)], key=lambda stay: stay.begins_at)
    return [line for stay in alone for line in lines(stay, begins_at=begins_at, ends_at=ends_at)]


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


def _joined(stays: Iterable[Stay]) -> list[Stay]:
    """Those that follow each other at once and cost the same, as one with the first one's id. stays: oldest first."""
    found: list[Stay] = []
    for stay in stays:
        last = found[-1] if found else None
        if last is not None and last == replace(
            stay, subscription_id=last.subscription_id, begins_at=last.begins_at, ends_at=stay.begins_at
        ):
            found[-1] = replace(last, ends_at=stay.ends_at)
        else:
            found.append(stay)
    return found


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
