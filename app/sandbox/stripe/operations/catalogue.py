"""Products and prices."""

from app.sandbox.stripe.billing import prices as prices_of
from app.sandbox.stripe.desk import Ask, Desk
from app.sandbox.stripe.errors import Refused
from app.sandbox.stripe.operations.customers import with_metadata
from app.sandbox.stripe.registry import LIST, operation, page, within
from app.sandbox.stripe.store import Thing

_CREATED = " created{gt:int gte:int lt:int lte:int}"
_PRODUCT = "active:bool description? metadata{*} statement_descriptor unit_label? url? images[] tax_code? "
_PRODUCT += "marketing_features[]{name!} shippable:bool "
_RECURRING = "recurring{interval!:day|week|month|year interval_count:int usage_type:licensed|metered meter}"
_PRICE = (
    "currency! active:bool billing_scheme:per_unit|tiered lookup_key metadata{*} nickname product "
    f"product_data{{name! id metadata{{*}} unit_label statement_descriptor tax_code active:bool}} {_RECURRING} "
    "tax_behavior:exclusive|inclusive|unspecified tiers_mode:graduated|volume "
    "tiers[]{up_to! unit_amount:int unit_amount_decimal:dec flat_amount:int flat_amount_decimal:dec} "
    "transfer_lookup_key:bool transform_quantity{divide_by!:int round!:up|down} unit_amount:int unit_amount_decimal:dec"
)


@operation("POST", "/v1/products", _PRODUCT + "name! id type:good|service")
def create_product(desk: Desk, ask: Ask) -> Thing:
    if ask.get("id") and desk.store.get(ask.params["id"]):
        raise Refused("Product already exists.", code="resource_already_exists", param="id")
    return desk.show(prices_of.new_product(desk, dict(ask.params)))


@operation("GET", "/v1/products", LIST + " active:bool ids[] url shippable:bool" + _CREATED)
def products(desk: Desk, ask: Ask) -> Thing:
    found = [each for each in desk.store.all("product", newest=True) if not each.get("deleted")]
    if "ids" in ask.params:
        found = [each for each in found if each["id"] in ask.params["ids"]]
    return page(desk, ask, within(ask, _where(found, ask, "active", "url", "shippable")))


@operation("GET", "/v1/products/<id>")
def retrieve_product(desk: Desk, ask: Ask) -> Thing:
    return desk.show(desk.need("product", ask.id))


@operation("POST", "/v1/products/<id>", _PRODUCT + "name default_price?")
def update_product(desk: Desk, ask: Ask) -> Thing:
    product = desk.need("product", ask.id)
    before = desk.show(product)
    product |= {name: value for name, value in ask.params.items() if name not in ("expand", "metadata")}
    product |= {"metadata": with_metadata(product["metadata"], ask), "updated": desk.now()}
    desk.put(product)
    desk.emit("product.updated", product, before)
    return desk.show(product)


@operation("DELETE", "/v1/products/<id>")
def delete_product(desk: Desk, ask: Ask) -> Thing:
    product = desk.need("product", ask.id)
    if desk.store.all("price", ref=product["id"], limit=1):
        raise Refused("This product cannot be deleted because it has one or more user-created prices.")
    desk.put(product | {"deleted": True})
    desk.emit("product.deleted", product)
    return desk.show(product | {"deleted": True})


@operation("POST", "/v1/prices", _PRICE)
def create_price(desk: Desk, ask: Ask) -> Thing:
    given = dict(ask.params)
    return desk.show(prices_of.new_price(desk, given))


@operation(
    "GET", "/v1/prices",
    LIST + " active:bool currency lookup_keys[] product type:one_time|recurring "
    "recurring{interval meter usage_type}" + _CREATED,
)  # fmt: skip
def prices(desk: Desk, ask: Ask) -> Thing:
    found = desk.store.all("price", ref=ask.get("product"), newest=True)
    if "lookup_keys" in ask.params:
        found = [each for each in found if each["lookup_key"] in ask.params["lookup_keys"]]
    for name, value in ask.get("recurring", {}).items():
        found = [each for each in found if (each["recurring"] or {}).get(name) == value]
    return page(desk, ask, within(ask, _where(found, ask, "active", "currency", "type")))


@operation("GET", "/v1/prices/<price>")
def retrieve_price(desk: Desk, ask: Ask) -> Thing:
    return desk.show(desk.need("price", ask.id))


@operation(
    "POST", "/v1/prices/<price>",
    "active:bool lookup_key? transfer_lookup_key:bool metadata{*} nickname? tax_behavior:exclusive|inclusive",
)  # fmt: skip
def update_price(desk: Desk, ask: Ask) -> Thing:
    price = desk.need("price", ask.id)
    before = desk.show(price)
    price |= {name: ask.params[name] for name in ("active", "nickname", "tax_behavior") if name in ask.params}
    price["metadata"] = with_metadata(price["metadata"], ask)
    if "lookup_key" in ask.params:
        prices_of.take_key(desk, price, dict(ask.params))
    desk.put(price)
    desk.emit("price.updated", price, before)
    return desk.show(price)


def _where(things: list[Thing], ask: Ask, *names: str) -> list[Thing]:
    for name in names:
        if name in ask.params:
            things = [each for each in things if each[name] == ask.params[name]]
    return things
