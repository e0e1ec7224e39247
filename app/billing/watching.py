"""What an organisation may use up within a day or month, and how far it has: caps, allowances and free units.

Used is what the ledger's totals say, the same figures as on every other page; so caps that only notify are known too.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, or_, select

from app.integrations.models import Integration
from app.keys.models import Key
from app.limits import models as limits
from app.limits.models import LimitRule
from app.limits.rules import KEY, ORGANISATION
from app.metering.models import UsageDay, UsageMonth
from app.organisations.models import Organisation
from app.plans import amounts, metrics, periods, prices, rating
from app.plans import queries as plans
from app.plans.models import UsageCharge
from app.plans.queries import Standing

FREE_UNITS = "free units"
EVERYTHING = "all calls"


@dataclass(frozen=True, slots=True)
class Watched:
    """place: names it as long as it is the same calls' limit by the same hand. whose: which calls, “all calls”, “the
    key “ci””. measure: as LimitRule's, or FREE_UNITS. unit: what is counted, for people; "" for money. rule: None for
    free units. most, used: calls, units of a metric, or nano-minor-units of currency.
    """

    place: str
    whose: str
    measure: str
    period: str
    begins_at: datetime
    ends_at: datetime
    most: int
    used: int
    unit: str
    currency: str
    rule: LimitRule | None

    @property
    def percent(self) -> int:
        """Rounded down, so that 100 is reached."""
        return 100 if not self.most else max(0, 100 * self.used // self.most)

    @property
    def most_shown(self) -> str:
        """“$50.00”, “10,000 calls”."""
        return self._shown(self.most)

    @property
    def used_shown(self) -> str:
        """The same of what is used."""
        return self._shown(max(0, self.used))

    @property
    def progress(self) -> str:
        """“$25.00 of $50.00”, “800 of 1,000 calls”, “All 1,000 free calls used”."""
        if self.is_free and self.used >= self.most:
            return f"All {self.most_shown} used"
        return f"{self.used_shown.removesuffix(f' {self.unit}')} of {self.most_shown}"

    @property
    def is_free(self) -> bool:
        """Whether calls simply begin to cost something when it is used up."""
        return self.measure == FREE_UNITS

    @property
    def is_cap(self) -> bool:
        """Whether it is about money."""
        return self.measure == limits.SPEND

    def _shown(self, number: int) -> str:
        return amounts.shown(number, currency=self.currency) if self.is_cap else f"{number:,} {self.unit}"


@dataclass(frozen=True, slots=True)
class _Group:
    """What one key has used of one tool: units and nanos, in the month and of that today."""

    key_id: UUID
    integration_id: UUID
    tool: str
    month: tuple[int, int]
    day: tuple[int, int]


def of(session: Session, organisation: Organisation, *, currency: str, now: datetime) -> list[Watched]:
    """Caps and allowances in the order they were set, then free units. currency: what the organisation pays in."""
    rules = rules_of(session, organisation)
    names = names_of(session, rules)
    counted = [rule for rule in rules if rule.period in (periods.DAY, periods.MONTH) and _is_summed(rule)]
    whole = _whole_month(session, organisation.id, now)
    parts = _parts(session, organisation.id, counted, now)
    found = []
    for rule in counted:
        units, nanos = whole if _is_whole_month(rule) else _sum(rule, parts)
        used = nanos if rule.measure == limits.SPEND else units
        found.append(_of_rule(rule, names(rule), used, currency=currency, now=now))
    return found + _free(session, organisation, now=now)


def rules_of(session: Session, organisation: Organisation) -> list[LimitRule]:
    """The organisation's own limits and those of its keys, and what each organisation may use by itself; whoever set
    them, oldest first; not its credit.
    """
    its_keys = sa.select(col(Key.id)).where(col(Key.organisation_id) == organisation.id)
    of_each = sa.and_(col(LimitRule.organisation_id).is_(None), col(LimitRule.per) == ORGANISATION)
    statement = (
        select(LimitRule)
        .where(or_(col(LimitRule.organisation_id) == organisation.id, col(LimitRule.key_id).in_(its_keys), of_each))
        .where(LimitRule.period != periods.EVER)
        .order_by(col(LimitRule.created_at), col(LimitRule.id))
    )
    return list(session.exec(statement))


def names_of(session: Session, rules: Sequence[LimitRule]) -> Callable[[LimitRule], str]:
    """Which calls each of these selects, in words: “all calls”, “the key “ci””, “greet of “Sampler””."""
    keys = {rule.key_id for rule in rules if rule.key_id is not None}
    places = {rule.integration_id for rule in rules if rule.integration_id is not None}
    key_names = dict(session.exec(select(Key.id, Key.name).where(col(Key.id).in_(keys))).all()) if keys else {}
    statement = select(Integration.id, Integration.name).where(col(Integration.id).in_(places))
    place_names = dict(session.exec(statement).all()) if places else {}

    def name(rule: LimitRule) -> str:
        parts = [f"the key “{key_names[rule.key_id]}”"] if rule.key_id in key_names else []
        parts += [f"“{rule.tool}”"] if rule.tool else []
        parts += [f"“{place_names[rule.integration_id]}”"] if rule.integration_id in place_names else []
        found = " of ".join(parts) if parts else EVERYTHING
        return f"{found}, each key by itself" if not _is_summed(rule) else found

    return name


def currency_of(standing: Standing | None, *, usual: str) -> str:
    """What an organisation pays in. usual: the installation's currency."""
    held = standing.subscription if standing is not None else None
    return (held.currency if held is not None else "") or usual


def _is_summed(rule: LimitRule) -> bool:
    """Whether one figure says how far it is used: not where each key is counted by itself."""
    return rule.per != KEY or rule.key_id is not None


def _is_whole_month(rule: LimitRule) -> bool:
    """Whether the organisation's running total of the month is all that it needs."""
    return rule.period == periods.MONTH and not (rule.key_id or rule.integration_id or rule.tool)


def _selects(rule: LimitRule) -> tuple[UUID | None, UUID | None, str | None]:
    """Key, integration and tool; None for all."""
    return rule.key_id, rule.integration_id, rule.tool or None


def _sum(rule: LimitRule, parts: Iterable[_Group]) -> tuple[int, int]:
    """(units, nanos) of what the rule selects."""
    selects = _selects(rule)
    units = nanos = 0
    for group in parts:
        place = (group.key_id, group.integration_id, group.tool)
        if all(wanted in (None, found) for wanted, found in zip(selects, place, strict=True)):
            more = group.day if rule.period == periods.DAY else group.month
            units, nanos = units + more[0], nanos + more[1]
    return units, nanos


def _of_rule(rule: LimitRule, whose: str, used: int, *, currency: str, now: datetime) -> Watched:
    begins_at = periods.start_of(rule.period, now)
    return Watched(
        place=" ".join([rule.measure, rule.period, rule.set_by, *[str(part or "-") for part in _selects(rule)]]),
        whose=whose,
        measure=rule.measure,
        period=rule.period,
        begins_at=begins_at,
        ends_at=periods.end_of(rule.period, begins_at),
        most=rule.most,
        used=used,
        unit="" if rule.measure == limits.SPEND else metrics.WORDS[metrics.CALLS][1],
        currency=currency,
        rule=rule,
    )


def _whole_month(session: Session, organisation_id: UUID, now: datetime) -> tuple[int, int]:
    """(units, nanos) of everything: one row."""
    place = (organisation_id, periods.start_of(periods.MONTH, now))
    found = session.get(UsageMonth, place, populate_existing=True)
    return (found.units, found.amount_nanos) if found is not None else (0, 0)


def _parts(session: Session, organisation_id: UUID, rules: Iterable[LimitRule], now: datetime) -> list[_Group]:
    """One statement over daily totals, however many limits: of the month if any needs it, else of the day."""
    partial = {rule.period for rule in rules if not _is_whole_month(rule)}
    if not partial:
        return []
    day_at = periods.start_of(periods.DAY, now)
    since = periods.start_of(periods.MONTH if periods.MONTH in partial else periods.DAY, now)
    is_today = col(UsageDay.day_at) >= day_at
    sums: list[ColumnElement[int]] = []
    for column in (col(UsageDay.units), col(UsageDay.amount_nanos)):
        sums += [func.sum(column), func.sum(sa.case((is_today, column), else_=0))]
    places = (col(UsageDay.key_id), col(UsageDay.integration_id), col(UsageDay.tool))
    statement = (
        sa.select(*places, *sums)
        .where(col(UsageDay.organisation_id) == organisation_id, col(UsageDay.day_at) >= since)
        .where(col(UsageDay.day_at) < periods.end_of(periods.DAY, day_at))
        .group_by(*places)
    )
    return [
        _Group(key_id, integration_id, tool, (int(units), int(nanos)), (int(units_today), int(nanos_today)))
        for key_id, integration_id, tool, units, units_today, nanos, nanos_today in session.execute(statement)
    ]


def _free(session: Session, organisation: Organisation, *, now: datetime) -> list[Watched]:
    """What the plan in force gives each month before its prices begin."""
    held = plans.subscription_at(session, organisation.id, now)
    if held is None or not held.currency:
        return []
    month_at = periods.start_of(periods.MONTH, now)
    found = []
    for version in plans.prices_of(session, [held.plan_version_id], currency=held.currency):
        for metric, scheme in prices.components_of(version).items():
            if not (most := _free_units(scheme)):
                continue
            counted = session.get(UsageCharge, (organisation.id, month_at, version.id, metric), populate_existing=True)
            found.append(
                Watched(
                    place=f"free {version.id} {metric}",
                    whose="calls that your plan prices",
                    measure=FREE_UNITS,
                    period=periods.MONTH,
                    begins_at=month_at,
                    ends_at=periods.end_of(periods.MONTH, month_at),
                    most=most,
                    used=counted.quantity if counted is not None else 0,
                    unit=f"free {metrics.WORDS[metric][1]}",
                    currency=held.currency,
                    rule=None,
                )
            )
    return found


def _free_units(scheme: rating.Scheme) -> int:
    """Stated as such, or a first tier that costs nothing."""
    first = scheme.tiers[0] if scheme.kind == rating.GRADUATED and scheme.tiers else None
    is_free = first is not None and first.up_to is not None and not first.nanos_per_unit and not first.flat_nanos
    return scheme.free + (first.up_to if is_free and first is not None and first.up_to is not None else 0)
