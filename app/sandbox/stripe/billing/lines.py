"""Lines of invoices: usage of the period that ended, fees of the one that begins, and single items."""

from app.sandbox.stripe import arithmetic, metering
from app.sandbox.stripe.billing import prices as prices_of
from app.sandbox.stripe.calendar import period_at
from app.sandbox.stripe.desk import Desk
from app.sandbox.stripe.store import Thing, new_id


def is_metered(price: Thing) -> bool:
    return bool(price["recurring"] and price["recurring"]["usage_type"] == "metered")


def full_period(subscription: Thing, price: Thing, moment: int) -> tuple[int, int]:
    """The whole period of a price that holds `moment`, also where the subscription began inside it."""
    recurring = price["recurring"]
    return period_at(moment, subscription["billing_cycle_anchor"], recurring["interval"], recurring["interval_count"])


def usage(desk: Desk, subscription: Thing, item: Thing, price: Thing, period: tuple[int, int]) -> Thing:
    """What a metered price costs for [start, end) of `period`, by what its meter says at this moment."""
    line = _line(subscription, item, price, period)
    line["_usage"] = True
    return recount(desk, line, subscription["customer"])


def recount(desk: Desk, line: Thing, customer: str) -> Thing:
    """The same line by what the meter says now. Lines of other kinds stay as they are."""
    if not line.get("_usage"):
        return line
    price = prices_of.whole(desk.need("price", line["pricing"]["price_details"]["price"]))
    meter = desk.need("billing.meter", price["recurring"]["meter"])
    quantity = metering.aggregate(desk, meter, customer, line["period"]["start"], line["period"]["end"])
    amount = arithmetic.amount(price, quantity)
    return line | {
        "quantity": quantity, "quantity_decimal": str(quantity), "amount": amount, "subtotal": amount,
        "description": _described(desk, price, quantity),
    }  # fmt: skip


def fee(desk: Desk, subscription: Thing, item: Thing, price: Thing, period: tuple[int, int]) -> Thing:
    """What a licensed price costs in advance for `period`, in proportion where that is not a whole period."""
    start, end = period
    since, until = full_period(subscription, price, start)
    amount = arithmetic.amount(prices_of.whole(price), item["quantity"], part=end - start, of=until - since)
    return _with(desk, _line(subscription, item, price, period), price, item["quantity"], amount)


def nothing_yet(desk: Desk, subscription: Thing, item: Thing, price: Thing, period: tuple[int, int]) -> Thing:
    """The line of a metered price on a subscription's first invoice."""
    return _with(desk, _line(subscription, item, price, period), price, 0, 0)


def of_item(invoice_item: Thing) -> Thing:
    """A pending invoice item as a line."""
    details = invoice_item["parent"]["subscription_details"] if invoice_item["parent"] else {}
    common = {"proration": invoice_item["proration"], "proration_details": {"credited_items": None}}
    subscription = details.get("subscription")
    if details.get("subscription_item"):
        parent = {
            "type": "subscription_item_details", "invoice_item_details": None,
            "subscription_item_details": common
            | {"invoice_item": invoice_item["id"], "subscription": subscription,
               "subscription_item": details["subscription_item"]},
        }  # fmt: skip
    else:
        parent = {
            "type": "invoice_item_details",
            "subscription_item_details": None,
            "invoice_item_details": common | {"invoice_item": invoice_item["id"], "subscription": subscription},
        }
    shared = ("amount", "currency", "description", "discountable", "metadata", "period", "pricing", "quantity")
    return _bare() | {name: invoice_item[name] for name in shared} | {
        "parent": parent, "subscription": subscription, "subtotal": invoice_item["amount"],
        "quantity_decimal": str(invoice_item["quantity"]),
    }  # fmt: skip


def pricing(price: Thing) -> Thing:
    return {
        "type": "price_details", "price_details": {"price": price["id"], "product": price["product"]},
        "unit_amount_decimal": price["unit_amount_decimal"],
    }  # fmt: skip


def _line(subscription: Thing, item: Thing, price: Thing, period: tuple[int, int]) -> Thing:
    details = {
        "invoice_item": None, "proration": False, "proration_details": {"credited_items": None},
        "subscription": subscription["id"], "subscription_item": item["id"],
    }  # fmt: skip
    parent = {"type": "subscription_item_details", "invoice_item_details": None, "subscription_item_details": details}
    return _bare() | {
        "currency": price["currency"], "discountable": True, "metadata": dict(subscription["metadata"]),
        "parent": parent, "period": {"start": period[0], "end": period[1]}, "pricing": pricing(price),
        "subscription": subscription["id"],
    }  # fmt: skip


def _with(desk: Desk, line: Thing, price: Thing, quantity: int, amount: int) -> Thing:
    return line | {
        "quantity": quantity, "quantity_decimal": str(quantity), "amount": amount, "subtotal": amount,
        "description": _described(desk, price, quantity),
    }  # fmt: skip


def _bare() -> Thing:
    return {
        "id": new_id("il_"), "object": "line_item", "livemode": False, "discount_amounts": [], "discounts": [],
        "pretax_credit_amounts": [], "taxes": [], "invoice": None,
    }  # fmt: skip


def _described(desk: Desk, price: Thing, quantity: int) -> str:
    """“9 × Calls (at 0.01 USD / month)”, “3 seats × Team (…)” where the product has a label for its units."""
    product = desk.need("product", price["product"])
    unit = f" {product['unit_label']}" if product["unit_label"] else ""
    return f"{quantity}{unit} × {product['name']} ({_how(price)})"


def _how(price: Thing) -> str:
    """“at 0.05 EUR / month”."""
    every = f"/ {price['recurring']['interval']}" if price["recurring"] else "each"
    if price["billing_scheme"] == "tiered":
        return f"{price['tiers_mode']} tiers {every}"
    return f"at {arithmetic.shown_picos(arithmetic.picos(price['unit_amount_decimal']), price['currency'])} {every}"
