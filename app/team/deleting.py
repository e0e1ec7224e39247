"""Deleting an organisation, carried out: what its pages promised, once the two weeks are over.

Kept, because books have to be: the ledger with its receipts, bills, subscriptions, credit, and the audit trail, with
the organisation's name and the names of its keys. Everything else goes: nobody belongs to it, no key opens anything, no
webhook is called, no mail is sent.
"""

from datetime import datetime

from sqlalchemy import delete
from sqlmodel import Session, col, select

from app.accounts.models import Person
from app.billing import automatic, parting
from app.core import mail
from app.core.errors import Conflict
from app.keys import services as keys
from app.keys.models import Key
from app.leaks import services as leaks
from app.organisations import closing, providers, queries
from app.organisations.invitation_models import FormerMember, Invitation
from app.organisations.models import Membership, Organisation
from app.unusual import services as unusual
from app.webhooks import queries as webhook_queries
from app.webhooks import services as webhooks


def ask(session: Session, *, organisation: Organisation, typed: str, person: Person, now: datetime) -> datetime:
    """As closing.ask. Raises Conflict, too, while a plan goes on being paid for."""
    if parting.is_paid_for(session, organisation.id):
        raise Conflict("Its plan goes on being paid for. Cancel the plan first; then nothing more is charged.")
    return closing.ask(session, organisation=organisation, typed=typed, person_id=person.id, by=person.name, now=now)


def carry_out(session: Session, *, now: datetime) -> int:
    """Delete those whose time has come, at most a page; gives how many. For the worker.

    What is still paid for waits: app/billing/parting.py cancels that first.
    """
    waiting = parting.unfinished(session, now=now)
    found = closing.due(session, now=now, but=waiting)
    due = [one for one in found if closing.is_due(session, one, now=now) and not parting.is_paid_for(session, one.id)]
    for organisation in due:
        _delete(session, organisation, now=now)
    return len(due)


def _delete(session: Session, organisation: Organisation, *, now: datetime) -> None:
    _tell(session, organisation, now=now)
    automatic.switch_all_off(session, organisation_id=organisation.id, now=now)
    live = select(Key).where(Key.organisation_id == organisation.id, col(Key.revoked_at).is_(None))
    for key in session.exec(live).all():
        keys.revoke(session, key=key, person_id=None, now=now)
    for endpoint in webhook_queries.endpoints_of(session, organisation.id):
        webhooks.remove(session, endpoint=endpoint, person_id=None, now=now)
    for table in (Invitation, FormerMember):
        session.execute(delete(table).where(col(table.organisation_id) == organisation.id))
    leaks.forget(session, organisation)
    unusual.forget(session, organisation)
    session.execute(delete(Membership).where(col(Membership.organisation_id) == organisation.id))
    providers.forget(session, organisation)
    organisation.billing_email = ""
    closing.finish(session, organisation=organisation, now=now)


def _tell(session: Session, organisation: Organisation, *, now: datetime) -> None:
    for address in queries.addresses_with(session, organisation.id, "organisation:delete"):
        mail.queue(
            session,
            to=address,
            template="organisation_deleted",
            context={"organisation": organisation.name},
            key=f"deleted:{organisation.id}",
            organisation_id=organisation.id,
            now=now,
        )
