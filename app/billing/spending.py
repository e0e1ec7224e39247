"""What a month comes to: by integration, tool and key, by day, and where it will end if it goes on like that.

The forecast adds to what was used so far the pace of the last seven days, today included, until the month ends, and
makes the bill for that: free units, tiers and fees count as they will. What was used on an earlier plan is not in the
pace.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import Session, col, select

from app.billing import gathering, used
from app.billing.bill import OWN, USAGE, Quantities, Statement
from app.billing.gathering import Gathered
from app.billing.months import Month
from app.integrations.models import Integration
from app.keys import queries as keys
from app.limits.models import SPEND, LimitRule
from app.organisations.models import Organisation
from app.plans import amounts, periods
from app.plans import queries as plans

PACE = timedelta(days=6)
"""Before today."""
LEAST = timedelta(hours=1)
"""Of a pace; what is younger says nothing yet."""
SHOWN = 12
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Share:
    """Something that was paid for. length: of its bar, in percent of the longest; percent: of the whole."""

    label: str
    amount: str
    length: int
    percent: int


@dataclass(frozen=True, slots=True)
class Cap:
    """The organisation's own cap on a month's spending by use, and how far it is used, in percent, at most 100."""

    amount: str
    used: str
    percent: int
    forecast_percent: int | None


@dataclass(frozen=True, slots=True)
class Spending:
    """by: what it is split by (“Integration”) to its shares, most first; {} if that was not asked for. forecast: None
    for a month that is over, and before there is a pace. pace_since: from when on that was taken.
    """

    currency: str
    statement: Statement
    forecast: Statement | None
    pace_since: datetime
    by: dict[str, tuple[Share, ...]]
    cap: Cap | None

    @property
    def total(self) -> str:
        """Everything so far, fees included."""
        return _sum(self.statement, self.currency)

    @property
    def forecast_total(self) -> str:
        """What the month will come to; "" when nothing can be said."""
        return _sum(self.forecast, self.currency) if self.forecast is not None else ""


def spending_of(
    session: Session, organisation: Organisation, month: Month, *, usual: str, now: datetime, is_split: bool = True
) -> Spending:
    """Everything about one month, as far as the ledger has got. usual: the installation's currency, for who has never
    paid in any. is_split: False for no `by`.
    """
    by = (used.VERSION, used.INTEGRATION, used.TOOL, used.KEY) if is_split else (used.VERSION,)
    found = used.sums(session, organisation.id, since=month.begins_at, until=month.ends_at, by=by)
    quantities = used.quantities(found)
    gathered = gathering.gather(session, organisation.id, month, used_versions=quantities)
    made = gathered.bill(quantities)
    since = _pace_since(gathered, now)
    forecast = _forecast(session, organisation.id, gathered, quantities, (since, now))
    currency = next((line.currency for line in made.lines), "") or plans.paid_in(session, organisation.id) or usual
    return Spending(
        currency=currency,
        statement=made,
        forecast=forecast,
        pace_since=since,
        by=_by(session, organisation, gathered, found, currency) if is_split else {},
        cap=_cap(session, organisation, made, forecast, currency),
    )


def _pace_since(gathered: Gathered, now: datetime) -> datetime:
    """Where the first of seven days begins, because whole days are read at once; later for who subscribed since."""
    begun = [one.begins_at for one in gathered.subscriptions if one.begins_at <= now]
    return max([periods.start_of(periods.DAY, now) - PACE, *begun])


def _forecast(
    session: Session,
    organisation_id: UUID,
    gathered: Gathered,
    quantities: Quantities,
    window: tuple[datetime, datetime],
) -> Statement | None:
    since, now = window
    left = gathered.month.ends_at - now
    if left <= timedelta() or now - since < LEAST:
        return None
    tomorrow = periods.end_of(periods.DAY, periods.start_of(periods.DAY, now))
    found = used.quantities(used.sums(session, organisation_id, since=since, until=tomorrow, by=(used.VERSION,)))
    ahead, took = left // _MICROSECOND, (now - since) // _MICROSECOND

    def expected(used_so_far: Quantities) -> Quantities:
        return {
            version_id: {
                metric: so_far + found.get(version_id, {}).get(metric, 0) * ahead // took
                for metric, so_far in mine.items()
            }
            for version_id, mine in used_so_far.items()
        }

    if any(begins_at <= now < ends_at for begins_at, ends_at in gathered.prepaid):
        gathered = replace(gathered, taken=expected(gathered.taken))
    return gathered.bill(expected(quantities))


def _by(
    session: Session, organisation: Organisation, gathered: Gathered, found: Sequence[used.Sum], currency: str
) -> dict[str, tuple[Share, ...]]:
    mine = [one for one in found if gathered.versions[one.by[used.VERSION]].currency == currency]
    places = {one.by[used.INTEGRATION] for one in mine}
    slugs = {one.id: one.slug for one in session.exec(select(Integration).where(col(Integration.id).in_(places)))}
    names = keys.keys_by_id(session, organisation, list({one.by[used.KEY] for one in mine}))
    split: dict[str, Callable[[used.Sum], str]] = {
        "Integration": lambda one: slugs.get(one.by[used.INTEGRATION], "gone"),
        "Tool": lambda one: f"{slugs.get(one.by[used.INTEGRATION], 'gone')} · {one.by[used.TOOL]}",
        "Key": lambda one: names[one.by[used.KEY]].name if one.by[used.KEY] in names else "gone",
    }
    return {name: _shares(mine, label, currency) for name, label in split.items()}


def _shares(found: Sequence[used.Sum], label: Callable[[used.Sum], str], currency: str) -> tuple[Share, ...]:
    totals: dict[str, int] = {}
    for one in found:
        totals[label(one)] = totals.get(label(one), 0) + one.nanos
    ordered = sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    rest = sum(nanos for _, nanos in ordered[SHOWN:])
    shown = [*ordered[:SHOWN], *([(f"{len(ordered) - SHOWN} more", rest)] if len(ordered) > SHOWN else [])]
    longest = max([nanos for _, nanos in shown], default=0) or 1
    whole = sum(nanos for _, nanos in shown) or 1
    return tuple(
        Share(
            name, amounts.shown(max(0, nanos), currency=currency), max(0, 100 * nanos // longest), 100 * nanos // whole
        )
        for name, nanos in shown
    )


def _cap(
    session: Session, organisation: Organisation, made: Statement, forecast: Statement | None, currency: str
) -> Cap | None:
    rule = session.exec(
        select(LimitRule)
        .where(LimitRule.organisation_id == organisation.id, LimitRule.measure == SPEND)
        .where(LimitRule.period == periods.MONTH, col(LimitRule.key_id).is_(None))
        .where(col(LimitRule.integration_id).is_(None), LimitRule.tool == "")
        .order_by(col(LimitRule.most))
    ).first()
    if rule is None or rule.most <= 0:
        return None
    spent = _by_use(made)
    ahead = min(100, 100 * _by_use(forecast) // rule.most) if forecast is not None else None
    percent = min(100, 100 * spent // rule.most)
    shown = (amounts.shown(rule.most, currency=currency), amounts.shown(spent, currency=currency))
    return Cap(*shown, percent, ahead)


def _by_use(made: Statement) -> int:
    """What a cap counts: calls, without fees and minimums."""
    return sum(line.nanos for line in made.lines if line.kind in (USAGE, OWN))


def _sum(made: Statement, currency: str) -> str:
    """“$12.00”, or one for each currency. currency: of nothing at all."""
    totals = [(one.subtotal_minor, one.currency) for one in made.totals] or [(0, currency)]
    return " + ".join(amounts.shown_minor(minor, currency=of) for minor, of in totals)
