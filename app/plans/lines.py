"""Lines of a bill: from quantities and price versions to whole minor units, rounded once for each line. Pure.

Used by gateway's pages, previews, invoices, what-if and `postern verify` alike, so that they cannot disagree.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.plans import amounts, intervals, rating
from app.plans.rating import Scheme

USAGE = "usage"
MINIMUM = "minimum"
BASE = "base"
SEATS = "seats"


@dataclass(frozen=True, slots=True)
class Priced:
    """A price version as a bill needs it. components: metric to scheme."""

    version_id: UUID
    label: str
    currency: str
    components: Mapping[str, Scheme]


@dataclass(frozen=True, slots=True)
class Line:
    """One line. kind: one of the above. quantity: of the metric, or of seats. nanos: before rounding; amount_minor: in
    whole minor units of the currency, halves up.
    """

    kind: str
    label: str
    currency: str
    metric: str
    quantity: int
    nanos: int
    amount_minor: int
    version_id: UUID | None = None
    begins_at: datetime | None = None
    ends_at: datetime | None = None


def bill(quantities: Mapping[UUID, Mapping[str, int]], versions: Iterable[Priced]) -> list[Line]:
    """What one organisation's UTC month costs by use: a line for each metric of each version, and one more where that
    comes to less than a minimum.

    quantities: version to metric to what events were charged for, in the month. versions: in the order of the lines;
    those without any use count too, because of minimums. A line of nothing is left out.
    """
    found: list[Line] = []
    for priced in versions:
        used = quantities.get(priced.version_id, {})
        for metric, scheme in priced.components.items():
            found += _of_metric(priced, metric, scheme, used.get(metric, 0))
    return found


def base_fee(
    label: str,
    *,
    currency: str,
    fee_minor: int,
    begins_at: datetime,
    ends_at: datetime,
    whole: tuple[datetime, datetime],
    seats: int = 0,
) -> Line:
    """The part [begins_at, ends_at) of an interval's fee; `whole` is the full interval, always. seats: so many times
    the fee of a seat; 0 for the base fee.
    """
    minor = intervals.part_minor(fee_minor * (seats or 1), begins_at, ends_at, whole=whole)
    kind = SEATS if seats else BASE
    nanos = minor * amounts.NANOS
    return Line(kind, label, currency, "", seats or 1, nanos, minor, begins_at=begins_at, ends_at=ends_at)


def total_minor(lines: Sequence[Line]) -> int:
    """The sum of lines, which are all in one currency. Raises ValueError if they are not."""
    if len({line.currency for line in lines}) > 1:
        raise ValueError("Lines in several currencies have no sum.")
    return sum(line.amount_minor for line in lines)


def _of_metric(priced: Priced, metric: str, scheme: Scheme, quantity: int) -> list[Line]:
    nanos = rating.usage(quantity, scheme)
    minor = amounts.to_minor(nanos)
    shared = (priced.label, priced.currency, metric)
    found = [Line(USAGE, *shared, quantity, nanos, minor, priced.version_id)] if quantity > 0 else []
    missing = amounts.to_minor(scheme.minimum_nanos) - minor
    if scheme.minimum_nanos > nanos and missing > 0:
        short = scheme.minimum_nanos - nanos
        found.append(Line(MINIMUM, *shared, 0, short, missing, priced.version_id))
    return found
