"""Every limit that a key's calls are held against, who set it, how far it is used, and which decides."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from app.billing import limit_list, watching
from app.core.config import Settings
from app.keys.models import Key
from app.limits import models, rules, wording
from app.limits.models import LimitRule
from app.limits.rules import KEY, Rule
from app.metering.by_key import KeyDay
from app.organisations.models import Organisation
from app.plans import amounts, periods

_AN_HOUR = {periods.SECOND: 3600, periods.MINUTE: 60, periods.HOUR: 1}
SETTERS = {**limit_list.SETTERS, "organisation": "Your organisation"}


@dataclass(frozen=True, slots=True)
class Held:
    """One limit. whose: “this key”, “every key by itself”, “all calls of Acme”. used: in words, "" for rates and
    streams; count: the same in what the rule counts, percent: of it, None for those. decides: whether it is the one
    that calls meet first among those of its kind.
    """

    rule: Rule
    whose: str
    words: str
    set_by: str
    used: str
    count: int | None
    percent: int | None
    decides: bool
    is_own_cap: bool


def of(
    session: Session,
    organisation: Organisation,
    key: Key,
    settings: Settings,
    *,
    days: Iterable[KeyDay],
    currency: str,
    now: datetime,
) -> list[Held]:
    """Caps first, then allowances, rates and streams. days: what the key has used, with all of this month."""
    applying = [rule for rule in limit_list.applying(session, organisation) if rule.key_id in (None, key.id)]
    known = rules.among(session, [rule.id for rule in applying])
    known += limit_list.usual(known, settings)
    names = watching.names_of(session, applying)
    named = {rule.id: _whose(rule, names(rule), organisation) for rule in applying}
    watched = {
        one.rule.id: (one.used, one.used_shown)
        for one in watching.of(session, organisation, currency=currency, now=now)
        if one.rule is not None
    }
    its = _used_by_key(days, now)
    found = []
    for rule in known:
        used = watched.get(rule.id) or _its(rule, its, currency)
        found.append((rule, used))
    first = _first(found)
    held = [_held(rule, used, named.get(rule.id, "every key by itself"), first, currency) for rule, used in found]
    return sorted(held, key=lambda one: (_order(one.rule), one.whose != "this key", one.rule.most))


def _held(rule: Rule, used: tuple[int, str] | None, whose: str, first: set[object], currency: str) -> Held:
    percent = None
    if used is not None and not rule.is_rate:
        percent = 100 if not rule.most else max(0, 100 * used[0] // rule.most)
    return Held(
        rule=rule,
        whose=whose,
        words=wording.limit(rule, currency=currency),
        set_by=SETTERS.get(rule.set_by, "Whoever runs this gateway"),
        used=used[1] if used is not None and not rule.is_rate else "",
        count=used[0] if used is not None and not rule.is_rate else None,
        percent=percent,
        decides=rule.id in first,
        is_own_cap=rule.key_id is not None and rule.set_by == "organisation" and rule.measure == models.SPEND,
    )


def _whose(rule: LimitRule, name: str, organisation: Organisation) -> str:
    if rule.key_id is not None:
        return "this key" if rule.integration_id is None else f"this key, {name.partition(' of ')[2] or name}"
    if rule.per == KEY:
        return "every key by itself" if rule.integration_id is None else name
    whole = rule.organisation_id is not None or rule.per
    return (
        name
        if rule.integration_id is not None
        else f"all calls of {organisation.name}"
        if whole
        else "everybody’s calls"
    )


def _used_by_key(days: Iterable[KeyDay], now: datetime) -> dict[str, tuple[int, int]]:
    """(calls, nanos) of the key in this day and month."""
    found = {}
    days = list(days)
    for period in (periods.DAY, periods.MONTH):
        since = periods.start_of(period, now).date()
        its = [day for day in days if day.day >= since]
        found[period] = (sum(day.calls for day in its), sum(day.amount_nanos for day in its))
    return found


def _its(rule: Rule, used: dict[str, tuple[int, int]], currency: str) -> tuple[int, str] | None:
    """What this key alone has used of a limit that counts each key by itself."""
    if rule.per != KEY or rule.integration_id is not None or rule.period not in used:
        return None
    calls, nanos = used[rule.period]
    if rule.measure == models.SPEND:
        return nanos, amounts.shown(nanos, currency=currency)
    return calls, f"{calls:,} calls"


def _first(found: Iterable[tuple[Rule, tuple[int, str] | None]]) -> set[object]:
    """Ids of the limits that are met first: of each kind the one with the least left, or the lowest."""
    lowest: dict[object, tuple[int, object]] = {}
    for rule, used in found:
        if rule.integration_id is not None or rule.tool or rule.action == models.NOTIFY:
            continue
        so_far = used[0] if used is not None else 0
        left = rule.most * _AN_HOUR[rule.period] if rule.is_rate else rule.most - so_far
        kind = (rule.measure, rule.is_rate)
        if kind not in lowest or left < lowest[kind][0]:
            lowest[kind] = (left, rule.id)
    return {rule_id for _, rule_id in lowest.values()}


def _order(rule: Rule) -> int:
    if rule.measure == models.SPEND:
        return 0
    return 3 if rule.measure == models.STREAMS else 2 if rule.is_rate else 1
