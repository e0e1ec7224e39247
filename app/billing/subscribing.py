"""The first payment: from what was agreed to, to a session of Stripe's Checkout.

Three steps, because nothing is written while Stripe is asked: the visit is kept, Stripe is asked, the answer is kept.
Cut off anywhere, the same visit goes on where it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from app.billing import checkout, customers, offers
from app.billing.checkout import Ways
from app.billing.models import OPEN, SUBSCRIPTION, Checkout
from app.billing.stripe_api import Found, StripeApi
from app.core.errors import Conflict
from app.organisations.models import Organisation
from app.plans.choosing import Choice


@dataclass(frozen=True, slots=True)
class Payer:
    """Who pays. customer_id: at Stripe, "" for nobody yet."""

    organisation: Organisation
    customer_id: str
    email: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What Stripe answered."""

    customer_id: str
    session: Found


def keep_visit(
    session: Session,
    *,
    visit_id: UUID,
    organisation: Organisation,
    person_id: UUID,
    mode: str,
    choice: Choice,
    now: datetime,
) -> Checkout:
    """The visit of that name, made if need be. Raises Conflict for one that was for something else, or is over."""
    known = checkout.visit_of(session, organisation.id, visit_id)
    wanted = (choice.offer.version.id, choice.currency, choice.interval, choice.seats)
    if known is not None:
        is_good = known.state == OPEN and known.created_at + checkout.GOOD_FOR > now
        if not is_good or wanted != (known.plan_version_id, known.currency, known.interval, known.seats):
            raise Conflict("This page is out of date. Look at the plan again before you pay.")
        return known
    made = Checkout(
        id=visit_id,
        organisation_id=organisation.id,
        person_id=person_id,
        mode=mode,
        kind=SUBSCRIPTION,
        plan_version_id=wanted[0],
        currency=wanted[1],
        interval=wanted[2],
        seats=wanted[3],
        created_at=now,
    )
    session.add(made)
    session.flush()
    return made


def close_others(api: StripeApi, visits: Sequence[Checkout], but: UUID) -> list[Found]:
    """Make what else could still be paid worthless, so that nobody pays twice; gives each as it then is."""
    return [found for visit in visits if visit.id != but and (found := checkout.close(api, visit))]


def ask(api: StripeApi, visit: Checkout, *, payer: Payer, items: Sequence[offers.Item], ways: Ways) -> Asked:
    """A session for the visit, the same whenever it is asked for. Asks Stripe."""
    customer_id = payer.customer_id or customers.make_customer(api, payer.organisation, email=payer.email)
    made = checkout.begin_subscription(
        api,
        visit,
        customer_id=customer_id,
        items=items,
        back_url=ways.back_url,
        cancel_url=ways.cancel_url,
        takes_tax=ways.takes_tax,
        now=visit.created_at,
    )
    return Asked(customer_id, made)


def keep_asked(session: Session, visit: Checkout, payer: Payer, asked: Asked, *, now: datetime) -> None:
    """Know the customer and where to pay."""
    customers.remember(
        session,
        payer.organisation,
        mode=visit.mode,
        customer_id=asked.customer_id,
        currency=visit.currency,
        email=payer.email,
        person_id=visit.person_id,
        now=now,
    )
    visit.session_id, visit.url = str(asked.session["id"]), str(asked.session["url"])
    session.add(visit)
    session.flush()
