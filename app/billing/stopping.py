"""What happens when a top-up that began by itself is declined: nothing more is bought, and people are told, once."""

from datetime import datetime

from sqlmodel import Session

from app.billing import alert_words, credit
from app.billing.payment_models import AutoTopUp, CreditPayment
from app.core import audit, mail
from app.organisations.models import Organisation
from app.plans import amounts

PATH = "/billing/wallet/"
DECLINED = "The card was declined."


def stop(session: Session, row: CreditPayment, *, card: str, now: datetime) -> None:
    """Until there is another card, or somebody switches it on again. Harmless when it has stopped, or is off."""
    auto = session.get(AutoTopUp, (row.organisation_id, row.mode), populate_existing=True)
    if auto is None or auto.stopped_why or not auto.is_on:
        return
    auto.stopped_why, auto.stopped_card, auto.stopped_at = row.error or DECLINED, card[:255], now
    session.add(auto)
    audit.record(
        session,
        action="credit.top_up_stopped",
        now=now,
        organisation_id=row.organisation_id,
        subject_id=row.id,
        details={"why": auto.stopped_why},
    )
    _tell(session, row, auto.stopped_why, now)


def _tell(session: Session, row: CreditPayment, why: str, now: datetime) -> None:
    organisation = session.get_one(Organisation, row.organisation_id)
    left = credit.balance(session, row.organisation_id, row.currency, at=now)
    context = {
        "organisation": organisation.name,
        "amount": amounts.shown_minor(row.amount, currency=row.currency),
        "left": amounts.shown(left, currency=row.currency),
        "why": why,
        "path": PATH,
    }
    for address in alert_words.recipients(session, organisation, mode=row.mode):
        mail.queue(
            session,
            to=address,
            template="top_up_stopped",
            context=context,
            key=f"top_up_stopped:{row.id}",
            now=now,
            organisation_id=organisation.id,
        )
