"""What a month costs at least, billed: what is missing up to a minimum is no use that a meter could count, so it is an
item on the month's own invoice while that is a draft, and on the next one afterwards. The month is over when it is so
here, or when Stripe has made its invoice, whichever is first: the two clocks need not agree.

Which items there are is asked of Stripe each time, and only the difference is added. So a try may be repeated, and when
calls come late that make up for some of it, that comes back.
"""

import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Engine
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.billing import gathering, invoices, months, usage
from app.billing.bill import MINIMUM
from app.billing.models import BillingAccount, Invoice, StripeMark
from app.billing.months import Month
from app.billing.stripe_api import Found, StripeApi, key_for
from app.core.errors import PosternError
from app.plans import prices
from app.plans.models import PriceVersion, Subscription

log = logging.getLogger(__name__)

SETTLES = timedelta(minutes=30)
"""After a month's end: by then what was used in it is in the ledger, and Stripe closes its invoice at 60."""
AGAIN_AFTER = timedelta(days=1)
"""So often a month is looked at until the next is over, for calls that come late."""
NAME = invoices.MINIMUM
CYCLE = "subscription_cycle"
"""Why Stripe made an invoice that ends a period."""


@dataclass(frozen=True, slots=True)
class _Owed:
    """What is missing up to a minimum, by line. words: of each line. amounts: in minor units."""

    currency: str
    words: dict[str, str]
    amounts: dict[str, int]


def run(engine: Engine, api: StripeApi, *, clock: Callable[[], datetime]) -> int:
    """Bill what is missing in the last month, and in this one where Stripe has made its invoice already; gives how many
    items were added. Holds no transaction while it asks.
    """
    now = clock()
    this = months.around(now)
    return sum(_month(engine, api, month, now=now) for month in (months.before(this), this))


def to_add(session: Session, api: StripeApi, account: BillingAccount, month: Month) -> list[tuple[str, int]]:
    """What would be added for the month if nothing more were used in it: words, and minor units. Asks Stripe."""
    owed = _owed(session, account, month)
    billed = _billed(api, account, month) if owed.amounts else {}
    found = [(_words(owed, key, month), amount - billed.get(key, 0)) for key, amount in owed.amounts.items()]
    return [(words, amount) for words, amount in found if amount]


def owed_in(session: Session, account: BillingAccount, month: Month) -> dict[str, int]:
    """What is missing up to minimums in the month, as far as the ledger has got: minor units by line. {} for whoever
    was on no plan with one.
    """
    theirs = _on_minimums(session, month).where(Subscription.organisation_id == account.organisation_id)
    return _owed(session, account, month).amounts if session.exec(theirs).first() is not None else {}


def month_and_key(item: Found) -> tuple[str, str]:
    """What an invoice item bills: a month's name, and the key of the line; "" for what is no minimum."""
    name, _, key = str((item.get("metadata") or {}).get(NAME, "")).partition(" ")
    return name, key


def _month(engine: Engine, api: StripeApi, month: Month, *, now: datetime) -> int:
    added = 0
    for account in _due(engine, api.mode, month, now):
        try:
            added += _one(engine, api, account, month, now=now)
        except PosternError as problem:
            log.warning("minimum.waits", extra={"organisation": account.organisation_id, "why": problem.message})
            continue
        _done(engine, account, month, now=now)
    return added


def _due(engine: Engine, mode: str, month: Month, now: datetime) -> list[BillingAccount]:
    """Accounts that were on a plan with a minimum in the month, and were not looked at since it ended, or today."""
    if month.ends_at <= now < month.ends_at + SETTLES:
        return []
    with Session(engine, expire_on_commit=False) as session:
        theirs = _on_minimums(session, month)
        statement = select(BillingAccount).where(
            BillingAccount.mode == mode, col(BillingAccount.organisation_id).in_(theirs)
        )
        if now < month.ends_at:
            statement = statement.where(col(BillingAccount.organisation_id).in_(_ended_at_stripe(mode, month, now)))
        accounts = session.exec(statement.order_by(col(BillingAccount.organisation_id))).all()
        marks = {one.organisation_id: session.get(StripeMark, (mode, _mark(one, month))) for one in accounts}
    return [account for account in accounts if _is_due(marks[account.organisation_id], month, now)]


def _on_minimums(session: Session, month: Month) -> SelectOfScalar[UUID]:
    """Organisations that were on a plan with a minimum in the month."""
    ended = col(Subscription.ends_at)
    return (
        select(Subscription.organisation_id)
        .where(col(Subscription.plan_version_id).in_(_with_minimums(session)), Subscription.begins_at < month.ends_at)
        .where(ended.is_(None) | (ended > month.begins_at))
    )


def _ended_at_stripe(mode: str, month: Month, now: datetime) -> SelectOfScalar[UUID]:
    """Organisations whose invoice of a month that lasts here Stripe has made: its clock is ahead of ours, by more than
    what the month's end is waited for anyway.
    """
    return select(Invoice.organisation_id).where(
        Invoice.mode == mode,
        Invoice.reason == CYCLE,
        Invoice.period_end >= month.ends_at,
        month.ends_at > now + SETTLES,
    )


def _with_minimums(session: Session) -> set[UUID]:
    """Versions of plans with bills that cost something at least."""
    billed = usage.billed_versions(session)
    statement = select(PriceVersion).where(col(PriceVersion.plan_version_id).is_not(None))
    return {
        version.plan_version_id
        for version in session.exec(statement)
        if version.plan_version_id in billed
        and any(scheme.minimum_nanos for scheme in prices.components_of(version).values())
    }


def _is_due(mark: StripeMark | None, month: Month, now: datetime) -> bool:
    return mark is None or mark.at < month.ends_at + SETTLES <= now or mark.at <= now - AGAIN_AFTER


def _one(engine: Engine, api: StripeApi, account: BillingAccount, month: Month, *, now: datetime) -> int:
    with Session(engine) as session:
        owed = _owed(session, account, month)
    billed = _billed(api, account, month)
    differing = [key for key in {**owed.amounts, **billed} if owed.amounts.get(key, 0) != billed.get(key, 0)]
    if not differing:
        return 0
    draft = _draft(api, account, month)
    for key in differing:
        before, wanted = billed.get(key, 0), owed.amounts.get(key, 0)
        params: dict[str, object] = {
            "customer": account.customer_id,
            "currency": owed.currency,
            "amount": wanted - before,
            "description": _words(owed, key, month),
            "metadata": {NAME: f"{month.name} {key}"},
            "period": {"start": int(month.begins_at.timestamp()), "end": int(month.ends_at.timestamp())},
            **({"invoice": draft} if draft else {}),
        }
        named = key_for(NAME, account.organisation_id, month.name, key, before, wanted, draft, f"{now:%Y-%m-%dT%H}")
        api.post(api.v1.invoice_items.create, params=params, key=named)
    return len(differing)


def _owed(session: Session, account: BillingAccount, month: Month) -> _Owed:
    lines = gathering.statement_of(session, account.organisation_id, month).lines
    found = [one for one in lines if one.kind == MINIMUM and not one.is_prepaid]
    words, amounts = ({one.key: one.description for one in found}, {one.key: one.amount_minor for one in found})
    return _Owed(next((one.currency for one in found), account.currency), words, amounts)


def _words(owed: _Owed, key: str, month: Month) -> str:
    return f"{owed.words.get(key, 'Up to the least of a month')}, {month.label}"


def _billed(api: StripeApi, account: BillingAccount, month: Month) -> dict[str, int]:
    """What Stripe's items of the month come to, by line."""
    found: dict[str, int] = defaultdict(int)
    for item in api.every(api.v1.invoice_items.list, params={"customer": account.customer_id}):
        name, key = month_and_key(item)
        if name == month.name:
            found[key] += int(item["amount"])
    return found


def _draft(api: StripeApi, account: BillingAccount, month: Month) -> str:
    """The month's invoice while it can be changed; "" afterwards."""
    ends = int(month.ends_at.timestamp())
    drafts = api.every(api.v1.invoices.list, params={"customer": account.customer_id, "status": "draft"})
    return next((str(one["id"]) for one in drafts if _is_of(one, ends)), "")


def _is_of(invoice: Found, ends: int) -> bool:
    return int(invoice["period_end"]) == ends and str(invoice["billing_reason"]) == CYCLE


def _mark(account: BillingAccount, month: Month) -> str:
    return f"m{month.begins_at:%y%m} {account.organisation_id.hex}"


def _done(engine: Engine, account: BillingAccount, month: Month, *, now: datetime) -> None:
    with Session(engine) as session:
        session.merge(StripeMark(mode=account.mode, name=_mark(account, month), at=now))
        session.commit()
