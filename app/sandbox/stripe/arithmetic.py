"""What a quantity costs, in integers: picos are 1e-12 of a minor unit, which is as fine as Stripe's decimals go.

Written apart from Postern's own rating on purpose, so that one can find the other's mistakes.
"""

from typing import Any

PICOS = 10**12
ZERO_DECIMAL = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf"]
)  # docs.stripe.com/currencies


def picos(decimal: str) -> int:
    """“0.25”, of a minor unit, as picos. No more than twelve decimals."""
    whole, _, rest = decimal.removeprefix("-").partition(".")
    value = int(whole + rest.ljust(12, "0"))
    return -value if decimal.startswith("-") else value


def decimal_of(value: int) -> str:
    """Picos as the shortest decimal of a minor unit: “0.25”, “100”."""
    sign, value = ("-" if value < 0 else ""), abs(value)
    whole, rest = divmod(value, PICOS)
    return f"{sign}{whole}.{rest:012d}".rstrip("0").rstrip(".")


def half_up(numerator: int, denominator: int) -> int:
    """A fraction as a whole number; halves go away from zero, so that a credit undoes a charge exactly."""
    size = (2 * abs(numerator) + denominator) // (2 * denominator)
    return -size if numerator < 0 else size


def rate(price: dict[str, Any], quantity: int) -> int:
    """Picos that `quantity` units of `price` (as the API shows it, with its tiers) cost; a negative quantity counts as
    none.
    """
    units = max(0, quantity)
    if price["billing_scheme"] == "tiered":
        return (_volume if price["tiers_mode"] == "volume" else _graduated)(price["tiers"], units)
    package = price.get("transform_quantity")
    if package:
        units, left = divmod(units, package["divide_by"])
        units += bool(left) and package["round"] == "up"
    return units * picos(price["unit_amount_decimal"])


def amount(price: dict[str, Any], quantity: int, *, part: int = 1, of: int = 1) -> int:
    """Minor units, rounded once: what `quantity` units cost for `part` of `of` seconds."""
    return half_up(rate(price, quantity) * part, PICOS * of)


def _graduated(tiers: list[dict[str, Any]], units: int) -> int:
    """Each unit at the price of the tier it falls into, and the flat fee of each tier that is reached."""
    total, below = 0, 0
    for tier in tiers:
        if units <= below:
            break
        top = units if tier["up_to"] is None else min(units, tier["up_to"])
        total += (top - below) * picos(tier["unit_amount_decimal"] or "0") + picos(tier["flat_amount_decimal"] or "0")
        below = top
    return total


def _volume(tiers: list[dict[str, Any]], units: int) -> int:
    """All units at the price of the tier that the last one falls into."""
    if not units:
        return 0
    for tier in tiers:
        if tier["up_to"] is None or units <= tier["up_to"]:
            return units * picos(tier["unit_amount_decimal"] or "0") + picos(tier["flat_amount_decimal"] or "0")
    raise ValueError("The last tier has no end.")


def shown(minor: int, currency: str) -> str:
    """For people: “1,234.56 EUR”, “500 JPY”."""
    sign, minor = ("-" if minor < 0 else ""), abs(minor)
    if currency in ZERO_DECIMAL:
        return f"{sign}{minor:,} {currency.upper()}"
    return f"{sign}{minor // 100:,}.{minor % 100:02d} {currency.upper()}"


def shown_picos(value: int, currency: str) -> str:
    """The same with as many decimals as it takes: “0.0025 USD”."""
    minor, rest = divmod(value, PICOS)
    whole, code = shown(minor, currency).split(" ")
    decimals = f"{rest:012d}".rstrip("0")
    point = "." if decimals and currency in ZERO_DECIMAL else ""
    return f"{whole}{point}{decimals} {code}"
