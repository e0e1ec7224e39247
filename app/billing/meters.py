"""How what is used becomes what Stripe's meters count.

A plan's charge is told to Stripe in its own units (calls, tokens, bytes) wherever Stripe can rate it by the very same
scheme, so that its invoice shows what the customer knows: so many calls at such a price. Everything else (a scheme that
Stripe does not have; integrations' own prices) is rated here and told as money, in millionths of a minor unit. Never
both for one stream. Why so: docs/adr/0019.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.billing.cutting import Portion
from app.plans import metrics, rating
from app.plans.models import PriceVersion
from app.plans.rating import GRADUATED, PACKAGE, PER_UNIT, VOLUME, Scheme

MICRO = 1_000
"""Nano-minor-units in a millionth of a minor unit, the smallest amount that Stripe is told of."""
NANO_DIGITS = -9
ONE_MICRO = Decimal(1).scaleb(-6)
"""What a unit costs of what is told as money, in minor units."""


@dataclass(frozen=True, slots=True)
class Meter:
    """One of Stripe's meters, and the price on it.

    event_name: Stripe's name for what is counted; also our key for it. scheme: by which Stripe rates it; None for what
    is told as money. metric: "" for money.
    """

    event_name: str
    label: str
    currency: str
    metric: str
    scheme: Scheme | None


def schemes_of(version: PriceVersion) -> dict[str, Scheme]:
    """Metric to scheme, for prices of plans and of integrations alike."""
    if not version.components:
        return {metrics.CALLS: rating.from_json(version.scheme)}
    return {metric: rating.from_json(scheme) for metric, scheme in version.components.items()}


def of_charge(version: PriceVersion, label: str) -> list[Meter]:
    """The meters of a plan's charge: one for each metric, or a single one of money."""
    schemes = schemes_of(version)
    stem = f"postern_{version.id.hex[:12]}"
    if not all(is_natural(scheme) for scheme in schemes.values()):
        return [Meter(f"{stem}_amount", label, version.currency, "", None)]
    return [
        Meter(f"{stem}_{metric}", _label(label, metric, len(schemes)), version.currency, metric, scheme)
        for metric, scheme in sorted(schemes.items())
    ]


_PARTS = {"gbp": "penny", "chf": "centime", "jpy": "yen", "krw": "won"}
"""What people call a minor unit that is no cent."""


def of_own_prices(currency: str) -> Meter:
    """The meter of what integrations charge by prices of their own."""
    return Meter(f"postern_own_{currency}", "Integrations with prices of their own", currency, "", None)


def unit_of(meter: Meter) -> str:
    """What invoices call one of what is told as money; "" for what is counted, which its label says."""
    return f"millionths of a {_PARTS.get(meter.currency, 'cent')}" if meter.scheme is None else ""


def is_natural(scheme: Scheme) -> bool:
    """Whether Stripe can rate it by itself: it has no free units in packages and by volume, and no minimums."""
    return scheme.minimum_nanos == 0 and (scheme.free == 0 or scheme.kind in (PER_UNIT, GRADUATED))


def price_of(meter: Meter) -> dict[str, Any]:
    """The part of a price at Stripe that says how the meter's count becomes money."""
    scheme = meter.scheme
    if scheme is None:
        return {"billing_scheme": "per_unit", "unit_amount_decimal": ONE_MICRO}
    if scheme.kind == PACKAGE:
        divided = {"divide_by": scheme.package, "round": "up"}
        return {
            "billing_scheme": "per_unit",
            "unit_amount_decimal": _minor(scheme.nanos),
            "transform_quantity": divided,
        }
    if scheme.kind == PER_UNIT and not scheme.free:
        return {"billing_scheme": "per_unit", "unit_amount_decimal": _minor(scheme.nanos)}
    tiers_mode = "volume" if scheme.kind == VOLUME else "graduated"
    return {"billing_scheme": "tiered", "tiers_mode": tiers_mode, "tiers": list(_tiers(scheme))}


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time [begins_at, ends_at) in which an organisation gets bills; ends_at None: no end is known."""

    begins_at: datetime
    ends_at: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Whether `at` lies in it."""
        return self.begins_at <= at and (self.ends_at is None or at < self.ends_at)


class Book:
    """Which portions of which meters an event is, by the version of a price that it was charged by."""

    def __init__(
        self,
        versions: Iterable[PriceVersion],
        *,
        billed: Iterable[UUID],
        stretches: Sequence[Stretch] | None = None,
    ) -> None:
        """billed: ids of the plans' versions that are paid for by invoice; what others charge is not for Stripe.

        stretches: when the organisation gets bills at all; None for always.
        """
        self._stretches = stretches
        wanted = frozenset(billed)
        self._versions = {
            version.id: (version, schemes_of(version), of_charge(version, ""))
            for version in versions
            if version.plan_version_id is None or version.plan_version_id in wanted
        }

    def portions(self, event: Mapping[str, Any]) -> list[Portion]:
        """event: with the columns of cutting.cut."""
        found = self._versions.get(event["price_version_id"])
        if found is None or event["environment"] != "live" or not self._gets_bills(event["at"]):
            return []
        version, _, meters = found
        cost, currency = int(event["amount_nanos"]), version.currency
        if version.plan_version_id is None:
            return [Portion(of_own_prices(currency).event_name, cost, MICRO, currency)] if cost else []
        if meters[0].scheme is None:
            return [Portion(meters[0].event_name, cost, MICRO, currency)] if cost else []
        portions: list[Portion] = []
        for meter in meters:
            quantity = metrics.billable(meter.metric, event, most=version.max_per_call.get(meter.metric))
            if quantity:
                portions.append(Portion(meter.event_name, quantity, 1, currency))
        return portions

    @staticmethod
    def step_of(event_name: str) -> int:
        """How much of a quantity is one of the meter's units."""
        return MICRO if event_name.endswith("_amount") or event_name.startswith("postern_own_") else 1

    def meter_of(self, event_name: str) -> Meter | None:
        """The meter by this name; None for one of versions that are not in the book."""
        named = (meter for _, _, meters in self._versions.values() for meter in meters)
        return next((meter for meter in named if meter.event_name == event_name), None)

    def _gets_bills(self, at: datetime) -> bool:
        return self._stretches is None or any(stretch.holds(at) for stretch in self._stretches)


def _tiers(scheme: Scheme) -> Iterable[dict[str, Any]]:
    """Free units are a first tier that costs nothing; the others begin behind it."""
    if scheme.free:
        yield {"up_to": scheme.free, "unit_amount_decimal": Decimal(0)}
    if scheme.kind == PER_UNIT:
        yield {"up_to": "inf", "unit_amount_decimal": _minor(scheme.nanos)}
    for tier in scheme.tiers:
        said: dict[str, Any] = {
            "up_to": "inf" if tier.up_to is None else scheme.free + tier.up_to,
            "unit_amount_decimal": _minor(tier.nanos_per_unit),
        }
        if tier.flat_nanos:
            said["flat_amount_decimal"] = _minor(tier.flat_nanos)
        yield said


def _minor(nanos: int) -> Decimal:
    return Decimal(nanos).scaleb(NANO_DIGITS)


def _label(label: str, metric: str, metrics_in_all: int) -> str:
    return label if metrics_in_all == 1 else f"{label}: {metrics.WORDS[metric][1]}"
