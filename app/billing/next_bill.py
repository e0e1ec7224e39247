"""The next bill, as Stripe will send it if nothing more is used: Stripe's own preview, so that both are the same."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from app.billing import meters
from app.billing.problems import Missing
from app.billing.stripe_api import Found, StripeApi, key_for

_COUNTED = re.compile(r"[\d,.]+ × (?P<name>.+) \([^()]*\)")
"""Stripe's words for a line: “9 × Calls (at $0.01 / month)”."""


@dataclass(frozen=True, slots=True)
class NextLine:
    """amount: whole minor units."""

    words: str
    amount: int


@dataclass(frozen=True, slots=True)
class NextBill:
    """Whole minor units. lines: those that cost or give back something. balance: what is taken from a credit that the
    customer has at Stripe, 0 or more, or what is owed from before, below 0. at: when the period ends and it is made.
    """

    currency: str
    lines: tuple[NextLine, ...]
    subtotal: int
    tax: int
    balance: int
    due: int
    at: datetime


def fetch(api: StripeApi, subscription_id: str, *, now: datetime) -> NextBill | None:
    """What comes next for a subscription; None when nothing does, since it ends without one. Asks Stripe."""
    params = {"subscription": subscription_id, "preview_mode": "next"}
    key = key_for("next-bill", subscription_id, now.isoformat())
    try:
        found = api.post(api.v1.invoices.create_preview, params=params, key=key)
    except Missing:
        return None
    return _bill(found)


def _bill(found: Found) -> NextBill:
    lines = tuple(_line(line) for line in found["lines"]["data"] if int(line["amount"]))
    total, due = int(found["total"]), int(found["amount_due"])
    return NextBill(
        currency=str(found["currency"]),
        lines=lines,
        subtotal=int(found["subtotal"]),
        tax=sum(int(tax["amount"]) for tax in found.get("total_taxes") or []),
        balance=total - due,
        due=due,
        at=datetime.fromtimestamp(int(found["period_end"]), UTC),
    )


def _line(line: Mapping[str, Any]) -> NextLine:
    return NextLine(_words(line), int(line["amount"]))


def _words(line: Mapping[str, Any]) -> str:
    """Stripe's; of what it was told as money the name alone: nobody counts millionths of a cent."""
    words = str(line.get("description") or "")
    each = (line.get("pricing") or {}).get("unit_amount_decimal")
    counted = _COUNTED.fullmatch(words)
    is_money = each is not None and Decimal(str(each)) == meters.ONE_MICRO
    return counted["name"] if counted is not None and is_money else words
