"""Customers and their tax ids."""

from app.sandbox.stripe import errors
from app.sandbox.stripe.billing import customers
from app.sandbox.stripe.desk import EXTRAS, Ask, Desk
from app.sandbox.stripe.registry import LIST, operation, page, within
from app.sandbox.stripe.store import Thing

_ADDRESS = "{line1 line2 city state postal_code country}"
_TAKES = (
    f"email? name? description? phone? metadata{{*}} address?{_ADDRESS} tax_exempt:none|exempt|reverse "
    "preferred_locales[] balance:int invoice_prefix "
    "invoice_settings{default_payment_method? footer?} tax{ip_address? validate_location}"
)
_PLAIN = ("email", "name", "description", "phone", "address", "tax_exempt", "preferred_locales", "balance")


@operation("POST", "/v1/customers", _TAKES + " payment_method tax_id_data[]{type! value!}")
def create(desk: Desk, ask: Ask) -> Thing:
    customer = customers.blank(desk, invoice_prefix=ask.get("invoice_prefix"))
    desk.put(_changed(desk, customer, ask))
    for each in ask.get("tax_id_data", []):
        _add_tax_id(desk, customer, each["type"], each["value"])
    desk.emit("customer.created", customer)
    return desk.show(customer)


@operation("GET", "/v1/customers", LIST + " email created{gt:int gte:int lt:int lte:int}")
def index(desk: Desk, ask: Ask) -> Thing:
    found = [each for each in desk.store.all("customer", newest=True) if not each.get("deleted")]
    if "email" in ask.params:
        found = [each for each in found if each["email"] == ask.params["email"]]
    return page(desk, ask, within(ask, found))


@operation("GET", "/v1/customers/<customer>")
def retrieve(desk: Desk, ask: Ask) -> Thing:
    return desk.show(desk.need("customer", ask.id))


@operation("POST", "/v1/customers/<customer>", _TAKES)
def update(desk: Desk, ask: Ask) -> Thing:
    customer = _living(desk, ask.id)
    before = desk.show(customer)
    desk.put(_changed(desk, customer, ask))
    desk.emit("customer.updated", customer, before)
    return desk.show(customer)


@operation("DELETE", "/v1/customers/<customer>")
def delete(desk: Desk, ask: Ask) -> Thing:
    customer = _living(desk, ask.id)
    desk.emit("customer.deleted", customer)
    desk.put(customer | {"deleted": True})
    return desk.show(customer | {"deleted": True})


@operation("POST", "/v1/customers/<customer>/tax_ids", "type! value!")
def create_tax_id(desk: Desk, ask: Ask) -> Thing:
    return desk.show(_add_tax_id(desk, _living(desk, ask.id), ask.params["type"], ask.params["value"]))


@operation("GET", "/v1/customers/<customer>/tax_ids", LIST)
def tax_ids(desk: Desk, ask: Ask) -> Thing:
    return page(desk, ask, desk.store.all("tax_id", customer=_living(desk, ask.id)["id"], newest=True))


@operation("DELETE", "/v1/customers/<customer>/tax_ids/<tax_id>")
def delete_tax_id(desk: Desk, ask: Ask) -> Thing:
    found = desk.need("tax_id", ask.ids["tax_id"])
    if found["customer"] != ask.id:
        raise errors.missing("tax_id", found["id"])
    desk.store.forget(found["id"])
    return {"id": found["id"], "object": "tax_id", "deleted": True}


def _living(desk: Desk, id_: str) -> Thing:
    customer = desk.need("customer", id_)
    if customer.get("deleted"):
        raise errors.missing("customer", id_)
    return customer


def _changed(desk: Desk, customer: Thing, ask: Ask) -> Thing:
    customer |= {name: ask.params[name] for name in _PLAIN if name in ask.params}
    customer["metadata"] = with_metadata(customer["metadata"], ask)
    for name, value in (ask.get("invoice_settings") or {}).items():
        if name == "default_payment_method" and value:
            desk.living("payment_method", value, "invoice_settings[default_payment_method]")
        customer["invoice_settings"][name] = value
    if "payment_method" in ask.params:
        method = desk.living("payment_method", ask.params["payment_method"], "payment_method")
        desk.put(method | {"customer": customer["id"]})
    return customer


def with_metadata(known: Thing, ask: Ask) -> Thing:
    """Metadata after a request: keys are added and replaced, an empty value removes one, "" removes all."""
    if "metadata" not in ask.params:
        return known
    given = ask.params["metadata"]
    return {} if given is None else {name: text for name, text in (known | given).items() if text != ""}


def _add_tax_id(desk: Desk, customer: Thing, kind: str, value: str) -> Thing:
    verification = {"status": "pending", "verified_address": None, "verified_name": None}
    made = desk.new(
        "tax_id", "txi_", customer=customer["id"], type=kind, value=value, country=value[:2].upper(),
        verification=verification, owner={"type": "customer", "customer": customer["id"]},
    )  # fmt: skip
    desk.put(made)
    desk.emit("customer.tax_id.created", made)
    return made


def _subscriptions(desk: Desk, customer: Thing) -> Thing:
    found = desk.store.all("subscription", customer=customer["id"], newest=True)
    url = f"/v1/customers/{customer['id']}/subscriptions"
    return desk.listed([each for each in found if each["status"] != "canceled"], url)


EXTRAS["customer", "subscriptions"] = _subscriptions
EXTRAS["customer", "tax_ids"] = lambda desk, customer: desk.listed(
    desk.store.all("tax_id", customer=customer["id"], newest=True), f"/v1/customers/{customer['id']}/tax_ids"
)
