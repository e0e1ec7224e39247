"""Checkout sessions: made, looked at, expired. Completing one happens on its page."""

from app.sandbox.stripe import arithmetic, behind
from app.sandbox.stripe.billing import lines as lines_of
from app.sandbox.stripe.billing import prices as prices_of
from app.sandbox.stripe.billing import sessions, taxes
from app.sandbox.stripe.calendar import period_at
from app.sandbox.stripe.desk import EXTRAS, Ask, Desk
from app.sandbox.stripe.errors import Refused
from app.sandbox.stripe.operations.customers import with_metadata
from app.sandbox.stripe.registry import LIST, operation, page
from app.sandbox.stripe.store import Thing, new_id

_PRICE_DATA = (
    "price_data{currency! product product_data{name! description metadata{*} tax_code unit_label} unit_amount:int "
    "unit_amount_decimal:dec tax_behavior recurring{interval! interval_count:int}}"
)
_TAKES = (
    "mode:payment|setup|subscription success_url cancel_url return_url ui_mode:hosted_page|embedded_page|elements|form "
    "customer customer_email customer_creation:always|if_required client_reference_id metadata{*} currency locale "
    f"line_items[]{{price quantity:int metadata{{*}} {_PRICE_DATA}}} expires_at:int allow_promotion_codes:bool "
    "payment_method_collection:always|if_required billing_address_collection:auto|required "
    "automatic_tax{enabled!:bool} "
    "tax_id_collection{enabled!:bool required:if_supported|never} customer_update{address name shipping} "
    "allowed_payment_method_types[] "
    "subscription_data{metadata{*} description billing_cycle_anchor:int proration_behavior:create_prorations|none "
    "billing_mode{type!:classic|flexible flexible{*}}} "
    "payment_intent_data{metadata{*} description setup_future_usage:off_session|on_session receipt_email} "
    "invoice_creation{enabled!:bool invoice_data{metadata{*} description footer}} submit_type "
    "saved_payment_method_options{payment_method_save payment_method_remove} setup_intent_data{metadata{*} description}"
)
SHORTEST_S, LONGEST_S = 30 * 60, 24 * 3600


@operation("POST", "/v1/checkout/sessions", _TAKES)
def create(desk: Desk, ask: Ask) -> Thing:
    mode = ask.get("mode")
    if mode is None:
        raise Refused("Missing required param: mode.", code="parameter_missing", param="mode")
    _check(desk, ask, mode)
    expires_at = _expires_at(desk, ask)
    wanted, lines = _lines(desk, ask, mode)
    sums = {name: sum(line[name] for line in lines) for name in ("amount_subtotal", "amount_tax", "amount_total")}
    currency = lines[0]["currency"] if lines else ask.get("currency")
    session = desk.new(
        "checkout.session", "cs_test_", mode=mode, status="open", payment_status="unpaid", currency=currency,
        amount_subtotal=sums["amount_subtotal"] if lines else None, expires_at=expires_at,
        amount_total=sums["amount_total"] if lines else None,
        success_url=ask.get("success_url"), cancel_url=ask.get("cancel_url"), customer=ask.get("customer"),
        customer_email=ask.get("customer_email"), customer_creation=ask.get("customer_creation"),
        client_reference_id=ask.get("client_reference_id"), metadata=ask.get("metadata") or {}, invoice=None,
        subscription=None, payment_intent=None, setup_intent=None, payment_link=None, ui_mode="hosted_page",
        locale=ask.get("locale"), payment_method_collection=ask.get("payment_method_collection", "always"),
        payment_method_types=["card"], payment_method_options={}, client_secret=None, return_url=None,
        billing_address_collection=ask.get("billing_address_collection"), custom_fields=[], shipping_options=[],
        automatic_tax={"enabled": (ask.get("automatic_tax") or {}).get("enabled", False), "liability": None,
                       "provider": None, "status": None},
        tax_id_collection=ask.get("tax_id_collection"), allow_promotion_codes=ask.get("allow_promotion_codes"),
        invoice_creation=_invoice_creation(ask, mode), submit_type=ask.get("submit_type"),
        customer_details=None,
        total_details={"amount_discount": 0, "amount_shipping": 0, "amount_tax": sums["amount_tax"]},
        consent=None, consent_collection=None, currency_conversion=None, recovered_from=None, after_expiration=None,
        phone_number_collection={"enabled": False}, shipping_address_collection=None, shipping_cost=None,
        collected_information=None, _wanted=wanted, _lines=lines, _due=expires_at,
        _subscription_data=_subscription_data(desk, ask),
        _payment_intent_data=ask.get("payment_intent_data") or {},
    )  # fmt: skip
    session["url"] = f"{desk.settings.url}/c/pay/{session['id']}"
    return desk.show(desk.put(session))


def _check(desk: Desk, ask: Ask, mode: str) -> None:
    if not ask.get("success_url"):
        raise Refused("Missing required param: success_url.", code="parameter_missing", param="success_url")
    if ask.get("ui_mode", "hosted_page") != "hosted_page":
        raise Refused("The stand-in has hosted pages only.", param="ui_mode")
    if mode != "setup" and not ask.get("line_items"):
        raise Refused("Missing required param: line_items.", code="parameter_missing", param="line_items")
    if ask.get("customer"):
        desk.living("customer", ask.params["customer"], "customer")
        if ask.get("customer_email"):
            raise Refused("You may only specify one of these parameters: customer, customer_email.")
    for name, right in (
        ("subscription_data", "subscription"), ("payment_method_collection", "subscription"),
        ("payment_intent_data", "payment"), ("invoice_creation", "payment"), ("customer_creation", "payment"),
    ):  # fmt: skip
        if name in ask.params and mode != right:
            raise Refused(f"You can only use `{name}` in `{right}` mode.", param=name)
    if len(ask.get("client_reference_id", "")) > 200:
        raise Refused("Invalid string: must be at most 200 characters", param="client_reference_id")


def _expires_at(desk: Desk, ask: Ask) -> int:
    earliest, latest = desk.now() + SHORTEST_S, desk.now() + LONGEST_S
    moment = behind.about_now(desk, ask.get("expires_at", latest), earliest=earliest)
    if not earliest <= moment <= latest:
        raise Refused(
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.",
            param="expires_at",
        )
    return moment


def _subscription_data(desk: Desk, ask: Ask) -> Thing:
    data: Thing = ask.get("subscription_data") or {}
    anchor = data.get("billing_cycle_anchor")
    if anchor is None:
        return data
    anchor = behind.still_ahead(desk, anchor, end=period_at(desk.now(), anchor, "month", 1)[1])
    if anchor <= desk.now():
        raise Refused("`billing_cycle_anchor` must be in the future.", param="subscription_data[billing_cycle_anchor]")
    return data | {"billing_cycle_anchor": anchor}


def _lines(desk: Desk, ask: Ask, mode: str) -> tuple[list[Thing], list[Thing]]:
    """What to subscribe to, and the line items that the page and the API show."""
    wanted, lines = [], []
    percent = taxes.percent(desk, ask.get("automatic_tax"))
    for place, each in enumerate(ask.get("line_items") or []):
        where = f"line_items[{place}]"
        price = _price(desk, each, where)
        metered = lines_of.is_metered(price)
        if metered and "quantity" in each:
            raise Refused(
                "Quantity should not be specified where usage_type is `metered`. Remove quantity from "
                f"`{where}`.", param=f"{where}[quantity]",
            )  # fmt: skip
        if not metered and "quantity" not in each:
            raise Refused(f"Quantity is required. Add `quantity` to `{where}`.", param=f"{where}[quantity]")
        if mode == "payment" and price["recurring"]:
            raise Refused(
                "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or "
                "use only one-time prices.", param=where,
            )  # fmt: skip
        quantity = each.get("quantity")
        amount = 0 if metered else _amount(desk, ask, price, quantity)
        tax = taxes.on(amount, percent)
        if price["recurring"]:
            wanted.append({"price": price["id"]} | ({} if metered else {"quantity": quantity}))
        lines.append({
            "id": new_id("li_"), "object": "item", "amount_discount": 0, "amount_subtotal": amount, "amount_tax": tax,
            "amount_total": amount + tax, "currency": price["currency"], "metadata": each.get("metadata") or {},
            "description": desk.need("product", price["product"])["name"], "quantity": quantity or 0,
            "price": desk.show(price), "_at": desk.now(),
        })  # fmt: skip
    if mode == "subscription" and not wanted:
        raise Refused("You must provide at least one recurring price in `subscription` mode.", param="line_items")
    return wanted, lines


def _price(desk: Desk, wanted: Thing, where: str) -> Thing:
    if wanted.get("price_data"):
        return prices_of.new_price(desk, dict(wanted["price_data"]))
    if not wanted.get("price"):
        raise Refused(f"Missing required param: {where}[price].", code="parameter_missing", param=f"{where}[price]")
    price = desk.need("price", wanted["price"], f"{where}[price]", status=400)
    if not price["active"]:
        raise Refused("The price specified is inactive. This field only accepts active prices.", param=where)
    return price


def _amount(desk: Desk, ask: Ask, price: Thing, quantity: int) -> int:
    """What is due today: in proportion where the first period is cut short by an anchor."""
    whole = prices_of.whole(price)
    given = ask.get("subscription_data") or {}
    anchor = given.get("billing_cycle_anchor")
    if not price["recurring"] or anchor is None:
        return arithmetic.amount(whole, quantity)
    if given.get("proration_behavior") == "none":
        return 0
    recurring = price["recurring"]
    since, until = period_at(desk.now(), anchor, recurring["interval"], recurring["interval_count"])
    return arithmetic.amount(whole, quantity, part=until - desk.now(), of=until - since)


def _invoice_creation(ask: Ask, mode: str) -> Thing | None:
    if mode != "payment":
        return None
    given = ask.get("invoice_creation") or {"enabled": False}
    data: Thing = {"account_tax_ids": None, "custom_fields": None, "description": None, "footer": None, "issuer": None,
            "metadata": {}, "rendering_options": None}  # fmt: skip
    return {"enabled": given["enabled"], "invoice_data": data | (given.get("invoice_data") or {})}


@operation("GET", "/v1/checkout/sessions", LIST + " customer status payment_intent subscription")
def index(desk: Desk, ask: Ask) -> Thing:
    found = desk.store.all("checkout.session", customer=ask.get("customer"), status=ask.get("status"), newest=True)
    for name in ("payment_intent", "subscription"):
        if name in ask.params:
            found = [each for each in found if each[name] == ask.params[name]]
    return page(desk, ask, found)


@operation("GET", "/v1/checkout/sessions/<session>")
def retrieve(desk: Desk, ask: Ask) -> Thing:
    return desk.show(desk.need("checkout.session", ask.id))


@operation("POST", "/v1/checkout/sessions/<session>", "metadata{*}")
def update(desk: Desk, ask: Ask) -> Thing:
    session = desk.need("checkout.session", ask.id)
    return desk.show(desk.put(session | {"metadata": with_metadata(session["metadata"], ask)}))


@operation("POST", "/v1/checkout/sessions/<session>/expire")
def expire(desk: Desk, ask: Ask) -> Thing:
    session = desk.need("checkout.session", ask.id)
    if session["status"] != "open":
        raise Refused(
            f'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of '
            f"`{session['status']}`."
        )
    return desk.show(sessions.expire(desk, session))


@operation("GET", "/v1/checkout/sessions/<session>/line_items", LIST)
def line_items(desk: Desk, ask: Ask) -> Thing:
    return page(desk, ask, desk.need("checkout.session", ask.id)["_lines"], show=_shown)


def _shown(line: Thing) -> Thing:
    return {name: value for name, value in line.items() if not name.startswith("_")}


EXTRAS["checkout.session", "line_items"] = lambda _, session: {
    "object": "list", "data": [_shown(line) for line in session["_lines"]], "has_more": False,
    "url": f"/v1/checkout/sessions/{session['id']}/line_items",
}  # fmt: skip
