"""What has run out, so that calls are refused for it: a cap, an allowance, or credit."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from app.billing import watching
from app.billing.watching import EVERYTHING
from app.limits import models, wording
from app.limits.models import LimitCounter, LimitRule
from app.limits.rules import ORGANISATION, Rule
from app.metering import attempts
from app.metering.models import Attempt
from app.organisations.models import Organisation
from app.plans import periods

LATELY = timedelta(hours=1)
NEARLY = 90
"""Percent: a refused call may have cost more than was left, and whoever has raised the limit is told no more."""
CREDIT, CAP, PLAN, FREE, OTHERS = "credit", "cap", "plan", "free", "others"


@dataclass(frozen=True, slots=True)
class UsedUp:
    """whose: “credit”, the organisation's own “cap”, the “plan”, a “free” plan that never bills, or one of “others”.
    words: “$50.00 a month”, “$5.00 a day for the key “ci””. until: when it begins anew; None for what never does by
    itself. others: words of the organisation's other caps that are reached, oldest first, where it is one.
    """

    whose: str
    words: str
    until: datetime | None
    others: tuple[str, ...] = ()


def used_up(session: Session, organisation: Organisation, *, currency: str, now: datetime) -> UsedUp | None:
    """What last refused a call of it, lately, if that is still so. Two look-ups by key where there is nothing."""
    where = (Attempt.organisation_id == organisation.id, Attempt.at > now - LATELY)
    reasons = col(Attempt.reason).in_((attempts.CAP_REACHED, attempts.ALLOWANCE_USED))
    newest = select(Attempt.rule_id).where(*where, reasons).order_by(col(Attempt.at).desc()).limit(1)
    rule_id = session.exec(newest).first()
    rule = session.get(LimitRule, rule_id) if rule_id is not None else None
    if rule is None or not _is_full(session, rule, now):
        return None
    is_final = rule.period == periods.EVER or rule.most == 0
    until = None if is_final else periods.end_of(rule.period, periods.start_of(rule.period, now))
    whose = {models.WALLET: CREDIT, ORGANISATION: CAP, "plan": PLAN}.get(rule.set_by, OTHERS)
    if whose == PLAN and rule.measure == models.SPEND:
        whose = FREE
    more = _other_caps(session, organisation, rule, now) if whose == CAP else []
    names = watching.names_of(session, [rule, *more])
    words = [_words(one, names(one), currency) for one in (rule, *more)]
    return UsedUp(whose, words[0], until, tuple(words[1:]))


def _other_caps(session: Session, organisation: Organisation, rule: LimitRule, now: datetime) -> list[LimitRule]:
    """Those that refuse calls just now, besides the one that refused the last."""
    return [
        one
        for one in watching.rules_of(session, organisation)
        if one.set_by == ORGANISATION
        and one.action == models.STOP
        and one.id != rule.id
        and _is_full(session, one, now)
    ]


def _words(rule: LimitRule, whose: str, currency: str) -> str:
    said = wording.limit(_as_rule(rule), currency=currency)
    return said if whose == EVERYTHING else f"{said} for {whose}"


def _is_full(session: Session, rule: LimitRule, now: datetime) -> bool:
    start_at = periods.BEGINNING if rule.period == periods.EVER else periods.start_of(rule.period, now)
    where = (LimitCounter.rule_id == rule.id, LimitCounter.period_at == start_at)
    taken = [one.spent + one.reserved for one in session.exec(select(LimitCounter).where(*where))]
    return rule.most == 0 or 100 * max(taken, default=0) >= NEARLY * rule.most


def _as_rule(rule: LimitRule) -> Rule:
    return Rule(**{name: getattr(rule, name) for name in Rule.__dataclass_fields__})
