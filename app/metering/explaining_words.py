"""What explanations of calls and of other requests have in common: whose they were, and what they were held against."""

from uuid import UUID

from sqlmodel import Session, select

from app.keys.models import Key
from app.limits import rules as limits_rules
from app.limits import usage
from app.limits.models import LimitRule
from app.organisations.models import Organisation
from app.plans import periods

_USUAL = {usage.short_id(rule_id) for rule_id in (limits_rules.DEFAULT_CALLS, limits_rules.DEFAULT_STREAMS)}


def whose(session: Session, organisation_id: UUID, key_id: UUID) -> str:
    """Such as: acme, with the key “ci” (pst_live_AbCdEfGh…)."""
    organisation, key = session.get(Organisation, organisation_id), session.get(Key, key_id)
    owner = organisation.slug if organisation is not None else str(organisation_id)
    return f"{owner}, with the key {f'“{key.name}” ({key.prefix}…)' if key is not None else key_id}"


def limits(session: Session, rules: str) -> str:
    """rules: short ids, separated by blanks. A sentence."""
    if not rules:
        return "none applied."
    shorts = rules.split()
    usual = [short for short in shorts if short in _USUAL]
    found = [one for one in session.exec(select(LimitRule)) if str(one.id).startswith(tuple(shorts))]
    gone = len(shorts) - len(usual) - len(found)
    said = [rule(one) for one in found]
    said += ["what the installation's settings usually allow each key"] if usual else []
    said += [f"{gone} that {'has' if gone == 1 else 'have'} been deleted since"] if gone > 0 else []
    return f"held against {'; '.join(said)}; all had room."


def rule(one: LimitRule) -> str:
    """Its name, and what it allows."""
    period = f" per {one.period}" if one.period not in ("", periods.EVER) else ""
    return f"“{one.name}” (at most {one.most:,} {one.measure}{period}, set by the {one.set_by})"


def decided_by(session: Session, rule_id: UUID) -> str:
    """The limit that refused something."""
    if usage.short_id(rule_id) in _USUAL:
        return "what the installation's settings usually allow each key"
    found = session.get(LimitRule, rule_id)
    return rule(found) if found is not None else f"{rule_id}, which has been deleted since"
