"""What was decided about one request, by which rule, from which version of the policy: in plain sentences."""

from collections.abc import Iterator

from sqlmodel import Session, col, select

from app.integrations.models import Integration
from app.metering import explaining_requests, explaining_words, models
from app.metering.models import UsageEvent
from app.metering.proof_models import SealedEvent
from app.plans import amounts, prices, words
from app.plans import queries as plans
from app.plans.models import PriceVersion

ENDS = {
    models.OK: "It had a result",
    models.TOOL_ERROR: "The tool ran and reported an error",
    models.PROTOCOL_ERROR: "The integration refused the request",
    models.UPSTREAM_ERROR: "The integration could not be reached, or failed",
    models.TIMEOUT: "The integration took too long",
    models.CANCELLED: "The caller went away before the answer was complete",
}
"""How a call ended, without a full stop."""


def of(session: Session, any_id: str, *, kept_hours: int, addresses: dict[str, str]) -> list[str]:
    """Lines about the receipt or request id `any_id`; empty when nothing is known of it.

    addresses: keys_url, gateway_url and operator, for the words of refusals. kept_hours: how long what makes no event
    is kept.
    """
    receipt = any_id.partition(".")[0]
    same = (col(UsageEvent.id) == receipt) | (col(UsageEvent.request_id) == any_id)
    events = session.exec(select(UsageEvent).where(same).order_by(col(UsageEvent.id))).all()
    lines = [line for event in events for line in _event(session, event)]
    return lines or list(explaining_requests.of(session, any_id, kept_hours=kept_hours, addresses=addresses))


def place_of(session: Session, event: UsageEvent) -> int | None:
    """Its place in its organisation's chain; None while it has none."""
    return session.exec(select(SealedEvent.seq).where(SealedEvent.event_id == event.id)).first()


def amount(session: Session, event: UsageEvent) -> str:
    """What it cost and by which price, in sentences."""
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


def _event(session: Session, event: UsageEvent) -> Iterator[str]:
    integration = session.get(Integration, event.integration_id)
    name = integration.slug if integration is not None else str(event.integration_id)
    yield f"{event.id}: a call of “{event.tool}” of {name}, let in and recorded."
    yield f"  When:    {event.at:%Y-%m-%d %H:%M:%S.%f} UTC, request {event.request_id}."
    yield f"  Whose:   {explaining_words.whose(session, event.organisation_id, event.key_id)}, as {event.environment}."
    yield f"  Policy:  version {event.policy_version}{_tool_version(event)}."
    whose = {"organisation_id": event.organisation_id, "key_id": event.key_id}
    yield f"  Limits:  {explaining_words.limits(session, event.rules, **whose, at=event.at)}"
    how = f"{ENDS[event.status]} ({event.status}{', ' + event.error_class if event.error_class else ''})"
    yield f"  End:     {how}, HTTP {event.http_status}, {event.duration_us / 1000:.1f} ms."
    yield f"  Counted: {event.units} unit(s), {amount(session, event)}"
    seq = place_of(session, event)
    yield f"  Proof:   {f'place {seq} of its chain' if seq is not None else 'not sealed yet'}."


def _tool_version(event: UsageEvent) -> str:
    return f", tool definition {event.tool_version}" if event.tool_version else ""
