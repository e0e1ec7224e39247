"""Payment intents and charges."""

from app.sandbox.stripe.billing import cards, collecting
from app.sandbox.stripe.desk import EXTRAS, Ask, Desk
from app.sandbox.stripe.errors import Refused
from app.sandbox.stripe.operations.customers import with_metadata
from app.sandbox.stripe.registry import LIST, operation, page, within
from app.sandbox.stripe.store import Thing

_CREATED = " created{gt:int gte:int lt:int lte:int}"
_CONFIRM = "payment_method off_session:bool return_url error_on_requires_action:bool "


@operation(
    "POST", "/v1/payment_intents",
    _CONFIRM + "amount!:int currency! customer confirm:bool description metadata{*} receipt_email "
    "setup_future_usage:off_session|on_session automatic_payment_methods{enabled!:bool allow_redirects:always|never} "
    "hooks{inputs{tax{calculation!}}}",
)  # fmt: skip
def create(desk: Desk, ask: Ask) -> Thing:
    if ask.params["amount"] < 1:
        raise Refused(
            "This value must be greater than or equal to 1.", code="parameter_invalid_integer", param="amount"
        )
    if ask.get("off_session") and not ask.get("confirm"):
        raise Refused("off_session can only be set together with confirm=true.", param="off_session")
    customer, hooks = ask.get("customer"), ask.get("hooks")
    if hooks:
        desk.need(
            "tax.calculation", hooks["inputs"]["tax"]["calculation"], "hooks[inputs][tax][calculation]", status=400
        )
    if customer:
        desk.living("customer", customer, "customer")
    payment = collecting.intent(
        desk, customer=customer, amount=ask.params["amount"], currency=ask.params["currency"].lower(),
        description=ask.get("description"), metadata=ask.get("metadata") or {}, receipt_email=ask.get("receipt_email"),
        setup_future_usage=ask.get("setup_future_usage"), payment_method=ask.get("payment_method"),
        automatic_payment_methods=ask.get("automatic_payment_methods"), hooks=ask.get("hooks"),
    )  # fmt: skip
    return _confirmed(desk, payment, ask) if ask.get("confirm") else desk.show(payment)


@operation("POST", "/v1/payment_intents/<intent>/confirm", _CONFIRM)
def confirm(desk: Desk, ask: Ask) -> Thing:
    return _confirmed(desk, desk.need("payment_intent", ask.id), ask)


def _confirmed(desk: Desk, payment: Thing, ask: Ask) -> Thing:
    if payment["status"] in ("succeeded", "canceled", "processing"):
        raise Refused(
            f"This PaymentIntent's status is {payment['status']}; it cannot be confirmed.",
            code="payment_intent_unexpected_state",
        )
    named = ask.get("payment_method") or payment["payment_method"]
    if not named:
        raise Refused("You cannot confirm this PaymentIntent because it's missing a payment method.",
                      code="payment_intent_unexpected_state")  # fmt: skip
    card = cards.named(named)
    method = cards.add(desk, card, None) if card else desk.living("payment_method", named, "payment_method")
    if method["customer"] not in (None, payment["customer"]):
        raise Refused("The payment method belongs to another customer.", param="payment_method")
    payment = collecting.attempt(desk, payment, method, confirmed=not ask.get("off_session"))
    if payment["status"] != "succeeded":
        raise collecting.refusal(desk, payment)
    return desk.show(payment)


@operation("GET", "/v1/payment_intents", LIST + " customer" + _CREATED)
def index(desk: Desk, ask: Ask) -> Thing:
    found = desk.store.all("payment_intent", customer=ask.get("customer"), newest=True)
    return page(desk, ask, within(ask, found))


@operation("GET", "/v1/payment_intents/<intent>", "client_secret")
def retrieve(desk: Desk, ask: Ask) -> Thing:
    return desk.show(desk.need("payment_intent", ask.id))


@operation("POST", "/v1/payment_intents/<intent>", "metadata{*} description payment_method")
def update(desk: Desk, ask: Ask) -> Thing:
    payment = desk.need("payment_intent", ask.id)
    payment |= {name: ask.params[name] for name in ("description", "payment_method") if name in ask.params}
    return desk.show(desk.put(payment | {"metadata": with_metadata(payment["metadata"], ask)}))


@operation("POST", "/v1/payment_intents/<intent>/cancel", "cancellation_reason")
def cancel(desk: Desk, ask: Ask) -> Thing:
    payment = desk.need("payment_intent", ask.id)
    if payment["status"] in ("succeeded", "canceled"):
        raise Refused(f"You cannot cancel this PaymentIntent because it has a status of {payment['status']}.",
                      code="payment_intent_unexpected_state")  # fmt: skip
    payment |= {
        "status": "canceled", "canceled_at": desk.now(), "cancellation_reason": ask.get("cancellation_reason"),
    }  # fmt: skip
    desk.put(payment)
    desk.emit("payment_intent.canceled", payment)
    return desk.show(payment)


@operation("GET", "/v1/charges", LIST + " customer payment_intent" + _CREATED)
def charges(desk: Desk, ask: Ask) -> Thing:
    found = desk.store.all("charge", customer=ask.get("customer"), ref=ask.get("payment_intent"), newest=True)
    return page(desk, ask, within(ask, found))


@operation("GET", "/v1/charges/<charge>")
def charge(desk: Desk, ask: Ask) -> Thing:
    return desk.show(desk.need("charge", ask.id))


EXTRAS["charge", "refunds"] = lambda desk, thing: desk.listed(
    desk.store.all("refund", ref=thing["id"], newest=True), f"/v1/charges/{thing['id']}/refunds"
)
