"""Payment methods: cards, known by the names that Stripe gives to testers."""

from app.sandbox.stripe import errors
from app.sandbox.stripe.billing import cards
from app.sandbox.stripe.desk import Ask, Desk
from app.sandbox.stripe.errors import Refused
from app.sandbox.stripe.operations.customers import with_metadata
from app.sandbox.stripe.registry import LIST, operation, page
from app.sandbox.stripe.store import Thing

_DETAILS = "billing_details{name? email? phone? address?{line1 line2 city state postal_code country}}"


@operation(
    "POST", "/v1/payment_methods",
    f"type!:card card{{number exp_month:int exp_year:int cvc token}} metadata{{*}} {_DETAILS}",
)  # fmt: skip
def create(desk: Desk, ask: Ask) -> Thing:
    given = ask.get("card") or {}
    named = str(given.get("token") or given.get("number") or "").replace("tok_", "pm_card_")
    card = cards.named(named)
    if card is None:
        raise Refused("Your card number is incorrect.", status=402, kind="card_error", code="incorrect_number",
                      param="card[number]")  # fmt: skip
    method = cards.add(desk, card, None, billing_details=ask.get("billing_details"))
    return desk.show(desk.put(method | {"metadata": ask.get("metadata") or {}}))


@operation("GET", "/v1/payment_methods", LIST + " customer type")
def index(desk: Desk, ask: Ask) -> Thing:
    return _of(desk, ask, desk.living("customer", ask.get("customer", ""), "customer"))


@operation("GET", "/v1/customers/<customer>/payment_methods", LIST + " type")
def of_customer(desk: Desk, ask: Ask) -> Thing:
    return _of(desk, ask, desk.need("customer", ask.id))


def _of(desk: Desk, ask: Ask, customer: Thing) -> Thing:
    found = desk.store.all("payment_method", customer=customer["id"], newest=True)
    return page(desk, ask, [each for each in found if each["type"] == ask.get("type", each["type"])])


@operation("GET", "/v1/payment_methods/<payment_method>")
def retrieve(desk: Desk, ask: Ask) -> Thing:
    return desk.show(desk.need("payment_method", ask.id))


@operation("GET", "/v1/customers/<customer>/payment_methods/<payment_method>")
def retrieve_of_customer(desk: Desk, ask: Ask) -> Thing:
    method = desk.need("payment_method", ask.ids["payment_method"])
    if method["customer"] != ask.ids["customer"]:
        raise errors.missing("payment_method", method["id"])
    return desk.show(method)


@operation("POST", "/v1/payment_methods/<payment_method>", f"metadata{{*}} {_DETAILS}")
def update(desk: Desk, ask: Ask) -> Thing:
    method = desk.need("payment_method", ask.id)
    method["billing_details"] |= ask.get("billing_details") or {}
    desk.put(method | {"metadata": with_metadata(method["metadata"], ask)})
    return desk.show(method)


@operation("POST", "/v1/payment_methods/<payment_method>/attach", "customer!")
def attach(desk: Desk, ask: Ask) -> Thing:
    customer = desk.living("customer", ask.params["customer"], "customer")
    card = cards.named(ask.id)
    if card:
        if card.at_once:
            raise Refused("Your card was declined.", status=402, kind="card_error", code="card_declined",
                          decline_code="generic_decline")  # fmt: skip
        return desk.show(cards.add(desk, card, customer["id"]))
    method = desk.need("payment_method", ask.id)
    if method["customer"] not in (None, customer["id"]):
        raise Refused("The payment method you provided has already been attached to a customer.")
    desk.put(method | {"customer": customer["id"]})
    desk.emit("payment_method.attached", method | {"customer": customer["id"]})
    return desk.show(method | {"customer": customer["id"]})


@operation("POST", "/v1/payment_methods/<payment_method>/detach")
def detach(desk: Desk, ask: Ask) -> Thing:
    method = desk.need("payment_method", ask.id)
    if method["customer"] is None:
        raise Refused("The payment method you provided is not attached to a customer so detachment is impossible.")
    customer = desk.need("customer", method["customer"])
    if customer["invoice_settings"]["default_payment_method"] == method["id"]:
        settings = customer["invoice_settings"] | {"default_payment_method": None}
        desk.put(customer | {"invoice_settings": settings})
    desk.put(method | {"customer": None})
    desk.emit("payment_method.detached", method | {"customer": None}, {"customer": customer["id"]})
    return desk.show(method | {"customer": None})
