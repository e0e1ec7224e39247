"""Mail about what is not paid for: once when a bill could not be collected, and once when calls are stopped for it."""

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from app.billing import alert_words
from app.core import mail, moments
from app.organisations.models import Organisation
from app.plans import owing
from app.plans.models import PAUSED, Subscription

TEMPLATE = "bill_unpaid"
PAGE = 200


def tell_due(session: Session, *, grace: timedelta, mode: str, now: datetime) -> int:
    """Queue what was not said yet; gives how many. Harmless however often it is asked for."""
    statement = (
        select(Subscription, Organisation)
        .join(Organisation, col(Organisation.id) == col(Subscription.organisation_id))
        .where(col(Subscription.owes_since).is_not(None), col(Subscription.ends_at).is_(None))
        .order_by(col(Subscription.owes_since).desc(), col(Subscription.id))
        .limit(PAGE)
    )
    return sum(
        _tell(session, organisation, subscription, grace=grace, mode=mode, now=now)
        for subscription, organisation in session.exec(statement).all()
    )


def _tell(
    session: Session,
    organisation: Organisation,
    subscription: Subscription,
    *,
    grace: timedelta,
    mode: str,
    now: datetime,
) -> int:
    is_stopped = subscription.stopped_at is not None
    key = f"owing:{organisation.id}:{subscription.owes_since:%Y-%m-%dT%H:%M:%S}:{'stopped' if is_stopped else 'began'}"
    title, text = _words(subscription, grace=grace)
    context = {"organisation": organisation.name, "title": title, "text": text}
    told = [
        mail.queue(
            session, to=to, template=TEMPLATE, context=context, key=key, now=now, organisation_id=organisation.id
        )
        for to in alert_words.recipients(session, organisation, mode=mode)
    ]
    return sum(told)


def _words(subscription: Subscription, *, grace: timedelta) -> tuple[str, str]:
    """Title and text."""
    if subscription.state == PAUSED:
        return "Your subscription is paused", _PAUSED
    if subscription.stopped_at is not None:
        return "An invoice is unpaid, and calls are stopped", _STOPPED
    until = owing.stops_at(subscription, grace=grace)
    day = moments.day(until) if until is not None else ""
    return (
        "An invoice could not be collected",
        f"It is tried again over the next days. Until {day} your calls go on; then those of tools that have a price "
        "stop.",
    )


_PAUSED = (
    "Calls of tools that have a price are stopped until you resume the plan on the page “Billing”. If there is no card "
    "yet, give one there first."
)
_STOPPED = "Calls of tools that have a price are stopped; they pass again within seconds of the payment."
