"""All that is kept about one call, or about a request that came to none: what the page of it shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, func, or_
from sqlmodel import Session, col, select

from app.core import ids
from app.core.errors import NotFound
from app.integrations.models import Integration, Tool
from app.keys import owners, rotation, seen
from app.keys.models import Key
from app.keys.seen_models import KeySighting
from app.metering import attempts, checks, crowds, explaining, explaining_requests
from app.metering.checks import Check
from app.metering.models import Attempt, Crowd, UsageEvent
from app.organisations.models import Organisation
from app.plans import metrics, prices, words
from app.plans.models import PriceVersion

PLACES = 3
TOGETHER = timedelta(minutes=1)
"""Within it a request's id and its call's receipt are made."""
RELATED_WITHIN = timedelta(hours=1)
RELATED = 20


@dataclass(frozen=True, slots=True)
class Charged:
    """A metric that a call was charged for: “calls”, how many, “$0.002 per call”."""

    what: str
    quantity: int
    price: str


@dataclass(frozen=True, slots=True)
class Whose:
    """The key of a call. secret: the hint of the one that was the key's own then. places: where it was in use around
    that moment; which of them the call came from is kept nowhere.
    """

    key: Key
    secret: str
    owner: str
    places: Sequence[KeySighting]


@dataclass(frozen=True, slots=True)
class OneCall:
    """whose, integration: None for what is gone. ended: a sentence. cost: how the amount came about, in sentences.
    seq: its place in the chain, None while it has none. related: other calls of the same request, and of the same
    Idempotency-Key shortly before and after; replays: how often a retry was answered with its answer, as far as that
    is kept.
    """

    event: UsageEvent
    whose: Whose | None
    integration: Integration | None
    definition: str
    ended: str
    checks: Sequence[Check]
    price: PriceVersion | None
    charged: Sequence[Charged]
    cost: str
    seq: int | None
    related: Sequence[UsageEvent]
    replays: int

    @property
    def gateway_us(self) -> int:
        """What of its time was the gateway's own; the rest the integration's."""
        return max(0, self.event.duration_us - self.event.upstream_us)

    @property
    def upstream_per_mille(self) -> int:
        """The integration's share of its time; 0 for a call that took none."""
        took_us = max(self.event.duration_us, self.event.upstream_us)
        return (1000 * self.event.upstream_us + took_us // 2) // took_us if took_us > 0 else 0


@dataclass(frozen=True, slots=True)
class OneRequest:
    """A request that made no call. title: what happened. what_to_do: "" where there is nothing. until, count: of those
    alike that are kept together, itself included. call: of a retry, the receipt of the call that it repeats; else "".
    """

    id: str
    at: datetime
    until: datetime
    count: int
    is_refused: bool
    title: str
    what_to_do: str
    checks: Sequence[Check]
    reason: str
    http_status: int
    method: str
    tool: str
    path: str
    policy_version: int
    is_about_limits: bool
    whose: Whose | None
    call: str


def found(session: Session, organisation: Organisation, any_id: str) -> UsageEvent | Attempt | Crowd:
    """What a receipt (with or without its signature) or a request's id names, if it is the organisation's.

    Raises NotFound, for somebody else's as well.
    """
    name = any_id.partition(".")[0]
    one: UsageEvent | Attempt | Crowd | None = None
    if name.startswith("rcp_"):
        one = session.get(UsageEvent, name)
    elif name.startswith("req_"):
        one = _call_of_request(session, organisation, name) or explaining_requests.kept(session, name)
    if one is None or one.organisation_id != organisation.id:
        raise NotFound(
            "There is no such call in your ledger. Calls are kept for good; what was refused or free only for a while."
        )
    return one


def of_event(session: Session, event: UsageEvent) -> OneCall:
    """A call of the ledger."""
    price = session.get(PriceVersion, event.price_version_id) if event.price_version_id is not None else None
    tool = session.exec(select(Tool).where(Tool.integration_id == event.integration_id, Tool.name == event.tool))
    approved = tool.first()
    return OneCall(
        event=event,
        whose=_whose(session, session.get(Key, event.key_id), event.at),
        integration=session.get(Integration, event.integration_id),
        definition=approved.definition if approved is not None else "",
        ended=f"{explaining.ENDS[event.status]}.",
        checks=checks.of_event(session, event),
        price=price,
        charged=_charged(event, price) if price is not None else (),
        cost=explaining.amount(session, event),
        seq=explaining.place_of(session, event),
        related=_related(session, event),
        replays=_replays(session, event) if event.idempotency_digest else 0,
    )


def of_request(session: Session, one: Attempt | Crowd, request_id: str, *, addresses: dict[str, str]) -> OneRequest:
    """A request that was refused, free, or not made. addresses: as for explaining.of."""
    is_refused = explaining_requests.is_refused(one)
    if is_refused:
        told = attempts.explain(one.reason, path=one.path or "that address", **addresses)
        title, what_to_do = attempts.title_of(one.reason), told.what_to_do
        looked_at = checks.of_refused(one, _why(session, told.title, one))
    else:
        assert isinstance(one, Crowd)  # only those are kept of what was let in
        title = explaining_requests.DECIDED[one.decision]
        title, what_to_do = title[:1].upper() + title[1:], explaining_requests.why_not_made(one)
        looked_at = []
    return OneRequest(
        id=request_id,
        at=one.at,
        until=one.last_at if isinstance(one, Crowd) else one.at,
        count=one.count if isinstance(one, Crowd) else 1,
        is_refused=is_refused,
        title=title,
        what_to_do=what_to_do[:1].upper() + what_to_do[1:],
        checks=looked_at,
        reason=one.reason,
        http_status=one.http_status,
        method=one.method,
        tool=one.tool,
        path=one.path,
        policy_version=one.policy_version,
        is_about_limits=one.rule_id is not None,
        whose=_whose(session, session.get(Key, one.key_id) if one.key_id is not None else None, one.at),
        call=one.receipt if isinstance(one, Crowd) and one.decision == crowds.REPLAYED else "",
    )


def _why(session: Session, title: str, one: Attempt | Crowd) -> str:
    why = explaining_requests.why(title, one)
    if one.rule_id is None:
        return why
    return f"{why} It was held against {explaining_requests.rule_of(session, one, one.rule_id)}."


def _whose(session: Session, key: Key | None, at: datetime) -> Whose | None:
    if key is None:
        return None
    owner = owners.names_of(session, [key])[key.id]
    return Whose(key, rotation.hint_at(session, key, at), owner, seen.places_at(session, key.id, at, limit=PLACES))


def _charged(event: UsageEvent, price: PriceVersion) -> list[Charged]:
    row = event.model_dump()
    return [
        Charged(
            metrics.WORDS[metric][1],
            metrics.billable(metric, row, most=price.max_per_call.get(metric)),
            words.scheme(scheme, metric, currency=price.currency),
        )
        for metric, scheme in prices.components_of(price).items()
    ]


def _call_of_request(session: Session, organisation: Organisation, request_id: str) -> UsageEvent | None:
    try:
        at = ids.moment_of(request_id)
    except ValueError:
        return None
    statement = (
        select(UsageEvent)
        .where(UsageEvent.organisation_id == organisation.id, UsageEvent.request_id == request_id)
        .where(col(UsageEvent.id) >= ids.lowest_receipt(at - TOGETHER))
        .where(col(UsageEvent.id) < ids.lowest_receipt(at + TOGETHER))
        .order_by(col(UsageEvent.id))
    )
    return session.exec(statement).first()


def _related(session: Session, event: UsageEvent) -> list[UsageEvent]:
    """Oldest first: what took it back, or what it takes back; other tries of the same."""
    at = ids.moment_of(event.id)
    same = col(UsageEvent.request_id) == event.request_id
    if event.idempotency_digest:
        is_its_key = col(UsageEvent.key_id) == event.key_id
        same = or_(same, and_(is_its_key, col(UsageEvent.idempotency_digest) == event.idempotency_digest))
    statement = (
        select(UsageEvent)
        .where(UsageEvent.organisation_id == event.organisation_id, UsageEvent.id != event.id, same)
        .where(col(UsageEvent.id) >= ids.lowest_receipt(at - RELATED_WITHIN))
        .where(col(UsageEvent.id) < ids.lowest_receipt(at + RELATED_WITHIN))
        .order_by(col(UsageEvent.id))
        .limit(RELATED)
    )
    return list(session.exec(statement))


def _replays(session: Session, event: UsageEvent) -> int:
    statement = (
        select(func.coalesce(func.sum(Crowd.count), 0))
        .where(col(Crowd.id) >= ids.lowest_request(ids.moment_of(event.id)))
        .where(Crowd.receipt == event.id, Crowd.decision == crowds.REPLAYED)
    )
    return int(session.exec(statement).one())
