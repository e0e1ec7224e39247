"""What was decided about one request, by which rule, from which version of the policy: in plain sentences."""

import re
from collections.abc import Iterator
from uuid import UUID

from sqlmodel import Session, col, select

from app.integrations.models import Integration
from app.keys.models import Key
from app.limits import rules as limits
from app.limits import usage
from app.limits.models import LimitRule
from app.metering import attempts, models
from app.metering.models import Attempt, UsageEvent
from app.metering.proof_models import SealedEvent
from app.organisations.models import Organisation
from app.plans import amounts, periods, prices, words
from app.plans import queries as plans
from app.plans.models import PriceVersion

_ENDS = {
    models.OK: "It had a result",
    models.TOOL_ERROR: "The tool ran and reported an error",
    models.PROTOCOL_ERROR: "The integration refused the request",
    models.UPSTREAM_ERROR: "The integration could not be reached, or failed",
    models.TIMEOUT: "The integration took too long",
    models.CANCELLED: "The caller went away before the answer was complete",
}

_MASKED = re.compile(r"([a-z][a-z0-9]{1,9}_(?:live|test)_)……")
"""The readable start of a key, quoted with an ellipsis of its own, as it is once kept (gateway/meter.py: storable)."""
_USUAL = {usage.short_id(rule_id) for rule_id in (limits.DEFAULT_CALLS, limits.DEFAULT_STREAMS)}


def of(session: Session, any_id: str, *, kept_hours: int, addresses: dict[str, str]) -> list[str]:
    """Lines about the receipt or request id `any_id`; empty when nothing is known of it.

    addresses: keys_url, gateway_url and operator, for the words of refusals. kept_hours: how long refused tries are
    kept.
    """
    receipt = any_id.partition(".")[0]
    same = (col(UsageEvent.id) == receipt) | (col(UsageEvent.request_id) == any_id)
    events = session.exec(select(UsageEvent).where(same).order_by(col(UsageEvent.id))).all()
    lines = [line for event in events for line in _event(session, event)]
    attempt = session.get(Attempt, any_id)
    if attempt is not None:
        lines += _attempt(session, attempt, kept_hours=kept_hours, addresses=addresses)
    return lines


def _event(session: Session, event: UsageEvent) -> Iterator[str]:
    integration = session.get(Integration, event.integration_id)
    name = integration.slug if integration is not None else str(event.integration_id)
    yield f"{event.id}: a call of “{event.tool}” of {name}, let in and recorded."
    yield f"  When:    {event.at:%Y-%m-%d %H:%M:%S.%f} UTC, request {event.request_id}."
    yield f"  Whose:   {_whose(session, event.organisation_id, event.key_id)}, as {event.environment}."
    yield f"  Policy:  version {event.policy_version}{_tool_version(event)}."
    yield f"  Limits:  {_limits(session, event)}"
    how = f"{_ENDS[event.status]} ({event.status}{', ' + event.error_class if event.error_class else ''})"
    yield f"  End:     {how}, HTTP {event.http_status}, {event.duration_us / 1000:.1f} ms."
    yield f"  Counted: {event.units} unit(s), {_amount(session, event)}"
    place = session.exec(select(SealedEvent).where(SealedEvent.event_id == event.id)).first()
    yield f"  Proof:   {f'place {place.seq} of its chain' if place is not None else 'not sealed yet'}."


def _attempt(session: Session, attempt: Attempt, *, kept_hours: int, addresses: dict[str, str]) -> Iterator[str]:
    told = attempts.explain(attempt.reason, path=attempt.path, **addresses)
    yield f"{attempt.id}: refused with HTTP {attempt.http_status}, and not charged ({attempt.reason})."
    yield f"  When:    {attempt.at:%Y-%m-%d %H:%M:%S.%f} UTC."
    if attempt.organisation_id is not None and attempt.key_id is not None:
        yield f"  Whose:   {_whose(session, attempt.organisation_id, attempt.key_id)}."
    of_tool = f" of “{attempt.tool}”" if attempt.tool else ""
    yield f"  Asked:   {attempt.method or 'a request'}{of_tool} at {attempt.path}."
    yield f"  Policy:  version {attempt.policy_version}."
    yield f"  Why:     {_why(told.title, attempt)}"
    if attempt.rule_id is not None:
        rule = session.get(LimitRule, attempt.rule_id)
        yield f"  Rule:    {_rule(rule) if rule is not None else f'{attempt.rule_id}, which has been deleted since'}."
    yield f"  To do:   {told.what_to_do}"
    yield f"  Refused requests are kept for {kept_hours} hours."


def _why(title: str, attempt: Attempt) -> str:
    """One sentence or more, each with its full stop. A masked key is shown by its readable start, if that was kept."""
    detail = _MASKED.sub(f"{attempt.key_hint}…" if attempt.key_hint else r"\1…", attempt.detail)
    said = f"{title}: {detail}" if detail else title
    return said if said.endswith((".", "!", "?")) else said + "."


def _whose(session: Session, organisation_id: UUID, key_id: UUID) -> str:
    organisation, key = session.get(Organisation, organisation_id), session.get(Key, key_id)
    owner = organisation.slug if organisation is not None else str(organisation_id)
    return f"{owner}, with the key {f'“{key.name}” ({key.prefix}…)' if key is not None else key_id}"


def _tool_version(event: UsageEvent) -> str:
    return f", tool definition {event.tool_version}" if event.tool_version else ""


def _limits(session: Session, event: UsageEvent) -> str:
    if not event.rules:
        return "none applied."
    shorts = event.rules.split()
    usual = [short for short in shorts if short in _USUAL]
    rules = [rule for rule in session.exec(select(LimitRule)) if str(rule.id).startswith(tuple(shorts))]
    gone = len(shorts) - len(usual) - len(rules)
    said = [_rule(rule) for rule in rules]
    said += ["what the installation's settings usually allow each key"] if usual else []
    said += [f"{gone} that {'has' if gone == 1 else 'have'} been deleted since"] if gone > 0 else []
    return f"held against {'; '.join(said)}; all had room."


def _rule(rule: LimitRule) -> str:
    period = f" per {rule.period}" if rule.period not in ("", periods.EVER) else ""
    return f"“{rule.name}” (at most {rule.most:,} {rule.measure}{period}, set by the {rule.set_by})"


def _amount(session: Session, event: UsageEvent) -> str:
    if event.price_version_id is None:
        return "free: no price was in force." if event.environment == "live" else "free: test keys cost nothing."
    price = session.get(PriceVersion, event.price_version_id)
    shown = amounts.shown(event.amount_nanos, currency=event.currency)
    since = f" in force since {price.effective_at:%Y-%m-%d %H:%M:%S} UTC" if price is not None else ""
    said = f"{shown}, by the price version {event.price_version_id}{since}."
    if price is None or price.plan_version_id is None:
        return said
    offer = plans.offer_of(session, price.plan_version_id)
    whose = f" It is the charge “{price.charge}” of the plan “{offer.document.name}”, version {offer.version.number}"
    components = prices.components_of(price)
    costs = [words.scheme(scheme, metric, currency=price.currency) for metric, scheme in components.items()]
    return f"{said}{whose}: {'; '.join(costs)}."
