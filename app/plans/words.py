"""Plans and prices in words: for the page of prices, for what `postern plans` shows, and for bills."""

from collections.abc import Mapping

from app.plans import amounts, metrics, rating
from app.plans.document import Document
from app.plans.rating import Scheme, Tier

ALLOWANCES = {"calls_per_day": "calls a day", "calls_per_month": "calls a month"}
RATES = {
    "calls_per_second": "calls a second",
    "calls_per_minute": "calls a minute",
    "calls_per_hour": "calls an hour",
    "streams": "streams at once",
}


def scheme(said: Scheme, metric: str, *, currency: str) -> str:
    """“first 1,000 calls free, then $0.002 per call for the next 99,000, and $0.001 beyond”. Tiers count after the
    free units, so the words say how many each holds, never where it ends.
    """
    one, many = metrics.WORDS[metric]
    text = _COSTS[said.kind](said, one, many, currency)
    if said.free:
        text = f"first {said.free:,} {one if said.free == 1 else many} free, then {text}"
    if said.minimum_nanos:
        text += f"; at least {amounts.shown(said.minimum_nanos, currency=currency)} a month"
    return text


def _per_unit(said: Scheme, one: str, many: str, currency: str) -> str:
    return f"{amounts.shown(said.nanos, currency=currency)} per {one}"


def _package(said: Scheme, one: str, many: str, currency: str) -> str:
    if said.package == 1:
        return _per_unit(said, one, many, currency)
    each = f"{'further ' if said.free else ''}{said.package:,} {many}"
    return f"{amounts.shown(said.nanos, currency=currency)} for each {each}, or part of them"


def _graduated(said: Scheme, one: str, many: str, currency: str) -> str:
    """“$0.002 per call for the first 1,000, $0.001 for the next 9,000, and $0.0005 beyond”."""
    parts: list[str] = []
    begins = 0
    for tier in said.tiers:
        price = amounts.shown(tier.nanos_per_unit, currency=currency)
        text = price if parts else f"{price} per {one}"
        if tier.up_to is not None:
            which = "next" if parts or said.free else "first"
            text += f" for the {which} {tier.up_to - begins:,}"
            begins = tier.up_to
        elif parts:
            text = f"and {text} beyond"
        parts.append(text + _once(tier, currency))
    return ", ".join(parts)


def _volume(said: Scheme, one: str, many: str, currency: str) -> str:
    """“one price for all calls: $0.002 each if they are at most 1,000, and $0.001 if more”."""
    if len(said.tiers) == 1:
        return _graduated(said, one, many, currency)
    parts: list[str] = []
    for tier in said.tiers:
        each = "" if parts else " each"
        they_are = "" if parts else "they are "
        which = f"if {they_are}at most {tier.up_to:,}" if tier.up_to is not None else "if more"
        joint = "and " if tier.up_to is None else ""
        price = amounts.shown(tier.nanos_per_unit, currency=currency)
        parts.append(f"{joint}{price}{each}{_once(tier, currency)} {which}")
    return f"one price for all {'further ' if said.free else ''}{many}: {', '.join(parts)}"


def _once(tier: Tier, currency: str) -> str:
    return f" (plus {amounts.shown(tier.flat_nanos, currency=currency)} once)" if tier.flat_nanos else ""


_COSTS = {
    rating.PER_UNIT: _per_unit,
    rating.PACKAGE: _package,
    rating.GRADUATED: _graduated,
    rating.VOLUME: _volume,
}


def facts(plan: Document) -> dict[str, str]:
    """Everything that a plan says, one line each: what it is about, and what it says. Two plans that say the same have
    the same facts.
    """
    found = {
        "name": plan.name,
        "words": plan.words,
        "kind": plan.kind,
        "features": "; ".join(plan.features),
        "default": "yes" if plan.is_default else "no",
        "published": "yes" if plan.is_published else "no",
        "seats": f"{plan.seats_included} included, at most {plan.seats_most}" if plan.seats_included else "no limit",
    }
    for name, number in plan.allowances.items():
        found[f"allowance of {ALLOWANCES[name]}"] = f"{number:,}"
    for name, number in plan.rates.items():
        found[f"rate of {RATES[name]}"] = f"{number:,}"
    for what, fees in (("base fee", plan.base), ("seat", plan.seat)):
        for currency, by_interval in fees.items():
            for interval, minor in by_interval.items():
                found[f"{what} per {interval}, {currency}"] = amounts.shown_minor(minor, currency=currency)
    for charge in plan.charges:
        name = f"charge “{charge.key}”"
        where = " ".join(filter(None, (charge.integration, charge.tool))) or "all calls without a price of their own"
        found[name] = f"{charge.label}, for {where}"
        for metric, most in charge.max_per_call.items():
            found[f"{name}, most {metrics.WORDS[metric][1]} of one call"] = f"{most:,}"
        for currency, schemes in charge.prices.items():
            for metric, said in schemes.items():
                found[f"{name}, {metrics.WORDS[metric][1]}, {currency}"] = scheme(said, metric, currency=currency)
    return found


def differences(before: Document | None, after: Document) -> list[str]:
    """What `after` says otherwise, one line each: “rate of calls a minute: 60 → 600”."""
    if before is None:
        return [f"{name}: {said}" for name, said in facts(after).items() if said]
    return [f"{name}: {was} → {now}" for name, was, now in changed(facts(before), facts(after))]


def terms(plan: Document, currency: str) -> dict[str, str]:
    """What a plan says to somebody who pays in `currency`, one line each, in their words; but for its features."""
    found = {"Name": plan.name}
    found["Seats"] = f"{plan.seats_included} included" if plan.seats_included else "as many as you like"
    found |= {f"{_upper(ALLOWANCES[name])}, at most": f"{number:,}" for name, number in plan.allowances.items()}
    found |= {f"{_upper(RATES[name])}, at most": f"{number:,}" for name, number in plan.rates.items()}
    for what, fees in (("Base fee", plan.base), ("Each further seat", plan.seat)):
        for interval, minor in fees.get(currency, {}).items():
            found[f"{what} a {interval}"] = amounts.shown_minor(minor, currency=currency)
    for charge in plan.charges:
        for metric, said in charge.prices.get(currency, {}).items():
            found[f"{charge.label} ({metrics.WORDS[metric][1]})"] = scheme(said, metric, currency=currency)
    return found


def news(before: Document, after: Document, *, currency: str) -> list[str]:
    """What changes for somebody who pays in `currency`, one line each: “Base fee a month: $99.00 → $109.00”."""
    found = changed(terms(before, currency), terms(after, currency))
    return [
        *[f"{name}: {was} → {now}" for name, was, now in found],
        *[f"New: {feature}" for feature in after.features if feature not in before.features],
        *[f"No more: {feature}" for feature in before.features if feature not in after.features],
    ]


def changed(old: Mapping[str, str], new: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """What differs: what it is about, what it was, and what it becomes; “nothing” for what is not there."""
    names = [*new, *[name for name in old if name not in new]]
    return [
        (name, _said(old.get(name)), _said(new.get(name)))
        for name in names
        if old.get(name) != new.get(name) and (old.get(name) or new.get(name))
    ]


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _said(text: str | None) -> str:
    return text or "nothing"
