"""What a bill is made of: prices, stays on plans, lines and totals. All amounts are integers: nanos are 1e-9 of a minor
unit, and minor units are whole cents (or yen).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.plans.rating import Scheme

USAGE, OWN, MINIMUM, BASE, SEATS = "usage", "own", "minimum", "base", "seats"
KINDS = (USAGE, OWN, MINIMUM, BASE, SEATS)
FROM_CREDIT, NOTE = "prepaid", "note"
SHORT = 12
"""Hexadecimal digits of an id that a line's key has."""

Period = tuple[datetime, datetime]
"""[start, end)."""

Quantities = Mapping[UUID, Mapping[str, int]]
"""Price version to metric to how much was charged for in the month."""


@dataclass(frozen=True, slots=True)
class Priced:
    """A price version as bills need it. schemes: metric to scheme. is_own: an integration's own, not a plan's.
    is_prepaid: of a plan that is paid from credit.
    """

    version_id: UUID
    label: str
    currency: str
    schemes: Mapping[str, Scheme]
    is_own: bool = False
    is_prepaid: bool = False


@dataclass(frozen=True, slots=True)
class Stay:
    """A subscription with a base fee. base_minor: of an interval; seat_minor: of one of seats_extra, likewise."""

    subscription_id: UUID
    plan_version_id: UUID
    plan: str
    currency: str
    interval: str
    begins_at: datetime
    ends_at: datetime | None
    anchor_at: datetime
    base_minor: int
    seat_minor: int
    seats_extra: int


@dataclass(frozen=True, slots=True)
class Part:
    """What one metric of one price version adds to a line."""

    version_id: UUID
    label: str
    metric: str
    quantity: int
    nanos: int


@dataclass(frozen=True, slots=True)
class Fee:
    """How a base fee's line came about: [the line's period) of the interval `whole`, of fee_minor times the quantity.
    A line with is_back gives back what was paid for a part that was not used.
    """

    plan_version_id: UUID
    interval: str
    fee_minor: int
    whole: Period
    is_back: bool


@dataclass(frozen=True, slots=True)
class Line:
    """key: names it in addresses; the same whenever the bill is made again. metric: "" for several and for fees.
    quantity: of the metric, or of seats. nanos: before rounding. [begins_at, ends_at): what it is for.
    """

    key: str
    kind: str
    description: str
    currency: str
    metric: str
    quantity: int
    nanos: int
    amount_minor: int
    begins_at: datetime
    ends_at: datetime
    parts: tuple[Part, ...] = ()
    fee: Fee | None = None
    is_prepaid: bool = False

    @property
    def version_ids(self) -> tuple[UUID, ...]:
        """Of the prices by which its calls were charged."""
        return tuple(dict.fromkeys(part.version_id for part in self.parts))

    @property
    def quantities(self) -> dict[str, int]:
        """Metric to how much of it the line charges for; {} for fees, and for what a minimum lacks."""
        found: dict[str, int] = {}
        for part in self.parts if self.kind in (USAGE, OWN) else ():
            found[part.metric] = found.get(part.metric, 0) + part.quantity
        return found


@dataclass(frozen=True, slots=True)
class Credit:
    """Something that pays for a part of a bill, in whole minor units, 0 or more. kind: "prepaid" for what calls took
    from credit when they were made; "note" for what was taken back of an invoice.
    """

    description: str
    currency: str
    amount_minor: int
    kind: str = NOTE


@dataclass(frozen=True, slots=True)
class Total:
    """Of one currency: due = subtotal - the credits, of each of which at most what is left was used."""

    currency: str
    subtotal_minor: int
    credits: tuple[Credit, ...]
    due_minor: int


@dataclass(frozen=True, slots=True)
class Statement:
    """One organisation's bill for [begins_at, ends_at), a calendar month in UTC; fees first, then use."""

    begins_at: datetime
    ends_at: datetime
    lines: tuple[Line, ...]
    totals: tuple[Total, ...]
