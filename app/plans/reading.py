"""Reading plans.toml: strict, so that what is not understood is refused with its line, and what to write instead.

docs/operate/plans.md shows every field.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.core.errors import Invalid
from app.plans import amounts, document, metrics, reading_prices, toml_fields
from app.plans.document import Charge, Document, Fees
from app.plans.models import INTERVALS, MONTHLY
from app.plans.rating import Scheme
from app.plans.toml_fields import Field

MOST_PRICES = 15
"""Of one plan: each metric of each charge is an item of a subscription at Stripe, which has at most 20
(https://docs.stripe.com/billing/subscriptions/multiple-products), and after an upgrade some of both plans.
"""

_PLAN = (
    "name",
    "words",
    "kind",
    "features",
    "default",
    "published",
    "allowances",
    "rates",
    "seats",
    "base",
    "seat",
    "charges",
)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What the file says: slug to plan, in its order. versions: slug to the number of the version that the file was
    written from, where it says so.
    """

    plans: Mapping[str, Document]
    versions: Mapping[str, int] = field(default_factory=dict)

    @property
    def default(self) -> str:
        """The slug of the plan that whoever has chosen none is on."""
        return next(slug for slug, plan in self.plans.items() if plan.is_default)


def from_file(path: Path) -> Catalogue:
    """Raises Invalid, in words that name the file, the line and the field."""
    try:
        return from_text(path.read_text(encoding="utf-8"), file=path.name)
    except FileNotFoundError:
        raise Invalid(f"There is no file {path}.") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise Invalid(f"{path} cannot be read: {problem}.") from None


def from_text(text: str, *, file: str = "plans.toml") -> Catalogue:
    """The same for its content."""
    told = _top(text, file)
    plans = _plans(told, text, file)
    defaults = [slug for slug, plan in plans.items() if plan.is_default]
    if len(defaults) != 1:
        told["plans"].wrong(f"exactly one plan has default = true; here {len(defaults)} have.")
    written_from = told["versions"].table() if "versions" in told else {}
    return Catalogue(plans, {slug: at.whole(least=1) for slug, at in written_from.items()})


def one_from_text(text: str, slug: str) -> Document:
    """One plan alone, of a text that holds no other. Raises Invalid."""
    plans = _plans(_top(text, "plan"), text, "plan")
    if list(plans) != [slug]:
        raise Invalid(f"This is not the plan “{slug}” and nothing else.")
    return plans[slug]


def _top(text: str, file: str) -> dict[str, Field]:
    try:
        # Amounts stand in quotes: what would become a float keeps its text, and is refused where it is read.
        content: dict[str, Any] = tomllib.loads(text, parse_float=_NotQuoted)
    except tomllib.TOMLDecodeError as problem:
        raise Invalid(f"{file} is not TOML: {problem}.") from None
    top = Field(content, file=file, lines=toml_fields.lines_of(text))
    told = top.table(("currencies", "versions", "plans"))
    if "currencies" not in told or "plans" not in told:
        top.wrong('the file has currencies = ["usd"], and a table [plans.…] for each plan.')
    return told


def _plans(told: Mapping[str, Field], text: str, file: str) -> dict[str, Document]:
    currencies = [at.one_of(tuple(amounts.EXPONENTS)) for at in told["currencies"].items()]
    if not currencies or len(set(currencies)) != len(currencies):
        told["currencies"].wrong("name each currency once, and at least one.")
    plans = {}
    for slug, at in told["plans"].table().items():
        Field(slug, at.path, file=file, lines=toml_fields.lines_of(text)).slug()
        plans[slug] = _plan(at, currencies)
    return plans


def plan_of(said: Mapping[str, Any], currencies: Sequence[str]) -> Document:
    """One plan, from what a table of the file holds. Raises WrongField, with the path inside of it."""
    return _plan(Field(dict(said), file="plan", lines={}), list(currencies))


def scheme_of(said: Mapping[str, Any], currency: str) -> Scheme:
    """How one metric is priced, as the file says it. Raises Invalid."""
    return reading_prices.scheme(Field(dict(said), file="plans.toml", lines={}), currency)


class _NotQuoted:
    """A number with decimals, which nothing here takes."""

    def __init__(self, text: str) -> None:
        self.text = text


def _plan(field: Field, currencies: list[str]) -> Document:
    told = field.table(_PLAN)
    for name in ("name", "words", "kind"):
        if name not in told:
            field.wrong(f"a plan needs its {name}.")
    seats = told["seats"].table(("included", "most")) if "seats" in told else {}
    included = seats["included"].whole() if "included" in seats else 0
    plan = Document(
        name=told["name"].text(most=40),
        words=told["words"].text(most=200),
        kind=told["kind"].one_of(document.KINDS),
        features=tuple(at.text(most=120) for at in told["features"].items()) if "features" in told else (),
        is_default=told["default"].flag() if "default" in told else False,
        is_published=told["published"].flag() if "published" in told else True,
        allowances=_numbers(told, "allowances", document.ALLOWANCES),
        rates=_numbers(told, "rates", document.RATES),
        seats_included=included,
        seats_most=seats["most"].whole(least=included) if "most" in seats else included,
        base=_fees(told["base"], currencies) if "base" in told else {},
        seat=_fees(told["seat"], currencies) if "seat" in told else {},
        charges=_charges(told["charges"], currencies) if "charges" in told else (),
    )
    _check(field, plan)
    return plan


def _check(field: Field, plan: Document) -> None:
    """What fields say that do not go together."""
    costs = bool(plan.base or plan.charges or plan.seat)
    if plan.kind == document.FREE and costs:
        field.wrong("a free plan has no base fee, no price of a seat and no charges; choose another kind.")
    if plan.kind != document.FREE and not costs:
        field.lacks("base", words="a plan that is not free has a base fee or charges.")
    if plan.kind == document.TEAM and not plan.base:
        field.lacks("base", words='a team plan has a base fee: base.usd = { month = "49.00" }.')
    if plan.kind == document.PREPAID:
        schemes = [scheme for charge in plan.charges for found in charge.prices.values() for scheme in found.values()]
        if plan.base or plan.seat or any(scheme.minimum_nanos for scheme in schemes):
            field.wrong("a prepaid plan has no fees and no minimum: credit only burns by use.")
    if plan.is_default and (plan.kind != document.FREE or not plan.is_published):
        field.wrong("the default plan is free and published: whoever has chosen none has no card here.")
    if (plan.seats_most > plan.seats_included) != bool(plan.seat):
        words = 'more seats than are included need a price, and the other way round: seat.usd = { month = "9.00" }.'
        field.lacks("seats" if plan.seat else "seat", words=words)
    for currency, fees in plan.seat.items():
        for interval in sorted(set(fees) ^ set(plan.base.get(currency, {}))):
            words = "a seat has a price for the same intervals as the base fee."
            field.lacks("base" if interval in fees else "seat", currency, interval, words=words)


def _numbers(told: Mapping[str, Field], name: str, known: tuple[str, ...]) -> dict[str, int]:
    if name not in told:
        return {}
    return {key: at.whole(least=1) for key, at in sorted(told[name].table(known).items())}


def _complete(field: Field, told: Mapping[str, Field], currencies: list[str]) -> None:
    for currency in currencies:
        if currency not in told:
            field.lacks(currency, words=f"there is no {currency} here: each currency of the file needs its price.")


def _fees(field: Field, currencies: list[str]) -> Fees:
    told = field.table(currencies)
    _complete(field, told, currencies)
    fees = {
        currency: {
            interval: at.amount_minor(currency) for interval, at in sorted(told[currency].table(INTERVALS).items())
        }
        for currency in currencies
    }
    known = {interval for found in fees.values() for interval in found} or {MONTHLY}
    for currency, found in fees.items():
        for interval in sorted(known - set(found)):
            words = f"write a fee for a {interval} here too, or in no currency: all have the same intervals."
            told[currency].lacks(interval, words=words)
    return fees


def _charges(field: Field, currencies: list[str]) -> tuple[Charge, ...]:
    charges: list[Charge] = []
    places: dict[tuple[str, str], str] = {}
    for at in field.items():
        charge = _charge(at, currencies)
        if charge.key in {other.key for other in charges}:
            at.wrong(f"there is another charge called “{charge.key}”.")
        place = (charge.integration, charge.tool)
        if place in places:
            at.wrong(f"it is for the same calls as “{places[place]}”: a call is charged once.")
        places[place] = charge.key
        charges.append(charge)
    prices = sum(len(charge.prices[currencies[0]]) for charge in charges)
    if prices > MOST_PRICES:
        field.wrong(f"a plan has at most {MOST_PRICES} prices, all metrics of all charges counted; this has {prices}.")
    return tuple(charges)


def _charge(field: Field, currencies: list[str]) -> Charge:
    told = field.table(("key", "label", "integration", "tool", "max_per_call", *currencies))
    for name in ("key", "label"):
        if name not in told:
            field.wrong(f"a charge needs its {name}.")
    if "tool" in told and "integration" not in told:
        told["tool"].wrong("say which integration the tool belongs to: integration = “…”.")
    _complete(field, told, currencies)
    prices = {currency: reading_prices.schemes(told[currency], currency) for currency in currencies}
    priced = tuple(prices[currencies[0]])
    for currency in currencies:
        for metric in metrics.METRICS:
            if metric not in prices[currency] and any(metric in schemes for schemes in prices.values()):
                told[currency].lacks(metric, words="every currency prices the same metrics.")
    limited = _numbers(told, "max_per_call", tuple(metric for metric in metrics.METRICS if metric != metrics.CALLS))
    for metric in priced:
        if metric != metrics.CALLS and metric not in limited:
            field.wrong(
                f"say how many {metrics.WORDS[metric][1]} one call is charged for at most, so that its price is known "
                f"before: max_per_call = {{ {metric} = 100000 }}."
            )
    if extra := set(limited) - set(priced):
        told["max_per_call"].wrong(f"nothing is charged for {metrics.WORDS[min(extra)][1]} here.")
    for currency in currencies:
        reading_prices.check_ceiling(told[currency], prices[currency], limited)
    return Charge(
        key=told["key"].slug(),
        label=told["label"].text(most=80),
        integration=told["integration"].slug() if "integration" in told else "",
        tool=told["tool"].text(most=128) if "tool" in told else "",
        prices=prices,
        max_per_call=limited,
    )
