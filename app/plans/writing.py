"""Plans as the text of a plans.toml that says the same: so that file and page stay in step. Read by reading.py."""

import json
from collections.abc import Iterable, Iterator, Mapping

from app.plans import amounts, metrics, rating
from app.plans.document import Charge, Document, Fees
from app.plans.queries import Offer
from app.plans.rating import Scheme

_HEAD = """\
# What developers can choose, and what it costs them, as it was when this was written. Change it and apply it with
# “postern plans apply”; docs/operate/plans.md explains every field. `versions` says what it was written from, so that
# nothing is overwritten that was changed on the operator's page meanwhile.
"""
PER = {metrics.CALLS: 1, metrics.MILLISECONDS: 1000}
MILLION = 1_000_000
"""For how many units prices are written, so that people can read them: tokens and bytes by the million."""


def catalogue(newest: Mapping[str, Offer]) -> str:
    """All plans for everybody, as they are now or will be. What was withdrawn and is paid in other currencies than the
    rest is named in a comment: a file has one list of them.
    """
    shared = [offer for offer in newest.values() if offer.plan.organisation_id is None]
    currencies = currencies_of(newest)
    kept = [offer for offer in shared if set(offer.document.currencies) in (set(), set(currencies))]
    left = [offer.plan.slug for offer in shared if offer not in kept]
    lines = [_HEAD, f"currencies = {_list(currencies)}"]
    lines.append(f"versions = {{ {', '.join(f'{offer.plan.slug} = {offer.version.number}' for offer in kept)} }}")
    if left:
        lines.append(f"# Withdrawn, and not paid in these currencies: {', '.join(left)}")
    return "\n".join(lines) + "\n" + "".join(f"\n{plan(offer.plan.slug, offer.document)}" for offer in kept)


def currencies_of(newest: Mapping[str, Offer]) -> list[str]:
    """What plans can be paid in, sorted; dollars while nothing costs anything."""
    shared = [offer.document for offer in newest.values() if offer.plan.organisation_id is None]
    chosen = [said for said in shared if said.is_published and said.currencies] or shared
    return sorted({currency for said in chosen for currency in said.currencies}) or ["usd"]


def plan(slug: str, said: Document) -> str:
    """The part of the file that is about one plan."""
    return "\n".join(_plan(slug, said)) + "\n"


def _plan(slug: str, said: Document) -> Iterator[str]:
    yield f"[plans.{slug}]"
    yield f"name = {_text(said.name)}"
    yield f"words = {_text(said.words)}"
    yield f'kind = "{said.kind}"'
    if said.is_default:
        yield "default = true"
    if not said.is_published:
        yield "published = false"
    if said.features:
        yield f"features = {_list(said.features)}"
    for name, numbers in (("allowances", said.allowances), ("rates", said.rates)):
        if numbers:
            yield f"{name} = {{ {', '.join(f'{key} = {number}' for key, number in numbers.items())} }}"
    if said.seats_included or said.seats_most:
        most = f", most = {said.seats_most}" if said.seats_most != said.seats_included else ""
        yield f"seats = {{ included = {said.seats_included}{most} }}"
    yield from _fees("base", said.base)
    yield from _fees("seat", said.seat)
    for charge in said.charges:
        yield ""
        yield from _charge(slug, charge)


def _fees(name: str, fees: Fees) -> Iterator[str]:
    for currency, by_interval in fees.items():
        told = [f"{interval} = {_amount(minor * amounts.NANOS, currency)}" for interval, minor in by_interval.items()]
        yield f"{name}.{currency} = {{ {', '.join(told)} }}"


def _charge(slug: str, charge: Charge) -> Iterator[str]:
    yield f"[[plans.{slug}.charges]]"
    yield f'key = "{charge.key}"'
    yield f"label = {_text(charge.label)}"
    if charge.integration:
        yield f"integration = {_text(charge.integration)}"
    if charge.tool:
        yield f"tool = {_text(charge.tool)}"
    if charge.max_per_call:
        yield f"max_per_call = {{ {', '.join(f'{metric} = {most}' for metric, most in charge.max_per_call.items())} }}"
    for currency, schemes in charge.prices.items():
        for metric, scheme in schemes.items():
            yield f"{currency}.{metric} = {{ {', '.join(_scheme(scheme, metric, currency))} }}"


def per_of(scheme: Scheme, metric: str) -> int:
    """For how many units its prices are written."""
    per = PER.get(metric, MILLION)
    most = max([scheme.nanos, *[tier.nanos_per_unit for tier in scheme.tiers]])
    return per if most * per <= amounts.LARGEST_NANOS // 1000 else 1


def _scheme(scheme: Scheme, metric: str, currency: str) -> Iterator[str]:
    per = per_of(scheme, metric)
    if scheme.kind == rating.PACKAGE:
        yield f"package = {scheme.package}"
        yield f"price = {_amount(scheme.nanos, currency)}"
    elif scheme.kind == rating.PER_UNIT:
        yield f"each = {_amount(scheme.nanos * per, currency)}"
    else:
        tiers = [", ".join(_tier(tier, per, currency)) for tier in scheme.tiers]
        yield f"{scheme.kind} = [{', '.join(f'{{ {tier} }}' for tier in tiers)}]"
    if per != 1 and scheme.kind != rating.PACKAGE:
        yield f"per = {per}"
    if scheme.free:
        yield f"free = {scheme.free}"
    if scheme.minimum_nanos:
        yield f"minimum = {_amount(scheme.minimum_nanos, currency)}"


def _tier(tier: rating.Tier, per: int, currency: str) -> Iterator[str]:
    if tier.up_to is not None:
        yield f"up_to = {tier.up_to}"
    yield f"each = {_amount(tier.nanos_per_unit * per, currency)}"
    if tier.flat_nanos:
        yield f"flat = {_amount(tier.flat_nanos, currency)}"


def _amount(nanos: int, currency: str) -> str:
    return f'"{amounts.written(nanos, currency=currency)}"'


def _list(items: Iterable[str]) -> str:
    return f"[{', '.join(_text(item) for item in items)}]"


def _text(text: str) -> str:
    """A basic string of TOML, which is what JSON has for one, but for what lies beyond the first plane."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
