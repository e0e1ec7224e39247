"""What events are charged for, as SQL: metrics.billable for those who add up many."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection
from sqlmodel import Session, col

from app.keys.models import LIVE
from app.metering.ledger import EVENTS
from app.plans import metrics
from app.plans.models import PriceVersion

Most = Mapping[UUID, Mapping[str, int]]
"""Price version to metric to the most that one call is charged for."""

IS_LIVE = EVENTS.c.environment == LIVE
IS_CHARGED = (IS_LIVE, EVENTS.c.price_version_id.is_not(None))
"""Conditions: only live calls that have a price count."""


def most_of(asked: Session | Connection) -> Most:
    """Of every price that has such a bound."""
    bounds = col(PriceVersion.max_per_call)
    statement = sa.select(col(PriceVersion.id), bounds).where(sa.cast(bounds, sa.String) != "{}")
    return {version_id: most for version_id, most in asked.execute(statement) if most}


def quantity(metric: str, most: Most, *, place: ColumnElement[Any] | None = None) -> ColumnElement[int]:
    """metrics.billable. place: what tells which of `most` holds; the price by which a call was charged."""
    actual = _actual(metric)
    told: ColumnElement[Any] = EVENTS.c.price_version_id if place is None else place
    bounded: dict[int, list[UUID]] = {}
    for version_id, bounds in most.items():
        if metric in bounds:
            bounded.setdefault(bounds[metric], []).append(version_id)
    cases = [(told.in_(ids_), _within(actual, bound)) for bound, ids_ in bounded.items()]  # flat: parsers nest so deep
    found = sa.case(*cases, else_=actual) if cases else actual
    return sa.case((EVENTS.c.units == 0, 0), else_=found)


def _actual(metric: str) -> ColumnElement[int]:
    if metric == metrics.CALLS:
        return EVENTS.c.units
    if metric == metrics.BYTES:
        return EVENTS.c.bytes_in + EVENTS.c.bytes_out
    if metric == metrics.MILLISECONDS:
        return EVENTS.c.upstream_us // 1000  # both databases cut towards zero
    return EVENTS.c[metric]


def _within(actual: ColumnElement[int], most: int) -> ColumnElement[int]:
    return sa.case((actual > most, most), (actual < -most, -most), else_=actual)
