"""A plan as data: everything that it promises and costs, in the form in which its versions keep it.

A version's document is never changed, so that what somebody agreed to can be shown and recomputed for ever.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from app.plans import rating
from app.plans.rating import Scheme

FREE = "free"
PAYG = "payg"
TEAM = "team"
PREPAID = "prepaid"
KINDS = (FREE, PAYG, TEAM, PREPAID)
"""free: costs nothing, and stops at its allowances. payg: charges by use. team: a base fee, with use included.
prepaid: charges by use, from credit that was bought before.
"""

CALLS_PER_DAY = "calls_per_day"
CALLS_PER_MONTH = "calls_per_month"
ALLOWANCES = (CALLS_PER_DAY, CALLS_PER_MONTH)
STREAMS = "streams"
RATES = ("calls_per_second", "calls_per_minute", "calls_per_hour", STREAMS)

Fees = Mapping[str, Mapping[str, int]]
"""Currency to interval to whole minor units."""


@dataclass(frozen=True, slots=True)
class Charge:
    """What a plan charges for calls that it selects, most specific first: a tool, an integration, everything.

    integration: its slug, "" for all. tool: "" for all of the integration's. prices: currency to metric to scheme, the
    same metrics in each. max_per_call: metric to the most of it that one call is charged for; every priced metric but
    calls has one, so that a call's price has a ceiling before it is made.
    """

    key: str
    label: str
    integration: str
    tool: str
    prices: Mapping[str, Mapping[str, Scheme]]
    max_per_call: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Document:
    """One version of a plan.

    words: one sentence for people; features: what they get, for the page of prices. allowances: what is never passed,
    as ALLOWANCES; rates: as RATES. seats_included: 0 for as many as there are. base, seat: fees per interval; seat is
    for each beyond the included ones. A plan that is not published can be had only from an operator.
    """

    name: str
    words: str
    kind: str
    features: tuple[str, ...] = ()
    is_default: bool = False
    is_published: bool = True
    allowances: Mapping[str, int] = field(default_factory=dict)
    rates: Mapping[str, int] = field(default_factory=dict)
    seats_included: int = 0
    seats_most: int = 0
    base: Fees = field(default_factory=dict)
    seat: Fees = field(default_factory=dict)
    charges: tuple[Charge, ...] = ()

    @property
    def currencies(self) -> tuple[str, ...]:
        """What it can be paid in, sorted; () when there is nothing to pay."""
        found = {*self.base, *[currency for charge in self.charges for currency in charge.prices]}
        return tuple(sorted(found))

    @property
    def intervals(self) -> tuple[str, ...]:
        """Of its base fee, the shortest first; () when it has none."""
        return tuple(sorted({interval for fees in self.base.values() for interval in fees}))


def in_currency(document: Document, currency: str) -> Document:
    """What whoever pays in this currency sees of it."""

    def only(fees: Fees) -> Fees:
        return {one: by_interval for one, by_interval in fees.items() if one == currency}

    charges = [
        replace(charge, prices={one: schemes for one, schemes in charge.prices.items() if one == currency})
        for charge in document.charges
    ]
    return replace(document, base=only(document.base), seat=only(document.seat), charges=tuple(charges))


def as_json(document: Document) -> dict[str, Any]:
    """The document as it is stored and digested; from_json reads it."""
    charges = [
        {
            "key": charge.key,
            "label": charge.label,
            "integration": charge.integration,
            "tool": charge.tool,
            "prices": {
                currency: {metric: rating.as_json(scheme) for metric, scheme in schemes.items()}
                for currency, schemes in charge.prices.items()
            },
            "max_per_call": dict(charge.max_per_call),
        }
        for charge in document.charges
    ]
    plain = {name: value for name, value in asdict(document).items() if name != "charges"}
    return {**plain, "features": list(document.features), "charges": charges}


def from_json(stored: Mapping[str, Any]) -> Document:
    """What was stored. Raises Invalid for a scheme that is none, KeyError and TypeError for what is no document."""
    charges = [
        Charge(
            **{
                **charge,
                "prices": {
                    currency: {metric: rating.from_json(scheme) for metric, scheme in schemes.items()}
                    for currency, schemes in charge["prices"].items()
                },
            }
        )
        for charge in stored["charges"]
    ]
    return Document(**{**stored, "features": tuple(stored["features"]), "charges": tuple(charges)})
