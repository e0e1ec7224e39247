"""Telling Stripe's meters what was cut, exactly once: a repeat that Stripe refuses as one has arrived.

One at a time for each customer and meter, in the order of the ledger. Nothing is written while Stripe is asked.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Engine, exists, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from app.billing.models import StripeObject
from app.billing.problems import StripeAway, StripeRefused
from app.billing.stripe_api import ALREADY_THERE, StripeApi
from app.billing.usage_models import DELIVERED, LATE, METERED, REFUSED, WAITING, StripeOutbox
from app.core import db
from app.core.errors import PosternError

log = logging.getLogger(__name__)

AT_ONCE = 100
CLAIM = timedelta(minutes=2)
"""So long nobody else tries a range that somebody tries: longer than Stripe is waited for."""
DOUBTFUL_AFTER = timedelta(hours=20)
"""Stripe knows repeats for 24 hours at least: what was first sent longer ago is looked for before it is sent again."""
OLDEST = timedelta(days=34)
"""Stripe takes 35 days."""
METER = "meter"
MARK = ":"
"""Between a range's identifier and the try, in idempotency keys. Under one key Stripe answers the same again, a 500
too, though it may have done what was asked: each try of a meter event has a key of its own, and the identifier in it
keeps it from counting twice.
"""
SAME_KEY = 8
"""Invoice items have no identifier: so many tries (eight minutes of them) have one key, and it is looked whether the
item is there before the next key is used.
"""


def run(engine: Engine, api: StripeApi, *, clock: Callable[[], datetime]) -> int:
    """Tell Stripe what is due; gives how many ranges arrived."""
    arrived = 0
    with Session(engine, expire_on_commit=False) as session:
        waiting = due(session, api.mode, now=clock(), limit=AT_ONCE)
    for row in waiting:
        if _claim(engine, row, now=clock()):
            arrived += _one(engine, api, row, clock=clock)
    return arrived


def due(session: Session, mode: str, *, now: datetime, limit: int) -> list[StripeOutbox]:
    """The first that waits for each customer and meter, if it is time."""
    earlier = aliased(StripeOutbox)
    is_behind = exists().where(
        col(earlier.customer_id) == col(StripeOutbox.customer_id),
        col(earlier.event_name) == col(StripeOutbox.event_name),
        col(earlier.state) == WAITING,
        col(earlier.first_seq) < col(StripeOutbox.first_seq),
    )
    statement = (
        select(StripeOutbox)
        .where(StripeOutbox.state == WAITING, StripeOutbox.mode == mode, col(StripeOutbox.due_at) <= now, ~is_behind)
        .order_by(col(StripeOutbox.due_at), col(StripeOutbox.id))
        .limit(limit)
    )
    return list(session.exec(statement))


def _claim(engine: Engine, row: StripeOutbox, *, now: datetime) -> bool:
    statement = (
        update(StripeOutbox)
        .where(
            col(StripeOutbox.id) == row.id, col(StripeOutbox.state) == WAITING, col(StripeOutbox.due_at) == row.due_at
        )
        .values(due_at=now + CLAIM, first_sent_at=row.first_sent_at or now, tries=row.tries + 1)
    )
    with Session(engine) as session:
        claimed = db.changed_rows(session, statement)
        session.commit()
    return claimed == 1


def _one(engine: Engine, api: StripeApi, row: StripeOutbox, *, clock: Callable[[], datetime]) -> bool:
    now = clock()
    try:
        if now - row.at > OLDEST:
            raise StripeRefused("It is older than Stripe takes usage for; see docs/operate/billing.md.", code="too_old")
        is_doubtful = row.first_sent_at is not None and now - row.first_sent_at > DOUBTFUL_AFTER
        if not ((is_doubtful or _begins_anew(row)) and _has_arrived(engine, api, row)):
            _send(api, row)
    except StripeRefused as problem:
        _settle(engine, row, REFUSED, problem.message, now=now)
        log.error("stripe.usage_refused", extra={"range": row.identifier, "why": problem.message})
        return False
    except PosternError as problem:
        _postpone(engine, row, problem.message, now=now)
        return False
    _settle(engine, row, DELIVERED, "", now=now)
    return True


def _send(api: StripeApi, row: StripeOutbox) -> None:
    if row.kind == LATE:
        params: dict[str, object] = {
            "customer": row.customer_id,
            "currency": row.currency,
            "amount": row.value,
            "description": late_words(row),
            "metadata": {"range": row.identifier},
        }
        api.post(api.v1.invoice_items.create, params=params, key=f"{row.identifier}{MARK}{row.tries // SAME_KEY}")
        return
    params = {
        "event_name": row.event_name,
        "payload": {"stripe_customer_id": row.customer_id, "value": str(row.value)},
        "identifier": row.identifier,
        "timestamp": int(row.at.timestamp()),
    }
    try:
        api.post(api.v1.billing.meter_events.create, params=params, key=f"{row.identifier}{MARK}{row.tries}")
    except StripeRefused as problem:
        if ALREADY_THERE not in problem.message:
            raise


def _begins_anew(row: StripeOutbox) -> bool:
    return row.kind == LATE and row.tries > 0 and row.tries % SAME_KEY == 0


def late_words(row: StripeOutbox) -> str:
    """What the item of a late range says on its invoice."""
    return f"Late usage of {row.month_at:%B %Y}"


def identifier_in(key: str) -> str:
    """The range that a request of ours was about, by its idempotency key, or by its identifier itself."""
    return key.rpartition(MARK)[0] or key


def _has_arrived(engine: Engine, api: StripeApi, row: StripeOutbox) -> bool:
    """Whether Stripe's sum of the month holds it: it does if it is all that was delivered and this."""
    if row.kind == LATE:
        items = api.every(api.v1.invoice_items.list, params={"customer": row.customer_id})
        return any((item.get("metadata") or {}).get("range") == row.identifier for item in items)
    with Session(engine) as session:
        meter = session.get(StripeObject, (row.mode, METER, row.event_name))
        delivered = select(StripeOutbox.value).where(
            StripeOutbox.customer_id == row.customer_id,
            StripeOutbox.event_name == row.event_name,
            StripeOutbox.month_at == row.month_at,
            StripeOutbox.kind == METERED,
            StripeOutbox.state == DELIVERED,
        )
        before = sum(session.exec(delivered))
    if meter is None:
        raise StripeAway("The meter is not known yet.")
    return (
        summed(api, meter.id, row.customer_id, row.month_at, until=row.month_at + timedelta(days=32))
        >= before + row.value
    )


def summed(api: StripeApi, meter_id: str, customer_id: str, since: datetime, *, until: datetime) -> int:
    """What a meter has counted for a customer in the month that begins at `since`."""
    until = min(until, (since + timedelta(days=32)).replace(day=1))
    params = {"customer": customer_id, "start_time": int(since.timestamp()), "end_time": int(until.timestamp())}
    return sum(
        int(found["aggregated_value"])
        for found in api.every(api.v1.billing.meters.event_summaries.list, meter_id, params=params)
    )


def _settle(engine: Engine, row: StripeOutbox, state: str, error: str, *, now: datetime) -> None:
    values = {"state": state, "error": error[:500], "delivered_at": now if state == DELIVERED else None}
    with Session(engine) as session:
        session.execute(update(StripeOutbox).where(col(StripeOutbox.id) == row.id).values(**values))
        session.commit()


def _postpone(engine: Engine, row: StripeOutbox, why: str, *, now: datetime) -> None:
    wait = timedelta(seconds=min(600, 2 ** min(row.tries, 10)))
    with Session(engine) as session:
        statement = update(StripeOutbox).where(col(StripeOutbox.id) == row.id, col(StripeOutbox.state) == WAITING)
        session.execute(statement.values(due_at=now + wait, error=why[:500]))
        session.commit()
