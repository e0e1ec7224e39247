"""An organisation as a customer of Stripe: made when it first pays, and what is known of its card and standing."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlmodel import Session, select

from app.billing.models import BillingAccount
from app.billing.stripe_api import Found, StripeApi, key_for
from app.core import audit
from app.organisations.models import Organisation

ORGANISATION = "organisation_id"
"""Under this name everything that we make at Stripe says whose it is."""
PLAN = "plan_version_id"
"""In the metadata of subscriptions that are ours."""
_BRANDS = {"visa": "Visa", "mastercard": "Mastercard", "amex": "American Express", "discover": "Discover", "jcb": "JCB"}


def account_of(session: Session, organisation_id: UUID, mode: str) -> BillingAccount | None:
    """None for an organisation that has never been about to pay."""
    return session.get(BillingAccount, (organisation_id, mode))


def account_by_customer(session: Session, customer_id: str) -> BillingAccount | None:
    """Whose customer this is; None for one that we did not make."""
    return session.exec(select(BillingAccount).where(BillingAccount.customer_id == customer_id)).first()


def make_customer(api: StripeApi, organisation: Organisation, *, email: str) -> str:
    """The customer's id at Stripe: a new one, or the one that the same request made before. Asks Stripe."""
    params = {
        "name": organisation.name,
        "email": email,
        "metadata": {ORGANISATION: str(organisation.id), "slug": organisation.slug},
    }
    key = key_for("customer", api.mode, organisation.id, organisation.name, email)
    made = api.post(api.v1.customers.create, params=params, key=key)
    return str(made["id"])


def remember(
    session: Session,
    organisation: Organisation,
    *,
    mode: str,
    customer_id: str,
    currency: str,
    email: str,
    person_id: UUID | None,
    now: datetime,
) -> BillingAccount:
    """The organisation's account; harmless when it is there."""
    found = account_of(session, organisation.id, mode)
    if found is not None:
        return found
    account = BillingAccount(
        organisation_id=organisation.id,
        mode=mode,
        customer_id=customer_id,
        currency=currency,
        email=email,
        created_at=now,
        updated_at=now,
    )
    session.add(account)
    audit.record(
        session,
        action="billing.began",
        now=now,
        organisation_id=organisation.id,
        person_id=person_id,
        details={"customer": customer_id, "currency": currency, "mode": mode},
    )
    session.flush()
    return account


def fetch(api: StripeApi, customer_id: str) -> Found:
    """A customer with its default card, and with those of its subscriptions that are not over."""
    params = {"expand": ["invoice_settings.default_payment_method", "subscriptions.data.default_payment_method"]}
    return api.get(api.v1.customers.retrieve, customer_id, params=params)


def fetch_by_payment_method(api: StripeApi, payment_method_id: str) -> Found:
    """The customer to whom a card belongs, as `fetch` gives it; {} when it belongs to nobody any more."""
    method = api.get(api.v1.payment_methods.retrieve, payment_method_id)
    customer = method.get("customer")
    return fetch(api, str(customer)) if customer else {}


def apply(session: Session, found: Found, now: datetime) -> None:
    """Know the card and address of a customer as Stripe has them."""
    account = account_by_customer(session, str(found.get("id", "")))
    if account is None:
        return
    know_card(session, account, _charged(found), now)
    email = str(found.get("email") or account.email)
    if email != account.email:
        account.email, account.version, account.updated_at = email, account.version + 1, now
        session.add(account)
        session.flush()


def know_card(session: Session, account: BillingAccount, method: object, now: datetime) -> None:
    """Which card bills are charged to: that of the subscription, or else the customer's own. method: anything that is
    no payment method says nothing, since the other may still be there.
    """
    card = card_words(method) if isinstance(method, Mapping) else account.card
    if card != account.card:
        account.card, account.version, account.updated_at = card, account.version + 1, now
        session.add(account)
        session.flush()


def _charged(found: Found) -> object:
    """What Stripe charges the next invoice to: the subscription's own before the customer's."""
    ours = [one for one in (found.get("subscriptions") or {}).get("data", []) if PLAN in (one.get("metadata") or {})]
    newest: Found = max(ours, key=lambda one: (int(one["created"]), str(one["id"])), default={})
    own = (found.get("invoice_settings") or {}).get("default_payment_method")
    return newest.get("default_payment_method") or own


def card_words(method: Mapping[str, object]) -> str:
    """What people know their card by: “Visa ending in 4242, until 12/2030”; the kind, for what is no card."""
    card = method.get("card")
    if not isinstance(card, Mapping):
        return str(method.get("type", "")).replace("_", " ").capitalize()
    brand = _BRANDS.get(str(card.get("brand")), str(card.get("brand", "Card")).capitalize())
    return f"{brand} ending in {card.get('last4')}, until {int(card.get('exp_month') or 0):02}/{card.get('exp_year')}"
