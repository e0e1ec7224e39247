"""What tax comes on top of a payment: as many percent as are set, once it is known where the customer is."""

from app.sandbox.stripe.billing import taxes
from app.sandbox.stripe.desk import LOOKS, Ask, Desk
from app.sandbox.stripe.errors import Refused
from app.sandbox.stripe.registry import operation
from app.sandbox.stripe.store import Thing

GOOD_FOR_S = 90 * 86_400


@operation(
    "POST", "/v1/tax/calculations",
    "currency! customer line_items![]{amount!:int reference quantity:int tax_behavior:exclusive|inclusive tax_code "
    "product metadata{*}}",
)  # fmt: skip
def calculate(desk: Desk, ask: Ask) -> Thing:
    customer = desk.living("customer", ask.params["customer"], "customer")
    address = customer["address"] or {}
    if not address.get("country"):
        raise Refused("Where the customer is cannot be told.", code="customer_tax_location_invalid", param="customer")
    percent = taxes.percent(desk, {"enabled": True})
    amount = sum(line["amount"] for line in ask.params["line_items"])
    tax = sum(taxes.on(line["amount"], percent) for line in ask.params["line_items"])
    breakdown = [{
        "amount": tax, "inclusive": False, "taxable_amount": amount, "taxability_reason": "standard_rated",
        "tax_rate_details": {"country": address["country"], "flat_amount": None, "percentage_decimal": str(percent),
                             "rate_type": "percentage", "state": address.get("state"), "tax_type": "sales_tax"},
    }] if tax else []  # fmt: skip
    made = desk.new(
        "tax.calculation", "taxcalc_", amount_total=amount + tax, currency=ask.params["currency"].lower(),
        customer=customer["id"], expires_at=desk.now() + GOOD_FOR_S, ship_from_details=None, shipping_cost=None,
        tax_amount_exclusive=tax, tax_amount_inclusive=0, tax_date=desk.now(), tax_breakdown=breakdown,
        customer_details={"address": address, "address_source": "billing", "ip_address": None, "tax_ids": [],
                          "taxability_override": "none"},
    )  # fmt: skip
    desk.put(made)
    return desk.show(made)


@operation("GET", "/v1/tax/calculations/<calculation>")
def retrieve(desk: Desk, ask: Ask) -> Thing:
    return desk.show(desk.need("tax.calculation", ask.id))


LOOKS["tax.calculation"] = lambda _, found: {name: value for name, value in found.items() if name != "created"}
