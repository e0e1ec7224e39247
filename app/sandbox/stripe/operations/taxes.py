"""What tax comes on top of a payment: as many percent as are set, once it is known where the customer is."""

from app.sandbox.stripe import arithmetic
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
    percent = desk.store.fact("tax_percent", 0)
    amount = sum(line["amount"] for line in ask.params["line_items"])
    tax = sum(arithmetic.half_up(line["amount"] * percent, 100) for line in ask.params["line_items"])
    made = desk.new(
        "tax.calculation", "taxcalc_", amount_total=amount + tax, currency=ask.params["currency"].lower(),
        customer=customer["id"], expires_at=desk.now() + GOOD_FOR_S, ship_from_details=None, shipping_cost=None,
        tax_amount_exclusive=tax, tax_amount_inclusive=0, tax_date=desk.now(), tax_breakdown=[],
        customer_details={"address": address, "address_source": "billing", "ip_address": None, "tax_ids": [],
                          "taxability_override": "none"},
    )  # fmt: skip
    desk.put(made)
    return desk.show(made)


LOOKS["tax.calculation"] = lambda _, found: {name: value for name, value in found.items() if name != "created"}
