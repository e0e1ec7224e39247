"""Taxes: so many percent on top, or what somebody else worked out for a line."""

from collections.abc import Iterable

from app.sandbox.stripe import arithmetic
from app.sandbox.stripe.desk import Desk
from app.sandbox.stripe.store import Thing

RATE = "txr_standin"


def percent(desk: Desk, automatic_tax: Thing | None) -> int:
    """How much comes on top; 0 where taxes are not to be worked out."""
    return int(desk.store.fact("tax_percent", 0)) if automatic_tax and automatic_tax["enabled"] else 0


def on(amount: int, percent: int) -> int:
    """The tax on one amount, in whole minor units, halves up."""
    return arithmetic.half_up(amount * percent, 100)


def of_line(line: Thing, percent: int) -> list[Thing]:
    """Of an invoice's line. What was worked out elsewhere stands there as _taxes."""
    if "_taxes" in line or not percent:
        return list(line.get("_taxes", ()))
    return [entry(on(line["amount"], percent), taxable=line["amount"])]


def entry(amount: int, *, taxable: int, rate: str = RATE) -> Thing:
    """One tax as invoices and their lines show it."""
    return {
        "amount": amount, "tax_behavior": "exclusive", "taxable_amount": taxable, "taxability_reason": "standard_rated",
        "type": "tax_rate_details", "tax_rate_details": {"tax_rate": rate},
    }  # fmt: skip


def by_rate(taxes: Iterable[Thing]) -> list[Thing]:
    """The same, each rate added up."""
    sums: dict[str, Thing] = {}
    for each in taxes:
        so_far = sums.setdefault(each["tax_rate_details"]["tax_rate"], each | {"amount": 0, "taxable_amount": 0})
        so_far["amount"] += each["amount"]
        so_far["taxable_amount"] += each["taxable_amount"]
    return list(sums.values())
