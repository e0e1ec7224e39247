"""What Stripe tells us, written down before anything else: webhooks as they come, and what they missed.

Each event is stored by its id, so that duplicates, and a webhook and a sweep that bring the same, are one row. Nothing
is done with it here: the worker applies it by asking Stripe for the object as it is now (app/billing/applying.py), so
that neither order nor age of events matters.
"""

import json
import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import stripe
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from app.billing.models import FAILED, LIVE, NEW, TEST, StripeEvent, StripeMark
from app.billing.stripe_api import StripeApi
from app.core import audit, moments
from app.core.errors import Conflict, Invalid, NotFound

log = logging.getLogger(__name__)

TOLERANCE_S = 300
"""How old a signature may be: Stripe's own figure."""
MARK = "events"
OVERLAP = timedelta(hours=2)
"""A sweep looks back beyond the last one: Stripe's list is not complete at once."""
FIRST_SWEEP = timedelta(days=3)

WANTED = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "customer.updated",
    "payment_method.attached",
    "payment_method.detached",
    "invoice.created",
    "invoice.updated",
    "invoice.finalized",
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.voided",
    "credit_note.created",
    "credit_note.voided",
    "charge.refunded",
    "charge.dispute.created",
    "charge.dispute.closed",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
)
"""Snapshot events that mean something here."""
AT_ONCE = 20
"""As many types as one list of Stripe's may name."""
WANTED_THIN = ("v1.billing.meter.error_report_triggered", "v1.billing.meter.no_meter_found")


def take_in(session: Session, body: bytes, *, signature: str | None, secret: str, now: datetime) -> bool:
    """Store the event in a webhook's raw body, unless it is there; gives whether it was new.

    Raises Invalid for a signature that is missing, wrong or old, and for a body that is no event.
    """
    try:
        stripe.WebhookSignature.verify_header(body.decode(), signature, secret, TOLERANCE_S)
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        raise Invalid("The signature does not fit: this did not come from Stripe, or is too old.") from None
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or not isinstance(said.get("id"), str) or not isinstance(said.get("type"), str):
        raise Invalid("The body is no event.")
    return store(session, said, payload=body.decode(), source="webhook", now=now)


def store(session: Session, said: dict[str, Any], *, payload: str, source: str, now: datetime) -> bool:
    """The same for an event whose sender is known to be Stripe; snapshot and thin ones alike."""
    if session.get(StripeEvent, said["id"][:255]) is not None:
        return False
    event = StripeEvent(
        id=said["id"][:255],
        mode=LIVE if said.get("livemode") else TEST,
        type=said["type"][:100],
        object_id=_object_id(said)[:255],
        created_at=_moment(said.get("created"), now),
        received_at=now,
        source=source,
        payload=payload,
        due_at=now,
    )
    try:
        with session.begin_nested():
            session.add(event)
    except IntegrityError:
        return False  # its duplicate came in the same moment
    return True


def fetch_missed(api: StripeApi, *, since: datetime) -> list[dict[str, Any]]:
    """Every wanted event at Stripe from `since` on, oldest first. Raises StripeAway and its siblings."""
    created = {"gte": int(since.timestamp())}
    found: list[dict[str, Any]] = []
    for first in range(0, len(WANTED), AT_ONCE):
        params = {"created": created, "types": list(WANTED[first : first + AT_ONCE])}
        found += api.every(api.v1.events.list, params=params)
    found.sort(key=lambda event: int(event["created"]))
    thin = {"created": {"gte": since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}, "types": list(WANTED_THIN)}
    return found + api.every_thin(params=thin)[::-1]


def sweep_from(session: Session, mode: str, *, now: datetime) -> datetime:
    """Where the next sweep begins."""
    mark = session.get(StripeMark, (mode, MARK))
    return (mark.at if mark is not None else now - FIRST_SWEEP) - OVERLAP


def store_missed(session: Session, missed: Iterable[dict[str, Any]], *, mode: str, now: datetime) -> int:
    """Store what no webhook brought; gives how many there were."""
    found = 0
    for said in missed:
        if store(session, said, payload=json.dumps(said, default=str), source="sweep", now=now):
            log.info("stripe.missed", extra={"event": said["id"], "type": said["type"]})
            found += 1
    mark = session.get(StripeMark, (mode, MARK)) or StripeMark(mode=mode, name=MARK, at=now)
    mark.at = now
    session.add(mark)
    session.flush()
    return found


def due(session: Session, mode: str, *, now: datetime, limit: int) -> list[StripeEvent]:
    """Events to apply, the oldest first."""
    statement = (
        select(StripeEvent)
        .where(StripeEvent.state == NEW, StripeEvent.mode == mode, col(StripeEvent.due_at) <= now)
        .order_by(col(StripeEvent.created_at), col(StripeEvent.id))
        .limit(limit)
    )
    return list(session.exec(statement))


def listed(session: Session, *, state: str = "", limit: int, offset: int) -> list[StripeEvent]:
    """For operators, newest first. state: "" for all."""
    statement = select(StripeEvent).order_by(col(StripeEvent.received_at).desc(), col(StripeEvent.id))
    if state:
        statement = statement.where(StripeEvent.state == state)
    return list(session.exec(statement.limit(limit).offset(offset)))


def event(session: Session, event_id: str) -> StripeEvent:
    """Raises NotFound."""
    found = session.get(StripeEvent, event_id)
    if found is None:
        raise NotFound(f"There is no event “{event_id[:60]}”.")
    return found


def replay(session: Session, event: StripeEvent, *, person_id: UUID, now: datetime) -> None:
    """Have the worker apply it once more. Raises Conflict for one that is waiting anyway."""
    if event.state == NEW:
        raise Conflict("It is waiting to be applied already.")
    event.state, event.tries, event.due_at, event.error = NEW, 0, now, ""
    session.add(event)
    audit.record(session, action="stripe_event.replayed", now=now, person_id=person_id, details={"event": event.id})
    session.flush()


def settled(event: StripeEvent, state: str, *, now: datetime) -> None:
    """Applied, or nothing to apply."""
    event.state, event.applied_at, event.error = state, now, ""


def postponed(event: StripeEvent, why: str, *, now: datetime, gives_up_after: int) -> None:
    """It did not work this time: try again later, twice as late each time, and in the end leave it to an operator."""
    event.tries += 1
    event.error = why[:500]
    event.due_at = now + timedelta(seconds=min(3600, 2**event.tries))
    if event.tries >= gives_up_after:
        event.state = FAILED


def _object_id(said: dict[str, Any]) -> str:
    """A snapshot event holds its object, a thin one only says which it is."""
    about = said.get("related_object") or (said.get("data") or {}).get("object") or {}
    found = about.get("id") if isinstance(about, dict) else None
    return found if isinstance(found, str) else ""


def _moment(created: object, now: datetime) -> datetime:
    """Seconds since 1970 in snapshot events, RFC 3339 in thin ones."""
    if isinstance(created, int):
        return moments.of(created)
    try:
        return datetime.fromisoformat(str(created)).astimezone(UTC)
    except ValueError:
        return now
