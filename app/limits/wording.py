"""Limits in words: as people type them, as lists show them, and as refusals say them."""

import re

from app.core.errors import Invalid
from app.limits import models
from app.limits.rules import KEY, ORGANISATION, Rule
from app.plans import amounts, periods

_QUANTITY = re.compile(r"(?a)(?P<most>[0-9.]+ ?[a-z]{0,3})(?:/(?P<period>[a-z]+))?")
_PEOPLE = {
    models.CALLS: ("call", "calls"),
    models.STREAMS: ("stream at once", "streams at once"),
}
LARGEST = 10**15
PAGE = "/billing/limits/"
"""Where the portal shows and changes what an organisation limits."""


def parse(measure: str, text: str, *, currency: str) -> tuple[str, int]:
    """(period, most) of “600/minute”, “20”, “10000/month” or “50.00usd/month”. Raises Invalid."""
    found = _QUANTITY.fullmatch(text.strip().lower())
    if measure not in models.MEASURES or found is None:
        raise Invalid("Write a limit like “calls 600/minute”, “streams 20” or “spend 50.00usd/month”.")
    period = found["period"] or ""
    if measure == models.SPEND:
        return period, amounts.parse(found["most"], currency=currency)
    if not found["most"].isdigit():
        raise Invalid(f"“{found['most']}” is not a whole number of {measure}.")
    return period, int(found["most"])


def limit(rule: Rule, *, currency: str) -> str:
    """“600 calls a minute”, “20 streams at once”, “$50.00 a month”."""
    if rule.measure == models.SPEND and rule.period == periods.EVER:
        return f"{amounts.shown(rule.most, currency=currency)} of prepaid credit"
    if rule.measure == models.SPEND:
        return f"{amounts.shown(rule.most, currency=currency)} a {rule.period}"
    one, many = _PEOPLE[rule.measure]
    number = f"{rule.most:,} {one if rule.most == 1 else many}"
    return f"{number} a{'n' if rule.period == 'hour' else ''} {rule.period}" if rule.period else number


def typed(rule: Rule, *, currency: str) -> str:
    """“calls 600/minute”: what to type to get the same."""
    most = str(rule.most)
    if rule.measure == models.SPEND:
        most = amounts.written(rule.most, currency=currency) + currency
    return f"{rule.measure} {most}/{rule.period}" if rule.period else f"{rule.measure} {most}"


def scope(rule: Rule) -> str:
    """Whose it is: “key”, “organisation” or “all”."""
    if rule.per == KEY or rule.key_id is not None:
        return KEY
    return ORGANISATION if rule.per == ORGANISATION or rule.organisation_id is not None else "all"


def whose(rule: Rule, *, key_hint: str) -> str:
    """The same for whoever is refused. key_hint: the readable start of the key, "" if it is not known."""
    if scope(rule) == KEY:
        return f"your key “{key_hint}…”" if key_hint else "your key"
    return "your organisation" if scope(rule) == ORGANISATION else "all callers together"


def where_to_raise(rule: Rule, *, portal_url: str, operator: str) -> str:
    """Who can allow more, and where to see what was used. operator: as the settings call them."""
    if rule.set_by == "organisation":
        return f"Your organisation set this limit itself; an owner can raise it: {portal_url}{PAGE}"
    if rule.set_by == models.WALLET:
        return f"Top up: {portal_url}/billing/wallet/"
    if rule.set_by == models.BILLING:
        return f"See what mends it: {portal_url}/billing/"
    if rule.set_by == "plan":
        return f"Your plan sets this limit; another may allow more: {portal_url}"
    return f"{operator[:1].upper()}{operator[1:]} can raise this limit; {portal_url}/usage shows what was used."
