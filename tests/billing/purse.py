"""A wallet in tests: credit goes in, calls use it, and everything must add up."""

from sqlalchemy import func
from sqlmodel import col, select

from app.billing import wallet
from app.billing.wallet_models import CreditGrant, JournalEntry
from app.limits import prepaid
from app.limits.settling import COUNTERS
from tests.limits.simulation import Simulated
from tests.plans.catalogues import SMALL

PREPAID = f"""{SMALL}
[plans.prepaid]
name = "Prepaid"
words = "By credit."
kind = "prepaid"

[[plans.prepaid.charges]]
key = "calls"
label = "Calls"
usd.calls = {{ each = "0.01" }}
eur.calls = {{ each = "0.01" }}
"""


def give(session, organisation, nanos, now, reference="r1", currency="usd", **more):
    said = {"kind": "paid", "words": "Bought"} | more
    grant = wallet.give(
        session, organisation=organisation, currency=currency, nanos=nanos, reference=reference, now=now, **said
    )
    session.commit()
    return grant


def settle(session, organisation, now):
    moved = wallet.settle(session, organisation_id=organisation.id, currency="usd", now=now)
    session.commit()
    return moved


def expire(session, organisation, now):
    taken = wallet.expire(session, organisation_id=organisation.id, currency="usd", now=now)
    session.commit()
    return taken


def use(engine, organisation, *amounts):
    """Calls come to a gateway one after the other, and are answered; gives how many were let in."""
    gateway = Simulated(engine)
    admitted = sum(gateway.admit(key(organisation), [amount]) for amount in amounts)
    for call in list(gateway.in_flight):
        gateway.answer(call)
    gateway.reap()
    return admitted


def key(organisation):
    return prepaid.counter_of(organisation.id, "usd")


def used(session):
    session.expire_all()
    return {grant.reference: grant.used_nanos for grant in session.exec(select(CreditGrant))}


def counter(session, organisation):
    where = [COUNTERS.c[name] == value for name, value in key(organisation)._asdict().items()]
    return session.execute(COUNTERS.select().where(*where)).one()


def holds(session, organisation):
    """I7 and I8, of everything there is."""
    session.expire_all()
    for grant in session.exec(select(CreditGrant)):
        account = select(func.coalesce(func.sum(JournalEntry.nanos), 0)).where(JournalEntry.account == grant.account)
        assert grant.left_nanos >= 0
        assert session.exec(account).one() == grant.left_nanos
    sums = select(JournalEntry.group_id, JournalEntry.currency, func.sum(JournalEntry.nanos)).group_by(
        col(JournalEntry.group_id), col(JournalEntry.currency)
    )
    assert all(total == 0 for _, _, total in session.exec(sums))
    found = counter(session, organisation)
    grants = session.exec(select(CreditGrant).where(CreditGrant.organisation_id == organisation.id)).all()
    assert found.most == sum(grant.nanos - grant.expired_nanos - grant.voided_nanos for grant in grants)
    assert found.spent + found.reserved <= found.most
