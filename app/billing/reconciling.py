"""Reconciliation: the ledger, recomputed, against what was cut and sent of it, what Stripe's meters have counted, and
what its invoices say. Never writes usage; heals little (app/billing/healing.py), and leaves all else to people.

Nightly, in the hour between a month's end and its invoices, and on demand. docs/operate/billing.md says what findings
mean.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import product

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from app.billing import (
    comparing,
    findings,
    healing,
    invoicing,
    missing_minimums,
    recounting,
    usage,
    wallet_reconciling,
)
from app.billing.catalogue import METER, by_key
from app.billing.comparing import Difference, Window
from app.billing.findings import Dated
from app.billing.healing import Seen
from app.billing.models import BillingAccount
from app.billing.reconcile_models import LATE as OVERDUE
from app.billing.reconcile_models import UNKNOWN, Agreed, ReconcileRun
from app.billing.recounting import Place, Sent
from app.billing.stripe_api import StripeApi
from app.billing.usage import Shelf
from app.billing.usage_models import DELIVERED, LATE, REFUSED, StripeOutbox
from app.core import moments
from app.core.errors import PosternError
from app.plans import periods

log = logging.getLogger(__name__)

NIGHTLY_HOUR = 2
BEFORE_INVOICES = timedelta(minutes=50)
"""After a month's end: what was cut in time has been sent, and Stripe closes the invoices at 60."""
AGAIN_AFTER = timedelta(hours=1)
"""A run that was cut off, with the process that made it, is done again so long after it began."""
SOON_AFTER = timedelta(minutes=2)
"""One that broke off because Stripe did not answer is done again so long after that: before the invoices are closed."""
SETTLES = timedelta(minutes=15)
"""Stripe's sums may lag behind what it has taken."""
LOOKS_BACK = timedelta(days=45)
"""Months that end later than so long ago are compared."""
PAGE = 100
DAY, HOUR = "day", "hour"
_SECONDS = {DAY: 86_400, HOUR: 3_600}

Counted = dict[Place, dict[int, int]]
"""What Stripe has: meter and month to beginnings of days to sums."""


@dataclass(frozen=True, slots=True)
class _Item:
    """An invoice item that we made for a range. waits: whether no invoice has it yet."""

    amount: int
    waits: bool


def is_due(session: Session, mode: str, *, now: datetime) -> bool:
    """Whether a night, or the hour before a month's invoices, has come without a whole run since."""
    statement = select(ReconcileRun).where(ReconcileRun.mode == mode, ReconcileRun.began_at >= _slot(now))
    since = session.exec(statement.order_by(col(ReconcileRun.began_at).desc())).all()
    return not any(one.ended_at or now < _again_at(one) for one in since)


def run(engine: Engine, api: StripeApi, *, clock: Callable[[], datetime]) -> ReconcileRun:
    """Compare every account; gives what came of it. Raises StripeAway and its siblings; repeating does no harm."""
    now = clock()
    with Session(engine, expire_on_commit=False) as session:
        run = ReconcileRun(mode=api.mode, began_at=now)
        session.add(run)
        session.commit()
        shelf = Shelf(session)
    try:
        _compare(engine, api, run, shelf, clock=clock)
    except PosternError:
        with Session(engine) as session:
            run.broke_off_at = clock()
            session.add(run)
            session.commit()
        raise
    with Session(engine, expire_on_commit=False) as session:
        run.findings = findings.count_open(session, api.mode)
        run.ended_at = clock()
        session.add(run)
        session.commit()
    log.info("reconcile.done", extra={"places": run.places, "findings": run.findings})
    return run


def _compare(engine: Engine, api: StripeApi, run: ReconcileRun, shelf: Shelf, *, clock: Callable[[], datetime]) -> None:
    since = periods.start_of(periods.MONTH, run.began_at - LOOKS_BACK)
    for account in _accounts(engine, api.mode):
        run.places += _one(engine, api, account, shelf, now=clock())
        run.places += wallet_reconciling.compare_account(engine, api, account, since=since, clock=clock)
    run.places += wallet_reconciling.compare_books(engine, api.mode, now=clock())


def _again_at(run: ReconcileRun) -> datetime:
    """Of a run that has not ended."""
    return run.began_at + AGAIN_AFTER if run.broke_off_at is None else run.broke_off_at + SOON_AFTER


def _slot(now: datetime) -> datetime:
    """The last moment at which a run should have begun."""
    nightly = now.replace(hour=NIGHTLY_HOUR, minute=0, second=0, microsecond=0)
    nightly = nightly if nightly <= now else nightly - timedelta(days=1)
    closing = periods.start_of(periods.MONTH, now) + BEFORE_INVOICES
    return max(nightly, closing) if closing <= now else nightly


def _accounts(engine: Engine, mode: str) -> Iterator[BillingAccount]:
    after = None
    while True:
        statement = select(BillingAccount).where(BillingAccount.mode == mode)
        if after is not None:
            statement = statement.where(col(BillingAccount.organisation_id) > after)
        with Session(engine, expire_on_commit=False) as session:
            page = session.exec(statement.order_by(col(BillingAccount.organisation_id)).limit(PAGE)).all()
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].organisation_id


def _one(engine: Engine, api: StripeApi, account: BillingAccount, shelf: Shelf, *, now: datetime) -> int:
    """Compare one account; gives how many places were compared."""
    since = periods.start_of(periods.MONTH, now - LOOKS_BACK)
    with Session(engine, expire_on_commit=False) as session:
        book = shelf.book_of(session, account)
        known = recounting.sent(session, account, since=since)
        places = known.places() | set(product(shelf.meters_of(session, account), _months(since, now)))
        meters = by_key(session, api.mode, METER, {name for name, _ in places})
    counted = _ask(api, account, places, meters)
    items = _ask_items(api, account) if any(row.kind == LATE for row in known.rows) else {}
    minimums = missing_minimums.find(engine, api, account, since=since, now=now)
    with Session(engine, expire_on_commit=False) as session:
        told = recounting.sent(session, account, since=since)
        ledgers = recounting.recount(session, account, book, told, since=since)
        ours = list(recounting.books(told, ledgers, added=partial(invoicing.added, book), now=now))
        found: list[Dated] = [(one.month_at, each) for one in ours for each in comparing.of_books(one)]
        billed = invoicing.compare(session, account, book, told, since=since, now=now)
        sums = {place: sum(days.values()) for place, days in counted.items()}
        others = {place: counted[place] for place in counted.keys() - comparing.credited(billed, sums)}
        found += _windows(api, account, told, others, meters, now=now)
        found += _late_items(told, items, is_billed=usage.gets_bills(session, account, now=now), now=now)
        found += [(one.month_at, each) for one in billed for each in comparing.of_billed(one)]
        found = healing.heal(session, account, book, Seen(ours, told, sums, billed, found), now=now) + minimums
        seen = findings.record(session, api.mode, account.organisation_id, found, now=now)
        findings.end_others(session, api.mode, account.organisation_id, seen, since=since, now=now)
        if not found:
            _agree(session, account, told, now=now)
        session.commit()
    return len(ours)


def _months(since: datetime, now: datetime) -> Iterator[datetime]:
    while since <= now:
        yield since
        since = _end(since)


def _ask(api: StripeApi, account: BillingAccount, places: set[Place], meters: dict[str, str]) -> Counted:
    """Sums by day of every meter and month that something was sent to, or might have been."""
    return {
        place: _summaries(api, meters[place[0]], account, (place[1], _end(place[1])), DAY)
        for place in sorted(places)
        if place[0] in meters
    }


def _summaries(
    api: StripeApi, meter_id: str, account: BillingAccount, stretch: tuple[datetime, datetime], window: str
) -> dict[int, int]:
    params = {
        "customer": account.customer_id,
        "start_time": int(stretch[0].timestamp()),
        "end_time": int(stretch[1].timestamp()),
        "value_grouping_window": window,
    }
    rows = api.every(api.v1.billing.meters.event_summaries.list, meter_id, params=params)
    return {int(row["start_time"]): int(row["aggregated_value"]) for row in rows}


def _windows(
    api: StripeApi, account: BillingAccount, told: Sent, counted: Counted, meters: dict[str, str], *, now: datetime
) -> list[Dated]:
    """Days that differ, each narrowed down to its hours."""
    found: list[Dated] = []
    for place, sums in sorted(counted.items()):
        rows = told.metered(place)
        for day, window in _by(rows, sums, DAY, place, now=now).items():
            difference = comparing.of_window(window)
            if difference is None:
                continue
            begins_at = moments.of(day)
            ends_at = begins_at + timedelta(days=1)
            hours = _summaries(api, meters[place[0]], account, (begins_at, ends_at), HOUR)
            of_day = [row for row in rows if begins_at <= row.at < ends_at]
            by_hour = _by(of_day, hours, HOUR, place, now=now).values()
            narrowed = [each for each in map(comparing.of_window, by_hour) if each is not None]
            found += [(place[1], each) for each in narrowed or [difference]]
    return found


def _by(
    rows: list[StripeOutbox], sums: dict[int, int], window: str, place: Place, *, now: datetime
) -> dict[int, Window]:
    """What was told and counted, by day or hour."""
    settled: dict[int, int] = defaultdict(int)
    perhaps: dict[int, list[int]] = defaultdict(list)
    for row in rows:
        at = int(row.at.timestamp())
        begins = at - at % _SECONDS[window]
        if row.state == DELIVERED and row.delivered_at is not None and row.delivered_at <= now - SETTLES:
            settled[begins] += row.value
        elif row.state != REFUSED:
            perhaps[begins].append(row.value)
    shown = "%Y-%m-%d" if window == DAY else "%Y-%m-%d %H:00"
    return {
        begins: Window(
            f"{place[0]}, {moments.of(begins):{shown}}",
            settled[begins],
            perhaps[begins],
            sums.get(begins, 0),
        )
        for begins in sorted({*settled, *perhaps, *sums})
    }


def _ask_items(api: StripeApi, account: BillingAccount) -> dict[str, _Item]:
    """By range, the customer's invoice items that we made; amounts in minor units."""
    items = api.every(api.v1.invoice_items.list, params={"customer": account.customer_id})
    found: dict[str, _Item] = {}
    for item in items:
        name = (item.get("metadata") or {}).get("range")
        if name:
            before = found.get(str(name), _Item(0, waits=False))
            found[str(name)] = _Item(before.amount + int(item["amount"]), before.waits or not item.get("invoice"))
    return found


def _late_items(told: Sent, items: dict[str, _Item], *, is_billed: bool, now: datetime) -> list[Dated]:
    found: list[Dated] = []
    known = {row.identifier for row in told.rows}
    for row in told.rows:
        if row.kind == LATE and row.state != REFUSED:
            item = items.get(row.identifier, _Item(0, waits=False))
            is_settled = row.state == DELIVERED and row.delivered_at is not None and row.delivered_at <= now - SETTLES
            subject = f"{comparing.place_of(row.event_name, row.month_at)}, item of {row.first_seq}-{row.last_seq}"
            value = row.value if is_settled else 0
            window = Window(subject, value, () if is_settled else (row.value,), item.amount)
            difference = comparing.of_window(window)
            found += [(row.month_at, difference)] if difference else []
            if item.waits and not is_billed:
                proposal = "No invoice comes that it could be on: make one of it at Stripe, or write it off there."
                found.append((row.month_at, Difference(OVERDUE, f"{subject}, waiting", item.amount, 0, proposal)))
    for name, item in items.items():
        if name not in known and told.rows:
            proposal = "An invoice item names a range that we do not know, or one of an older month."
            found.append((max(row.month_at for row in told.rows), Difference(UNKNOWN, name, 0, item.amount, proposal)))
    return found


def _agree(session: Session, account: BillingAccount, told: Sent, *, now: datetime) -> None:
    """Up to the last link before anything that has not settled."""
    open_seqs = [
        row.first_seq
        for row in told.rows
        if not (row.state == DELIVERED and row.delivered_at is not None and row.delivered_at <= now - SETTLES)
    ]
    seq = min([told.mark, *[first - 1 for first in open_seqs]])
    found = session.get(Agreed, (account.organisation_id, account.mode)) or Agreed(
        organisation_id=account.organisation_id, mode=account.mode, seq=0, at=now
    )
    found.seq, found.at = max(found.seq, seq), now
    session.add(found)
    session.flush()


def _end(month_at: datetime) -> datetime:
    return periods.end_of(periods.MONTH, month_at)
