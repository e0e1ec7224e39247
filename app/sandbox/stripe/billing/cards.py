"""Cards, and how each behaves when it is charged; the numbers are those that Stripe gives to testers."""

from dataclasses import dataclass

from app.sandbox.stripe.billing.collecting import ASKS, DECLINED, DISPUTED, FINE
from app.sandbox.stripe.desk import Desk
from app.sandbox.stripe.store import Thing


@dataclass(frozen=True)
class Card:
    """name: what a page sends. token: what the API takes (`pm_card_…`). at_once: declined already when it is added."""

    name: str
    number: str
    about: str
    brand: str = "visa"
    token: str = ""
    behaviour: str = FINE
    at_once: bool = False


CARDS = (  # docs.stripe.com/testing
    Card("accepted", "4242424242424242", "accepted, now and later", token="pm_card_visa"),  # noqa: S106
    Card(
        "mastercard",
        "5555555555554444",
        "accepted; another card",
        "mastercard",
        token="pm_card_mastercard",  # noqa: S106
    ),
    Card(
        "declined",
        "4000000000000002",
        "declined",
        behaviour=DECLINED,
        at_once=True,
        token="pm_card_chargeDeclined",  # noqa: S106
    ),
    Card(
        "later",
        "4000000000000341",
        "added, but every charge of it is declined",
        behaviour=DECLINED,
        token="pm_card_chargeCustomerFail",  # noqa: S106
    ),
    Card(
        "asks",
        "4000002500003155",
        "its bank asks its owner each time",
        behaviour=ASKS,
        token="pm_card_authenticationRequired",  # noqa: S106
    ),
    Card(
        "disputed",
        "4000000000000259",
        "accepted, then its owner tells the bank that the payment was not theirs",
        behaviour=DISPUTED,
        token="pm_card_createDispute",  # noqa: S106
    ),
)


def named(name: str) -> Card | None:
    """By name, number or token."""
    text = name.replace(" ", "")
    return next((card for card in CARDS if text in (card.name, card.number, card.token)), None)


def add(desk: Desk, card: Card, customer: str | None, *, billing_details: Thing | None = None) -> Thing:
    """A payment method for the card, attached to a customer if there is one."""
    details = {"address": None, "email": None, "name": None, "phone": None, "tax_id": None} | (billing_details or {})
    method = desk.new(
        "payment_method", "pm_", allow_redisplay="unspecified", billing_details=details, customer=customer, metadata={},
        type="card", card=_card(card), _behaviour=card.behaviour,
    )  # fmt: skip
    desk.put(method)
    if customer:
        desk.emit("payment_method.attached", method)
    return method


def make_default(desk: Desk, customer: Thing, method: Thing) -> Thing:
    """What the customer's invoices are charged to from now on."""
    before = desk.show(customer)
    settings = customer["invoice_settings"] | {"default_payment_method": method["id"]}
    customer = customer | {"invoice_settings": settings}
    desk.put(customer)
    desk.emit("customer.updated", customer, before)
    return customer


def _card(card: Card) -> Thing:
    return {
        "brand": card.brand, "display_brand": card.brand, "last4": card.number[-4:], "exp_month": 12, "exp_year": 2034,
        "country": "US", "funding": "credit", "fingerprint": f"of{card.number[-8:]}", "generated_from": None,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "networks": {"available": [card.brand], "preferred": None}, "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True}, "wallet": None,
    }  # fmt: skip
