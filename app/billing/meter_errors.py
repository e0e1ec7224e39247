"""What Stripe could not count although it had taken it: it says so later, by thin events, with a few samples of each
kind of trouble. A sample names a request by its idempotency key or its identifier; we know ranges by both.
"""

import logging
from collections.abc import Iterator
from datetime import datetime

from sqlmodel import Session, select

from app.billing import findings
from app.billing.comparing import Difference, refused_subject
from app.billing.delivery import identifier_in
from app.billing.models import LIVE, TEST
from app.billing.reconcile_models import MISSING, NOBODY, UNKNOWN
from app.billing.stripe_api import Found, StripeApi
from app.billing.usage_models import REFUSED, StripeOutbox

log = logging.getLogger(__name__)


def fetch(api: StripeApi, event_id: str) -> Found:
    """The event with its details."""
    return api.thin(event_id)


def apply(session: Session, found: Found, now: datetime) -> None:
    """Mark the ranges that were not counted as refused, each with a finding; what we did not send is one, too."""
    mode = LIVE if found.get("livemode") else TEST
    for code, key in _samples(found):
        row = session.exec(select(StripeOutbox).where(StripeOutbox.identifier == identifier_in(key))).first()
        if row is None:
            _not_ours(session, mode, key, code, now=now)
        elif row.state != REFUSED:
            _not_counted(session, row, code, now=now)
    session.flush()


def _samples(found: Found) -> Iterator[tuple[str, str]]:
    """(code, key of the request) of each."""
    reason = (found.get("data") or {}).get("reason") or {}
    for kind in reason.get("error_types") or []:
        for sample in kind.get("sample_errors") or []:
            key = (sample.get("request") or {}).get("identifier")
            if key:
                yield str(kind.get("code") or "unknown"), str(key)


def _not_counted(session: Session, row: StripeOutbox, code: str, *, now: datetime) -> None:
    row.state, row.delivered_at = REFUSED, None
    row.error = f"Stripe took it and could not count it: {code}."[:500]
    session.add(row)
    session.flush()
    log.error("stripe.usage_not_counted", extra={"range": row.identifier, "why": code})
    refused = session.exec(
        select(StripeOutbox.value).where(
            StripeOutbox.organisation_id == row.organisation_id,
            StripeOutbox.mode == row.mode,
            StripeOutbox.event_name == row.event_name,
            StripeOutbox.month_at == row.month_at,
            StripeOutbox.state == REFUSED,
        )
    )
    subject = refused_subject(row.event_name, row.month_at)
    difference = Difference(MISSING, subject, sum(refused), 0, f"Mend the reason ({code}), then send it again.")
    findings.record(session, row.mode, row.organisation_id, [(row.month_at, difference)], now=now)


def _not_ours(session: Session, mode: str, key: str, code: str, *, now: datetime) -> None:
    log.error("stripe.unknown_usage", extra={"range": key[:100], "why": code})
    said = f"Something else sends usage to this account ({code}); find out what."
    findings.record(session, mode, NOBODY, [(None, Difference(UNKNOWN, f"request {key[:150]}", 0, 1, said))], now=now)
