"""A plan as the fields of a form, there and back. What the fields say goes the way of plans.toml: read by the same
code, refused in the same words, each at its field.

Names: “name”, “rate-calls_per_minute”, “base-usd-month”; “c0-label” for the first charge, and “c0-calls-usd-price” for
what it takes for calls in dollars. A price is “0.002”; with tiers there is a line for each, saying how many calls it
holds, since tiers count after the free units: “first 1,000: 0.002” (“next 1,000” where some are free), “next 9,000:
0.001”, and “then: 0.0005 + 5.00 once”. Volume tiers say where they end: “at most 1,000: 0.002”, and “more: 0.001”.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.core.errors import Invalid
from app.plans import amounts, document, metrics, rating, reading, writing
from app.plans.document import Charge, Document
from app.plans.models import INTERVALS
from app.plans.rating import Scheme
from app.plans.toml_fields import Path, WrongField

EACH, PACKAGE = "each", "package"
MODELS = {
    "": "Not charged",
    EACH: "Per unit",
    rating.GRADUATED: "Graduated tiers",
    rating.VOLUME: "Volume tiers",
    PACKAGE: "Per package",
}
MOST_CHARGES = 15
_TIER = re.compile(
    r"(?:(?:up to|at most) (?P<end>[\d, ]+)|(?:first|next) (?P<size>[\d, ]+)|then|rest|more)"
    r" *: *(?P<each>[\d.]+)(?: *\+ *(?P<flat>[\d.]+)(?: once)?)?",
    re.IGNORECASE,
)
HOW_TIERS = {
    rating.GRADUATED: "“first 1,000: 0.002”, “next 9,000: 0.001”, “then: 0.0005”",
    rating.VOLUME: "“at most 1,000: 0.002”, “more: 0.001”",
}
"""How tiers are written, a line for each."""

Fields = Mapping[str, str]


class WrongForm(Invalid):
    """errors: field to what is wrong with it, in the order of the form."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = dict(errors)


@dataclass
class _Raw:
    """What a table of the file would hold, and which field each part of it came from."""

    said: dict[str, Any]
    places: dict[Path, str]

    def put(self, path: Path, value: object, field: str) -> None:
        inside: Any = self.said
        for part in path[:-1]:
            inside = inside.setdefault(part, {}) if isinstance(inside, dict) else inside[part]
        inside[path[-1]] = value
        self.places[path] = field

    def field_of(self, path: Path) -> str:
        """The field that is nearest to `path`; the name's, where none is."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.places:
                return self.places[path[:length]]
        return "name"


def read(fields: Fields, currencies: Sequence[str]) -> Document:
    """What the fields say. Raises WrongForm."""
    raw = _Raw({}, {})
    try:
        _put_words(raw, fields)
        _put_fees(raw, fields, currencies)
        _put_charges(raw, fields, currencies)
        return reading.plan_of(raw.said, currencies)
    except WrongField as problem:
        raise WrongForm({raw.field_of(problem.path): _as_a_form_says(problem.words)}) from None


def charges_in(fields: Fields) -> int:
    """How many charges the form has."""
    numbers = [int(found[1]) for name in fields if (found := re.match(r"c(\d{1,2})-", name))]
    return min(max(numbers, default=-1) + 1, MOST_CHARGES)


def fill(said: Document, currencies: Sequence[str]) -> dict[str, str]:
    """The fields that say so."""
    found = {"name": said.name, "words": said.words, "kind": said.kind, "features": "\n".join(said.features)}
    found |= {"default": "1"} if said.is_default else {}
    found |= {"published": "1"} if said.is_published else {}
    found |= {f"allowance-{name}": f"{number:,}" for name, number in said.allowances.items()}
    found |= {f"rate-{name}": f"{number:,}" for name, number in said.rates.items()}
    if said.seats_included or said.seats_most:
        found |= {"seats-included": str(said.seats_included), "seats-most": str(said.seats_most)}
    for name, fees in (("base", said.base), ("seat", said.seat)):
        for currency, by_interval in fees.items():
            for interval, minor in by_interval.items():
                found[f"{name}-{currency}-{interval}"] = _written(minor * amounts.NANOS, currency)
    for number, charge in enumerate(said.charges):
        found |= dict(_fill_charge(f"c{number}", charge, currencies))
    return found


def _put_words(raw: _Raw, fields: Fields) -> None:
    for name in ("name", "words", "kind"):
        raw.put((name,), fields.get(name, "").strip(), name)
    features = [line.strip() for line in fields.get("features", "").splitlines() if line.strip()]
    if features:
        raw.put(("features",), features, "features")
    raw.put(("default",), "default" in fields, "default")
    raw.put(("published",), "published" in fields, "published")
    for table, field, names in (
        ("allowances", "allowance", document.ALLOWANCES), ("rates", "rate", document.RATES),
        ("seats", "seats", ("included", "most")),
    ):  # fmt: skip
        for name in names:
            _put_number(raw, (table, name), fields, f"{field}-{name}")


def _put_fees(raw: _Raw, fields: Fields, currencies: Sequence[str]) -> None:
    raw.places["seats",] = "seats-most"
    for name in ("base", "seat"):
        raw.places[name,] = f"{name}-{currencies[0]}-{INTERVALS[0]}"
        for currency in currencies:
            raw.places[name, currency] = f"{name}-{currency}-{INTERVALS[0]}"
            for interval in INTERVALS:
                field = f"{name}-{currency}-{interval}"
                raw.places[name, currency, interval] = field
                if fields.get(field, "").strip():
                    raw.put((name, currency, interval), fields[field].strip(), field)


def _put_charges(raw: _Raw, fields: Fields, currencies: Sequence[str]) -> None:
    charges: list[dict[str, Any]] = []
    for number in range(charges_in(fields)):
        prefix = f"c{number}"
        if f"{prefix}-gone" in fields or not _is_filled(prefix, fields):
            continue
        raw.said["charges"] = charges
        charges.append({})
        place: Path = ("charges", len(charges) - 1)
        raw.places[place] = f"{prefix}-key"
        raw.places |= {(*place, currency): f"{prefix}-{metrics.CALLS}-{currency}-price" for currency in currencies}
        for name in ("key", "label", "integration", "tool"):
            if fields.get(f"{prefix}-{name}", "").strip():
                raw.put((*place, name), fields[f"{prefix}-{name}"].strip(), f"{prefix}-{name}")
        for metric in metrics.METRICS:
            raw.places |= {(*place, currency, metric): f"{prefix}-{metric}-{currency}-price" for currency in currencies}
            cells = {currency: f"{prefix}-{metric}-{currency}" for currency in currencies}
            if _put_prices(raw, place, metric, fields, cells) and metric != metrics.CALLS:
                _put_most(raw, (*place, "max_per_call", metric), fields, f"{prefix}-{metric}-most")


def _put_most(raw: _Raw, path: Path, fields: Fields, field: str) -> None:
    if not fields.get(field, "").strip():
        raw.places[path] = field
        many = metrics.WORDS[str(path[-1])][1]
        words = f"Say how many {many} one call is charged for at most, so that its price is known."
        raise WrongField(words, path, words)
    _put_number(raw, path, fields, field)


def _put_prices(raw: _Raw, place: Path, metric: str, fields: Fields, cells: Mapping[str, str]) -> bool:
    """What it takes for a metric; False for nothing. cells: currency to the beginning of its fields' names."""
    models = {currency: fields.get(f"{cell}-model", "") for currency, cell in cells.items()}
    for currency, model in models.items():
        if model:
            raw.put((*place, currency, metric), {}, f"{cells[currency]}-price")
            _put_price(raw, (*place, currency, metric), model, fields, cells[currency])
    return any(models.values())


def _put_price(raw: _Raw, path: Path, model: str, fields: Fields, cell: str) -> None:
    price, field = fields.get(f"{cell}-price", "").strip(), f"{cell}-price"
    if model == PACKAGE:
        _put_number(raw, (*path, "package"), fields, f"{cell}-size", usual=1)
        raw.put((*path, "price"), price, field)
    else:
        _put_number(raw, (*path, "per"), fields, f"{cell}-size", usual=1)
        raw.put((*path, model), price if model == EACH else list(_tiers(price, (*path, model), raw, field)), field)
    _put_number(raw, (*path, "free"), fields, f"{cell}-free")
    if fields.get(f"{cell}-minimum", "").strip():
        raw.put((*path, "minimum"), fields[f"{cell}-minimum"].strip(), f"{cell}-minimum")


def _tiers(text: str, path: Path, raw: _Raw, field: str) -> Iterator[dict[str, Any]]:
    raw.places[path] = field
    end = 0
    for line in [*filter(None, map(str.strip, text.splitlines()))] or [""]:
        found = _TIER.fullmatch(line)
        if found is None:
            words = f"Write a line for each tier: {HOW_TIERS.get(str(path[-1]), HOW_TIERS[rating.GRADUATED])}."
            raise WrongField(words, path, words)
        if found["size"] is not None:
            end += _whole(found["size"])
        elif found["end"] is not None:
            end = _whole(found["end"])
        is_last = found["size"] is None and found["end"] is None
        ends = {} if is_last else {"up_to": end}
        yield {**ends, "each": found["each"], **({"flat": found["flat"]} if found["flat"] else {})}


def _whole(text: str) -> int:
    return int(re.sub(r"[, ]", "", text) or 0)


def _put_number(raw: _Raw, path: Path, fields: Fields, field: str, *, usual: int | None = None) -> None:
    """A whole number; `usual` where nothing was written, which is left out without one."""
    text = re.sub(r"[, ]", "", fields.get(field, ""))
    if text and not re.fullmatch(r"(?a)\d{1,15}", text):
        raw.places[path] = field
        raise WrongField("Write a whole number.", path, "Write a whole number.")
    if text or usual is not None:
        raw.put(path, int(text) if text else usual, field)


def _is_filled(prefix: str, fields: Fields) -> bool:
    return any(value.strip() for name, value in fields.items() if name.startswith(f"{prefix}-"))


def _fill_charge(prefix: str, charge: Charge, currencies: Sequence[str]) -> Iterator[tuple[str, str]]:
    for name, value in (("key", charge.key), ("label", charge.label), ("integration", charge.integration),
                        ("tool", charge.tool)):  # fmt: skip
        yield f"{prefix}-{name}", value
    for metric, most in charge.max_per_call.items():
        yield f"{prefix}-{metric}-most", f"{most:,}"
    for currency in currencies:
        for metric, scheme in charge.prices.get(currency, {}).items():
            yield from _fill_price(f"{prefix}-{metric}-{currency}", scheme, metric, currency)


def _fill_price(cell: str, scheme: Scheme, metric: str, currency: str) -> Iterator[tuple[str, str]]:
    per = writing.per_of(scheme, metric)
    models = {rating.PER_UNIT: EACH, rating.PACKAGE: PACKAGE}
    yield f"{cell}-model", models.get(scheme.kind, scheme.kind)
    yield f"{cell}-size", f"{scheme.package if scheme.kind == rating.PACKAGE else per:,}"
    if scheme.kind == rating.PACKAGE:
        yield f"{cell}-price", _written(scheme.nanos, currency)
    elif scheme.kind == rating.PER_UNIT:
        yield f"{cell}-price", _written(scheme.nanos * per, currency)
    else:
        yield f"{cell}-price", "\n".join(_tiers_in_words(scheme, per, currency))
    yield f"{cell}-free", f"{scheme.free:,}" if scheme.free else ""
    yield f"{cell}-minimum", _written(scheme.minimum_nanos, currency) if scheme.minimum_nanos else ""


def _tiers_in_words(scheme: Scheme, per: int, currency: str) -> Iterator[str]:
    """As HOW_TIERS says."""
    begins, is_volume = 0, scheme.kind == rating.VOLUME
    for tier in scheme.tiers:
        if tier.up_to is None:
            which = "more" if is_volume else "then"
        elif is_volume:
            which = f"at most {tier.up_to:,}"
        else:
            which = f"{'next' if begins or scheme.free else 'first'} {tier.up_to - begins:,}"
            begins = tier.up_to
        flat = f" + {_written(tier.flat_nanos, currency)} once" if tier.flat_nanos else ""
        yield f"{which}: {_written(tier.nanos_per_unit * per, currency)}{flat}"


def _written(nanos: int, currency: str) -> str:
    return amounts.written(nanos, currency=currency)


def _as_a_form_says(words: str) -> str:
    """Without what is so in files alone."""
    plain = words.replace(", in quotes", "").replace(", without quotes", "").replace(" of the file", "")
    plain = re.sub(r": [a-z.]+ = {[^}]*}", "", plain)
    return plain[:1].upper() + plain[1:]
