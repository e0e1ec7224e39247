"""What explanations of calls and of other requests have in common: whose they were, and what they were held against."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, or_, select

from app.keys.models import Key
from app.limits import models as limits_models
from app.limits import rules as limits_rules
from app.limits import usage, wording
from app.limits.models import LimitRule
from app.limits.rules import Rule
from app.organisations.models import Organisation
from app.plans import queries as plans

_USUAL = {usage.short_id(rule_id) for rule_id in (limits_rules.DEFAULT_CALLS, limits_rules.DEFAULT_STREAMS)}
_WHAT_IS_USUAL = "what the installation’s settings usually allow each key"
_SETTERS = {
    "organisation": "the organisation",
    "operator": "the operator",
    "plan": "the plan",
    limits_models.WALLET: "prepaid credit",
    limits_models.BILLING: "an invoice that is not paid",
}


def whose(session: Session, organisation_id: UUID, key_id: UUID) -> str:
    """Such as: acme, with the key “ci” (pst_live_AbCdEfGh…)."""
    organisation, key = session.get(Organisation, organisation_id), session.get(Key, key_id)
    owner = organisation.slug if organisation is not None else str(organisation_id)
    return f"{owner}, with the key {f'“{key.name}” ({key.prefix}…)' if key is not None else key_id}"


def limits(session: Session, rules: str, *, organisation_id: UUID, key_id: UUID, at: datetime) -> str:
    """What a call was held against, as a sentence. rules: short ids, separated by blanks."""
    said = each_limit(session, rules, organisation_id=organisation_id, key_id=key_id, at=at)
    return f"held against {'; '.join(said)}; all had room." if said else "none applied."


def each_limit(session: Session, rules: str, *, organisation_id: UUID, key_id: UUID, at: datetime) -> list[str]:
    """The same one by one, without full stops. Rules are told as they are now."""
    shorts = tuple(rules.split())
    if not shorts:
        return []
    its = select(LimitRule.id).where(
        or_(col(LimitRule.organisation_id).is_(None), col(LimitRule.organisation_id) == organisation_id),
        or_(col(LimitRule.key_id).is_(None), col(LimitRule.key_id) == key_id),
    )
    found = limits_rules.among(session, [one for one in session.exec(its) if str(one).startswith(shorts)])
    currency = _currency_of(session, organisation_id, at)
    usual = _USUAL.intersection(shorts)
    said = [rule(one, currency=currency) for one in found]
    said += [_WHAT_IS_USUAL] if usual else []
    gone = len(shorts) - len(usual) - len(found)
    said += [f"{gone} that {'has' if gone == 1 else 'have'} been deleted since"] if gone > 0 else []
    return said


def rule(one: Rule, *, currency: str) -> str:
    """What it allows, who set it, and its name. currency: "" where none is known."""
    is_unsaid = one.measure == limits_models.SPEND and not currency
    words = "a limit on spending" if is_unsaid else wording.limit(one, currency=currency)
    return f"{words}, set by {_SETTERS.get(one.set_by, one.set_by)} (“{one.name}”)"


def decided_by(session: Session, rule_id: UUID, *, organisation_id: UUID | None, at: datetime) -> str:
    """The limit that refused something."""
    if usage.short_id(rule_id) in _USUAL:
        return _WHAT_IS_USUAL
    currency = _currency_of(session, organisation_id, at) if organisation_id is not None else ""
    for found in limits_rules.among(session, [rule_id]):
        return rule(found, currency=currency)
    return f"{rule_id}, which has been deleted since"


def _currency_of(session: Session, organisation_id: UUID, at: datetime) -> str:
    found = plans.subscription_at(session, organisation_id, at)
    return found.currency if found is not None else ""
