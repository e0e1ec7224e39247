"""The next invoice, as Stripe will send it if nothing more is used: Stripe's own preview, and what Postern itself will
put onto it before it is closed (what is missing up to minimums, and late usage), so that both are the same.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlmodel import Session, col, select

from app.billing import delivery, meters, minimums, months
from app.billing.models import BillingAccount
from app.billing.months import Month
from app.billing.problems import Missing
from app.billing.stripe_api import Found, StripeApi, key_for
from app.billing.usage_models import LATE, WAITING, StripeOutbox
from app.core import moments

_COUNTED = re.compile(r"[\d,.]+(?: [^×]+)? × (?P<name>.+) \([^()]*\)")
"""Stripe's words for a line: “9 × Calls (at $0.01 / month)”, “9 millionths of a cent × Calls (…)”."""


@dataclass(frozen=True, slots=True)
class NextLine:
    """amount: whole minor units. is_ours: whether Stripe does not know of it yet, and Postern will add it."""

    words: str
    amount: int
    is_ours: bool = False


@dataclass(frozen=True, slots=True)
class NextBill:
    """Whole minor units. lines: those that cost or give back something. balance: what is taken from a credit that the
    customer has at Stripe, 0 or more, or what is owed from before, below 0. at: when the period ends and it is made.
    is_ahead: whether a fee of what begins then is in it.
    """

    currency: str
    lines: tuple[NextLine, ...]
    subtotal: int
    tax: int
    balance: int
    due: int
    at: datetime
    is_ahead: bool


def fetch(
    session: Session, api: StripeApi, account: BillingAccount, subscription_id: str, *, now: datetime
) -> NextBill | None:
    """What comes next for a subscription; None when nothing does, since it ends without one. Asks Stripe."""
    params = {"subscription": subscription_id, "preview_mode": "next"}
    key = key_for("next-bill", subscription_id, now.isoformat())
    try:
        found = api.post(api.v1.invoices.create_preview, params=params, key=key)
    except Missing:
        return None
    at = moments.of(int(found["period_end"]))
    month = months.around(at - timedelta(microseconds=1))
    there = {str((line.get("metadata") or {}).get("range")) for line in found["lines"]["data"]}
    return _bill(found, [*_minimums(session, api, account, month), *_late(session, account, there)], at=at)


def _minimums(session: Session, api: StripeApi, account: BillingAccount, month: Month) -> Iterator[NextLine]:
    for words, amount in minimums.to_add(session, api, account, month):
        yield NextLine(words, amount, is_ours=True)


def _late(session: Session, account: BillingAccount, there: Collection[str]) -> Iterator[NextLine]:
    """Late usage that waits to become an item of the next invoice. there: ranges that are items already, though the
    answer that said so was lost.
    """
    statement = select(StripeOutbox).where(
        StripeOutbox.customer_id == account.customer_id,
        StripeOutbox.mode == account.mode,
        StripeOutbox.kind == LATE,
        StripeOutbox.state == WAITING,
    )
    for row in session.exec(statement.order_by(col(StripeOutbox.first_seq))):
        if row.value and row.identifier not in there:
            yield NextLine(delivery.late_words(row), row.value, is_ours=True)


def _bill(found: Found, ours: Sequence[NextLine], *, at: datetime) -> NextBill:
    told = found["lines"]["data"]
    theirs = [_line(line) for line in told if int(line["amount"])]
    added = sum(line.amount for line in ours)
    total = int(found["total"]) + added
    due = max(0, total + int(found.get("starting_balance") or 0)) if added else int(found["amount_due"])
    return NextBill(
        currency=str(found["currency"]),
        lines=(*theirs, *ours),
        subtotal=int(found["subtotal"]) + added,
        tax=sum(int(tax["amount"]) for tax in found.get("total_taxes") or []),
        balance=total - due,
        due=due,
        at=at,
        is_ahead=any(int(line["amount"]) and int(line["period"]["start"]) >= at.timestamp() for line in told),
    )


def _line(line: Mapping[str, Any]) -> NextLine:
    return NextLine(_words(line), int(line["amount"]))


def name_of(words: str) -> str:
    """Of a line that Stripe was told as money the name alone: nobody counts millionths of a cent."""
    counted = _COUNTED.fullmatch(words)
    return counted["name"] if counted is not None else words


def _words(line: Mapping[str, Any]) -> str:
    words = str(line.get("description") or "")
    each = (line.get("pricing") or {}).get("unit_amount_decimal")
    return name_of(words) if each is not None and Decimal(str(each)) == meters.ONE_MICRO else words
