"""Products and prices: what one may be, and its amounts."""

from app.sandbox.stripe import arithmetic
from app.sandbox.stripe.desk import EXTRAS, Desk
from app.sandbox.stripe.errors import Refused
from app.sandbox.stripe.store import Thing

LONGEST_LOOKUP_KEY = 200


def new_product(desk: Desk, given: Thing) -> Thing:
    """A product from parameters of create, or from `product_data`."""
    product = desk.new(
        "product", "prod_", active=True, default_price=None, description=None, images=[], marketing_features=[],
        metadata={}, package_dimensions=None, shippable=None, statement_descriptor=None, tax_code=None,
        type="service", unit_label=None, updated=desk.now(), url=None,
    )  # fmt: skip
    product |= {name: value for name, value in given.items() if name != "expand"}
    desk.put(product)
    desk.emit("product.created", product)
    return product


def new_price(desk: Desk, given: Thing) -> Thing:
    """A price from parameters of create, or from `price_data`. Raises Refused where Stripe does."""
    product = given.get("product")
    if product:
        desk.living("product", product, "product")
    elif given.get("product_data"):
        product = new_product(desk, given["product_data"])["id"]
    else:
        raise Refused("Missing required param: product.", code="parameter_missing", param="product")
    price = desk.new(
        "price", "price_", active=given.get("active", True), billing_scheme=given.get("billing_scheme", "per_unit"),
        currency=given["currency"].lower(), custom_unit_amount=None, lookup_key=None,
        metadata=given.get("metadata") or {}, nickname=given.get("nickname"), product=product,
        recurring=_recurring(desk, given.get("recurring")), tax_behavior=given.get("tax_behavior", "unspecified"),
        tiers_mode=given.get("tiers_mode"), transform_quantity=given.get("transform_quantity"),
        type="recurring" if given.get("recurring") else "one_time", _ref=product,
    ) | _amounts(given)  # fmt: skip
    take_key(desk, price, given)
    desk.put(price)
    desk.emit("price.created", price)
    return price


def _recurring(desk: Desk, given: Thing | None) -> Thing | None:
    if given is None:
        return None
    usage, meter = given.get("usage_type", "licensed"), given.get("meter")
    if (usage == "metered") != bool(meter):
        words = "Metered prices must be backed by a meter." if not meter else "Only metered prices have a meter."
        raise Refused(f"{words} See recurring[meter].", param="recurring[meter]")
    if meter and desk.need("billing.meter", meter, "recurring[meter]", status=400)["status"] != "active":
        raise Refused(f"The meter {meter} is inactive.", code="billing_invalid_meter", param="recurring[meter]")
    return {
        "interval": given["interval"], "interval_count": given.get("interval_count", 1), "meter": meter,
        "trial_period_days": None, "usage_type": usage,
    }  # fmt: skip


def _amounts(given: Thing) -> Thing:
    if given.get("billing_scheme") != "tiered":
        if given.get("tiers") or given.get("tiers_mode"):
            raise Refused("tiers can only be set when billing_scheme=tiered.", param="tiers")
        decimal = _decimal(given, "unit_amount")
        if decimal is None:
            raise Refused("You must specify one of unit_amount, unit_amount_decimal.", param="unit_amount")
        return {"unit_amount_decimal": decimal, "unit_amount": _whole(decimal), "_tiers": None}
    if not given.get("tiers") or not given.get("tiers_mode"):
        raise Refused("Tiered prices need tiers and tiers_mode.", param="tiers")
    if given.get("transform_quantity") or "unit_amount" in given or "unit_amount_decimal" in given:
        raise Refused("A tiered price has neither a unit amount nor transform_quantity.", param="tiers")
    return {"unit_amount": None, "unit_amount_decimal": None, "_tiers": _tiers(given["tiers"])}


def _tiers(given: list[Thing]) -> list[Thing]:
    made, below = [], 0
    for place, tier in enumerate(given):
        is_last = place == len(given) - 1
        if (tier["up_to"] == "inf") != is_last:
            raise Refused("The last tier, and only that one, must have up_to=inf.", param=f"tiers[{place}][up_to]")
        up_to = None if is_last else int(tier["up_to"])
        if up_to is not None and up_to <= below:
            raise Refused("Each tier must end after the one before it.", param=f"tiers[{place}][up_to]")
        below = up_to or below
        unit, flat = _decimal(tier, "unit_amount"), _decimal(tier, "flat_amount")
        if unit is None and flat is None:
            raise Refused("A tier needs a unit amount or a flat amount.", param=f"tiers[{place}]")
        made.append({
            "up_to": up_to, "unit_amount": _whole(unit), "unit_amount_decimal": unit,
            "flat_amount": _whole(flat), "flat_amount_decimal": flat,
        })  # fmt: skip
    return made


def _decimal(given: Thing, name: str) -> str | None:
    """The amount of which `name` and `name_decimal` are two ways to say it."""
    whole, decimal = given.get(name), given.get(f"{name}_decimal")
    if whole is not None and decimal is not None:
        raise Refused(f"You may only specify one of these parameters: {name}, {name}_decimal.", param=name)
    text = str(whole) if whole is not None else decimal
    if text is None:
        return None
    if text.startswith("-"):
        raise Refused("Invalid non-negative integer", param=name)
    return arithmetic.decimal_of(arithmetic.picos(text))


def _whole(decimal: str | None) -> int | None:
    return int(decimal) if decimal is not None and "." not in decimal else None


def take_key(desk: Desk, price: Thing, given: Thing) -> None:
    """Give the price its lookup key; from another one only if asked to."""
    key = given.get("lookup_key")
    if key and len(key) > LONGEST_LOOKUP_KEY:
        raise Refused(f"Invalid string: {key}; must be at most 200 characters", param="lookup_key")
    holders = [each for each in desk.store.all("price") if key and each["lookup_key"] == key]
    for holder in holders:
        if holder["id"] == price["id"]:
            continue
        if not given.get("transfer_lookup_key"):
            raise Refused(
                f"A price (`{holder['id']}`) already uses that lookup key. If you wish to transfer this lookup key to "
                "this price, set `transfer_lookup_key` to `true`.",
                param="lookup_key",
            )
        before = desk.show(holder)
        desk.put(holder | {"lookup_key": None})
        desk.emit("price.updated", holder | {"lookup_key": None}, before)
    price["lookup_key"] = key


def whole(price: Thing) -> Thing:
    """The price with its tiers, as the arithmetic wants it."""
    return price | {"tiers": price["_tiers"]}


EXTRAS["price", "tiers"] = lambda _, price: price["_tiers"]
EXTRAS["price", "currency_options"] = lambda _, price: {}
