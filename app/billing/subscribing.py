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
from app.billing.models import SUBSCRIPTION, Checkout
from app.billing.stripe_api import Found, StripeApi
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
    person_id: UUID | None,
    mode: str,
    choice: Choice,
    now: datetime,
) -> Checkout:
    """The visit of that name, made if need be. Raises Conflict for one that was for something else, or is over."""
    wanted = Checkout(
        id=visit_id,
        organisation_id=organisation.id,
        person_id=person_id,
        mode=mode,
        kind=SUBSCRIPTION,
        plan_version_id=choice.offer.version.id,
        currency=choice.currency,
        interval=choice.interval,
        seats=choice.seats,
        created_at=now,
    )
    return checkout.keep(session, wanted, look_at="the plan")


def close_others(api: StripeApi, visits: Sequence[Checkout], but: UUID) -> list[Found]:
    """Make what else could still be paid worthless, so that nobody pays twice; gives each as it then is."""
    return [found for visit in visits if visit.id != but and (found := checkout.close(api, visit))]


def ask(api: StripeApi, visit: Checkout, *, payer: Payer, items: Sequence[offers.Item], ways: Ways) -> Asked:
    """A session for the visit, the same whenever it is asked for. Asks Stripe."""
    customer_id = payer.customer_id or customers.make_customer(api, payer.organisation, email=payer.email)
    return Asked(customer_id, checkout.begin_subscription(api, visit, customer_id=customer_id, items=items, ways=ways))


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
