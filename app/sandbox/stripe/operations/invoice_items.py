"""Invoice items: single amounts that wait for an invoice, or are put onto a draft."""

from app.sandbox.stripe import arithmetic
from app.sandbox.stripe.billing import drafts
from app.sandbox.stripe.billing import lines as lines_of
from app.sandbox.stripe.billing import prices as prices_of
from app.sandbox.stripe.desk import Ask, Desk
from app.sandbox.stripe.errors import Refused
from app.sandbox.stripe.operations.customers import with_metadata
from app.sandbox.stripe.registry import LIST, operation, page, within
from app.sandbox.stripe.store import Thing


@operation(
    "POST", "/v1/invoiceitems",
    "customer! amount:int currency description metadata{*} invoice subscription pricing{price} quantity:int "
    "unit_amount_decimal:dec period{start!:int end!:int} discountable:bool "
    "price_data{currency! product! unit_amount:int unit_amount_decimal:dec tax_behavior}",
)  # fmt: skip
def create(desk: Desk, ask: Ask) -> Thing:
    customer = desk.living("customer", ask.params["customer"], "customer")
    invoice = _draft(desk, ask.params["invoice"]) if ask.get("invoice") else None
    subscription = ask.get("subscription")
    if subscription:
        desk.need("subscription", subscription, "subscription", status=400)
    quantity = ask.get("quantity", 1)
    amount, currency, price = _amount(desk, ask, quantity)
    item = blank(
        desk, customer=customer["id"], amount=amount, currency=currency, quantity=quantity,
        description=ask.get("description"), discountable=ask.get("discountable", True),
        metadata=ask.get("metadata") or {}, pricing=lines_of.pricing(price) if price else None,
        period=ask.get("period", {"start": desk.now(), "end": desk.now()}),
        parent=subscription and {"type": "subscription_details",
                                 "subscription_details": {"subscription": subscription, "subscription_item": None}},
    )  # fmt: skip
    desk.put(item)
    if invoice:
        invoice["_lines"].append(lines_of.of_item(item))
        item = desk.put(item | {"invoice": invoice["id"], "_ref": None})
        desk.put(drafts.total(desk, invoice, customer))
    desk.emit("invoiceitem.created", item)
    return desk.show(item)


def blank(desk: Desk, *, customer: str, amount: int, currency: str, quantity: int, **fields: object) -> Thing:
    """A single amount of today that waits for an invoice; not stored yet."""
    now = desk.now()
    return desk.new(
        "invoiceitem", "ii_", amount=amount, currency=currency, customer=customer, date=now, description=None,
        discountable=True, discounts=[], invoice=None, metadata={}, net_amount=amount, parent=None,
        period={"start": now, "end": now}, pricing=None, proration=False, proration_details=None, quantity=quantity,
        quantity_decimal=str(quantity), tax_rates=[], test_clock=None, _ref="pending",
    ) | fields  # fmt: skip


def _draft(desk: Desk, id_: str) -> Thing:
    invoice = desk.need("invoice", id_, "invoice", status=400)
    if invoice["status"] != "draft":
        raise Refused("The invoice is no longer editable.", code="invoice_not_editable", param="invoice")
    return invoice


def _amount(desk: Desk, ask: Ask, quantity: int) -> tuple[int, str, Thing | None]:
    """What it costs in which currency, and by which price if by one."""
    price = None
    if ask.get("price_data"):
        price = prices_of.new_price(desk, dict(ask.params["price_data"]))
    elif (ask.get("pricing") or {}).get("price"):
        price = desk.need("price", ask.params["pricing"]["price"], "pricing[price]", status=400)
    if price:
        if price["recurring"]:
            raise Refused("The price must be a one-time price.", param="pricing[price]")
        return arithmetic.amount(prices_of.whole(price), quantity), price["currency"], price
    if not ask.get("currency"):
        raise Refused("Missing required param: currency.", code="parameter_missing", param="currency")
    if "unit_amount_decimal" in ask.params:
        unit = arithmetic.picos(ask.params["unit_amount_decimal"])
        return arithmetic.half_up(unit * quantity, arithmetic.PICOS), ask.params["currency"].lower(), None
    if "amount" not in ask.params:
        raise Refused("Missing required param: amount.", code="parameter_missing", param="amount")
    return ask.params["amount"], ask.params["currency"].lower(), None


@operation("GET", "/v1/invoiceitems", LIST + " customer invoice pending:bool created{gt:int gte:int lt:int lte:int}")
def index(desk: Desk, ask: Ask) -> Thing:
    found = desk.store.all("invoiceitem", customer=ask.get("customer"), newest=True)
    if "invoice" in ask.params:
        found = [each for each in found if each["invoice"] == ask.params["invoice"]]
    if "pending" in ask.params:
        found = [each for each in found if (each["invoice"] is None) == ask.params["pending"]]
    return page(desk, ask, within(ask, found))


@operation("GET", "/v1/invoiceitems/<invoiceitem>")
def retrieve(desk: Desk, ask: Ask) -> Thing:
    return desk.show(desk.need("invoiceitem", ask.id))


@operation("POST", "/v1/invoiceitems/<invoiceitem>", "amount:int description? metadata{*}")
def update(desk: Desk, ask: Ask) -> Thing:
    item = _pending(desk, ask.id)
    item |= {name: ask.params[name] for name in ("amount", "description") if name in ask.params}
    item |= {"metadata": with_metadata(item["metadata"], ask), "net_amount": item["amount"]}
    return desk.show(desk.put(item))


@operation("DELETE", "/v1/invoiceitems/<invoiceitem>")
def delete(desk: Desk, ask: Ask) -> Thing:
    item = _pending(desk, ask.id)
    desk.store.forget(item["id"])
    desk.emit("invoiceitem.deleted", item)
    return {"id": item["id"], "object": "invoiceitem", "deleted": True}


def _pending(desk: Desk, id_: str) -> Thing:
    item = desk.need("invoiceitem", id_)
    if item["invoice"]:
        raise Refused("The invoice item is on an invoice already and cannot be changed.")
    return item
