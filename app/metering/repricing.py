"""Whether events cost what their prices say, worked out anew from the events and the price versions alone.

Where each call costs the same, each amount is checked. Where it depends on what came before in the month, the sum is:
what a month's events cost together is what their quantities cost, and none costs more than its ceiling. Which of two
calls of the same moment took the last free unit is not said by their receipts, and changes no bill.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Connection, select

from app.metering.charging import CHARGES, VERSIONS
from app.metering.ledger import EVENTS
from app.plans import metrics, periods, prices, rating
from app.plans.models import PriceVersion

PAGE = 1_000
_COLUMNS = (
    "id",
    "at",
    "units",
    "bytes_in",
    "bytes_out",
    "upstream_us",
    "tokens_in",
    "tokens_out",
    "price_version_id",
    "amount_nanos",
    "currency",
)


@dataclass(slots=True)
class _Month:
    """Of one version, added up from events."""

    amount_nanos: int = 0
    quantities: dict[str, int] = field(default_factory=lambda: defaultdict(int))


def wrong(connection: Connection, organisation_id: UUID) -> Iterator[str]:
    """In words, one for each amount or count that is not what it should be. Events whose price is gone are passed over:
    that is a finding of its own (app/plans/checking.py).
    """
    versions = _versions(connection, organisation_id)
    months: dict[tuple[object, UUID], _Month] = defaultdict(_Month)
    statement = (
        select(*[EVENTS.c[name] for name in _COLUMNS])
        .where(EVENTS.c.organisation_id == organisation_id, EVENTS.c.price_version_id.is_not(None))
        .order_by(EVENTS.c.id)
    )
    for found in connection.execution_options(yield_per=PAGE).execute(statement).mappings():
        row = cast(Mapping[str, Any], found)
        version = versions.get(row["price_version_id"])
        if version is not None:
            yield from _of_event(row, version)
            if not version.is_plain:
                _add(months[periods.start_of(periods.MONTH, row["at"]), version.id], row, version)
    yield from _of_months(connection, organisation_id, versions, months)


@dataclass(frozen=True, slots=True)
class _Version:
    id: UUID
    currency: str
    is_plain: bool
    nanos_per_unit: int
    ceiling_nanos: int
    components: Mapping[str, rating.Scheme]
    max_per_call: Mapping[str, int]


def _versions(connection: Connection, organisation_id: UUID) -> dict[UUID, _Version]:
    used = select(EVENTS.c.price_version_id).where(EVENTS.c.organisation_id == organisation_id).distinct()
    found = {}
    for row in connection.execute(select(VERSIONS).where(VERSIONS.c.id.in_(used))).mappings():
        version = PriceVersion(**row)
        components = prices.components_of(version)
        found[version.id] = _Version(
            version.id,
            version.currency,
            prices.is_plain(components),
            components[metrics.CALLS].nanos if prices.is_plain(components) else 0,
            prices.ceiling_of(version),
            components,
            version.max_per_call,
        )
    return found


def _of_event(row: Mapping[str, Any], version: _Version) -> Iterator[str]:
    if row["amount_nanos"] and row["currency"] != version.currency:
        yield f"{row['id']}: it was charged in {row['currency']}, and its price is in {version.currency}"
    if version.is_plain:
        if row["amount_nanos"] != row["units"] * version.nanos_per_unit:
            yield f"{row['id']}: its amount is not what its price says"
    elif row["units"] >= 0 and row["amount_nanos"] > row["units"] * version.ceiling_nanos:
        yield f"{row['id']}: its amount is more than its price allows for one call"


def _add(month: _Month, row: Mapping[str, Any], version: _Version) -> None:
    month.amount_nanos += row["amount_nanos"]
    for metric in version.components:
        month.quantities[metric] += metrics.billable(metric, row, most=version.max_per_call.get(metric))


def _of_months(
    connection: Connection,
    organisation_id: UUID,
    versions: Mapping[UUID, _Version],
    months: Mapping[tuple[object, UUID], _Month],
) -> Iterator[str]:
    for (month_at, version_id), month in months.items():
        components = versions[version_id].components
        due = sum(rating.usage(month.quantities[metric], scheme) for metric, scheme in components.items())
        if month.amount_nanos != due:
            yield f"the month {month_at:%Y-%m}: its calls by the price version {version_id} do not cost what it says"
    counted = {
        (row.month_at, row.price_version_id, row.metric): row.quantity
        for row in connection.execute(select(CHARGES).where(CHARGES.c.organisation_id == organisation_id))
    }
    expected = {
        (month_at, version_id, metric): quantity
        for (month_at, version_id), month in months.items()
        for metric, quantity in month.quantities.items()
    }
    for place in sorted({*counted, *expected}, key=str):
        if counted.get(place, 0) != expected.get(place, 0):
            yield f"the month {place[0]:%Y-%m}: {place[2]} by the price version {place[1]} are not its events' sum"
