"""Money at the edges: what people type and read, to and from integer nano-minor-units (1e-9 of a cent).

Inside there are only integers; `Decimal` appears here and nowhere else, floats nowhere at all.
"""

import re
from decimal import Decimal

from app.core.errors import Invalid

NANOS = 10**9
"""Nano-minor-units in one minor unit."""
LARGEST_NANOS = 2**63 - 1
"""What a column holds: about 92 million dollars."""

EXPONENTS = {"usd": 2, "eur": 2, "gbp": 2, "chf": 2, "cad": 2, "aud": 2, "jpy": 0, "krw": 0}
"""Currencies that prices can be in, each with its number of decimals (ISO 4217)."""
_SIGNS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}
NAMES = {
    "usd": "US dollars", "eur": "euros", "gbp": "pounds", "chf": "Swiss francs", "cad": "Canadian dollars",
    "aud": "Australian dollars", "jpy": "yen", "krw": "won",
}  # fmt: skip
"""What people call them."""
_TYPED = re.compile(r"(?a)(?:\d{1,15}|\d{1,3}(?:,\d{3}){1,4})(?:\.\d{1,15})?")
_DECIMAL_COMMA = re.compile(r"(?a)\d{1,15},(\d{1,2})")
_AMOUNT = re.compile(r"(?a)(\d{1,15}(?:\.\d{1,15})?)(c| ?[a-z]{3})?")


def parse(text: str, *, currency: str) -> int:
    """“0.05 usd”, “0.05usd”, “0.05” (all in the major unit) or “0.25c” (in hundredths of it), as nano-minor-units.

    currency: the installation's; another is refused. Raises Invalid with words that say what to write instead.
    """
    found = _AMOUNT.fullmatch(text.strip().lower())
    if found is None:
        said = f"“{text[:40]}” is not an amount. " if text.strip() else ""
        raise Invalid(f"{said}Write an amount like “0.05 {currency}” or “0.25c”.")
    unit = (found[2] or currency).strip()
    if unit not in ("c", currency):
        raise Invalid(f"Prices here are in {currency}, not in “{unit}”.")
    if unit == "c" and EXPONENTS[currency] != EXPONENTS["usd"]:
        raise Invalid(f"A {currency} has no hundredths. Write it like “5 {currency}”.")
    minor = Decimal(found[1]) if unit == "c" else Decimal(found[1]).scaleb(EXPONENTS[currency])
    nanos = minor * NANOS
    if nanos != int(nanos):
        raise Invalid("Amounts have at most nine decimals of a cent.")
    if nanos > LARGEST_NANOS:
        raise Invalid("That is more than can be counted.")
    return int(nanos)


def parse_minor(text: str, *, currency: str) -> int:
    """The same in whole minor units, for what is charged once and not per call. Raises Invalid."""
    nanos = parse(text, currency=currency)
    if nanos % NANOS:
        exponent = EXPONENTS[currency]
        raise Invalid(f"This amount has at most {exponent} decimals." if exponent else f"A {currency} has no decimals.")
    return nanos // NANOS


def parse_typed(text: str, *, currency: str) -> int:
    """What a customer typed into a form, as nano-minor-units: “25”, “25.00”, “1,000”, “$25”, “25 USD”;
    “25,00”, too, where that can be nothing but a decimal comma.

    Raises Invalid with words that say what to type.
    """
    plain = text.strip().lower().removesuffix(currency).strip().removeprefix(_SIGNS.get(currency, currency)).strip()
    decimals = _DECIMAL_COMMA.fullmatch(plain)
    if decimals is not None and len(decimals[1]) == EXPONENTS[currency]:
        plain = plain.replace(",", ".")
    if _TYPED.fullmatch(plain) is None:
        said = f"“{text.strip()[:40]}” is not an amount in {NAMES[currency]}. " if plain else ""
        raise Invalid(f"{said}Write it in figures, such as {example(currency)}.")
    nanos = Decimal(plain.replace(",", "")).scaleb(EXPONENTS[currency]) * NANOS
    if nanos != int(nanos):
        raise Invalid(f"Write fewer decimals, such as {example(currency)}.")
    if nanos > LARGEST_NANOS:
        raise Invalid(f"Write less than {shown(LARGEST_NANOS // 10**18 * 10**18, currency=currency)}.")
    return int(nanos)


def parse_typed_minor(text: str, *, currency: str) -> int:
    """The same in whole minor units, for what is charged once. Raises Invalid."""
    nanos = parse_typed(text, currency=currency)
    if nanos % NANOS:
        places = f"at most {EXPONENTS[currency]} decimals" if EXPONENTS[currency] else "no decimals"
        raise Invalid(f"Write it with {places}, such as {example(currency)}.")
    return nanos // NANOS


def example(currency: str) -> str:
    """What an amount looks like that people type: “25.00”, or “2500”."""
    return written(25_00 * NANOS, currency=currency)


def to_minor(nanos: int) -> int:
    """Whole minor units, halves rounded up (away from zero, so that a credit is exactly the charge that it undoes).

    To be done once for each line of a bill, and nowhere before.
    """
    if nanos < 0:
        return -to_minor(-nanos)
    return (2 * nanos + NANOS) // (2 * NANOS)


def shown_minor(minor: int, *, currency: str) -> str:
    """`shown` for whole minor units."""
    return shown(minor * NANOS, currency=currency)


def shown(nanos: int, *, currency: str) -> str:
    """For people: “$0.0025”, “€12,345.67”, “¥1,234,567”, “5.00 chf”, “-$5.00”; at least the currency's decimals, and
    no zeros after those.
    """
    whole, point, decimals = written(abs(nanos), currency=currency).partition(".")
    return _with_sign(f"{int(whole):,}{point}{decimals}", nanos, currency)


def recorded(nanos: int, *, currency: str) -> str:
    """For the audit trail and logs, which programs search: “€12345.67”, without separators."""
    return _with_sign(written(abs(nanos), currency=currency), nanos, currency)


def written(nanos: int, *, currency: str) -> str:
    """The number alone, which programs and `parse` read again: “0.0025”, “12345.67”, “5”."""
    exponent = EXPONENTS[currency]
    major = Decimal(nanos).scaleb(-9 - exponent)
    whole, _, decimals = f"{major:.{9 + exponent}f}".partition(".")
    decimals = decimals.rstrip("0").ljust(exponent, "0")
    return f"{whole}.{decimals}" if decimals else whole


def _with_sign(number: str, nanos: int, currency: str) -> str:
    sign, minus = _SIGNS.get(currency), "-" if nanos < 0 else ""
    return f"{minus}{sign}{number}" if sign else f"{minus}{number} {currency}"
