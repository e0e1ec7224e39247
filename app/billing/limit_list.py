"""Everything that limits an organisation, as its page shows it: what it set itself, and what others have set."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from app.billing import watching
from app.billing.watching import Watched
from app.core import moments
from app.core.config import Settings
from app.limits import entitlements, models, raises, rules, wording
from app.limits.models import LimitRule
from app.limits.raise_models import LimitRaise
from app.limits.rules import OPERATOR, ORGANISATION, Rule
from app.organisations.models import Organisation

ALL = "all"
ACTIONS = {
    models.STOP: "Stop: calls that would go beyond it are refused",
    models.SLOW: f"Slow down: {models.SLOW_PER_MINUTE} calls a minute go on",
    models.NOTIFY: "Only notify: calls go on",
}
SETTERS = {"plan": "Your plan", OPERATOR: "Whoever runs this gateway", models.BILLING: "An invoice that is not paid"}


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit. words: “$50.00 a month”. watched: how far it is used; None where each key counts by itself, and for
    rates. binds: whether none for the same calls and the same time is lower.
    """

    rule: Rule
    whose: str
    words: str
    set_by: str
    watched: Watched | None
    binds: bool


def own(session: Session, organisation: Organisation, *, currency: str, now: datetime) -> list[Watched]:
    """Caps that the organisation set itself, oldest first."""
    found = watching.of(session, organisation, currency=currency, now=now)
    return [one for one in found if one.rule is not None and one.is_cap and one.rule.set_by == "organisation"]


def others(
    session: Session, organisation: Organisation, settings: Settings, *, currency: str, now: datetime
) -> list[Limit]:
    """What others have set for its calls: its plan, and whoever runs the gateway, for it or for everybody."""
    found = [rule for rule in applying(session, organisation) if rule.set_by != "organisation"]
    watched = {
        one.rule.id: one
        for one in watching.of(session, organisation, currency=currency, now=now)
        if one.rule is not None
    }
    names = watching.names_of(session, found)
    named = {rule.id: names(rule) for rule in found}
    known = rules.among(session, [rule.id for rule in found])
    known += usual(known, settings)
    lows = _lowest(session, organisation, known)
    given = {(one.measure, one.period, one.most): one for one in raises.in_force(session, organisation.id, at=now)}
    limits = [
        Limit(
            rule=rule,
            whose=named.get(rule.id, "all calls, each key by itself"),
            words=wording.limit(rule, currency=currency),
            set_by=_setter(rule, given.get((rule.measure, rule.period, rule.most))),
            watched=watched.get(rule.id),
            binds=rule.most <= lows[_kind(rule)],
        )
        for rule in known
    ]
    return sorted(limits, key=lambda limit: (limit.rule.is_rate, limit.rule.measure, limit.whose, limit.rule.most))


def _setter(rule: Rule, given: LimitRaise | None) -> str:
    """given: what raises the plan's limits of this measure and period to this very number, if anything does."""
    if rule.set_by == entitlements.PLAN and given is not None:
        return f"{SETTERS[OPERATOR]}, above your plan, until {moments.day(given.ends_at)}"
    return SETTERS.get(rule.set_by, SETTERS[OPERATOR])


def value_of(rule: LimitRule) -> str:
    """What the form's “For” says of it."""
    if rule.key_id is not None:
        return f"key:{rule.key_id}"
    return f"integration:{rule.integration_id}" if rule.integration_id is not None else ALL


def applying(session: Session, organisation: Organisation) -> list[LimitRule]:
    everybody = (
        select(LimitRule)
        .where(col(LimitRule.organisation_id).is_(None), col(LimitRule.key_id).is_(None))
        .where(LimitRule.per != ORGANISATION)  # those are among its own
        .order_by(col(LimitRule.created_at), col(LimitRule.id))
    )
    return [*watching.rules_of(session, organisation), *session.exec(everybody)]


def usual(known: Iterable[Rule], settings: Settings) -> list[Rule]:
    """What the settings allow each key, where no operator has said otherwise for all of the organisation's calls."""
    by_operator = {
        (rule.measure, rule.is_rate)
        for rule in known
        if rule.set_by == OPERATOR and rule.key_id is None and rule.integration_id is None and not rule.tool
    }
    found = rules.defaults(calls_per_minute=settings.key_calls_per_minute, streams=settings.key_streams)
    return [rule for rule in found if (rule.measure, rule.is_rate) not in by_operator]


def _lowest(session: Session, organisation: Organisation, known: Iterable[Rule]) -> dict[object, int]:
    """The lowest of each kind, also counting what the organisation set itself."""
    mine = [rule.id for rule in watching.rules_of(session, organisation) if rule.set_by == "organisation"]
    found: dict[object, int] = {}
    for rule in [*known, *rules.among(session, mine)]:
        if rule.action == models.STOP:
            found[_kind(rule)] = min(found.get(_kind(rule), rule.most), rule.most)
    return found


def _kind(rule: Rule) -> tuple[object, ...]:
    counted_for = rule.key_id or rule.per or "organisation"
    return (rule.measure, rule.period, counted_for, rule.integration_id, rule.tool)
