"""JSON of strangers, read strictly and written in one way only, so that what was approved can be recognised.

Two spellings of the same value (blanks, order of keys, escapes, 1.0 for 1) have one digest, and two values never share
one: numbers keep every digit that was sent. Why so: docs/adr/0012.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NoReturn

from app.core.errors import Invalid
from app.integrations import characters

MAX_DEPTH = 64
PLAIN_DIGITS = 21
"""Numbers with more are written with an exponent, as JavaScript does (ECMA-262, Number::toString)."""

Json = Any
"""dict, list, str, Decimal, bool or None: what `parse` gives."""

_SURROGATES = re.compile("[\ud800-\udfff]")
_string = json.JSONEncoder(ensure_ascii=False).encode


def parse(data: bytes) -> Json:
    """What `data` says, numbers as Decimal. Raises Invalid: not JSON, a key twice in one object, or too deep."""
    try:
        value = json.loads(
            data.decode(),
            object_pairs_hook=_once,
            parse_int=Decimal,
            parse_float=Decimal,
            parse_constant=_no_number,
        )
    except UnicodeDecodeError:
        raise Invalid("It is not UTF-8.") from None
    except RecursionError:
        raise Invalid(f"It is nested more than {MAX_DEPTH} levels deep.") from None
    except (ValueError, ArithmeticError):  # the second: an exponent beyond all measure
        raise Invalid("It is not JSON.") from None
    _check_depth(value)
    return value


def text(value: Json) -> str:
    """`value` without blanks, keys in the order they came in: what is kept and served."""
    return _written(value, is_sorted=False)


def digest(value: Json) -> str:
    """SHA-256 of `value` with its keys sorted, as 64 hex characters."""
    return hashlib.sha256(_written(value, is_sorted=True).encode()).hexdigest()


def plain(value: Json) -> Any:  # noqa: ANN401  (it is any JSON)
    """`value` with numbers as Python writes them: for columns of JSON, where no digest depends on them."""
    return json.loads(text(value), parse_float=_finite)


def lines(value: Json) -> list[str]:
    """`value` for people and for diffs: keys sorted, one thing to a line, nothing invisible."""
    return list(_lines(value, "", ""))


def _once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Invalid("A key stands twice in the same object.")
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(spelled: str) -> float | str:
    number = float(spelled)
    return number if math.isfinite(number) else spelled


def _check_depth(value: Json) -> None:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return
    raise Invalid(f"It is nested more than {MAX_DEPTH} levels deep.")


def _written(value: Json, *, is_sorted: bool) -> str:
    if isinstance(value, dict):
        pairs = sorted(value.items()) if is_sorted else value.items()
        inner = (f"{_quoted(key)}:{_written(one, is_sorted=is_sorted)}" for key, one in pairs)
        return "{" + ",".join(inner) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_written(one, is_sorted=is_sorted) for one in value) + "]"
    if isinstance(value, str):
        return _quoted(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return _number(Decimal(value))


def _lines(value: Json, start: str, end: str) -> Iterator[str]:
    indent = start[: len(start) - len(start.lstrip())] + "  "
    if isinstance(value, dict) and value:
        inner = [(f"{indent}{characters.shown(_quoted(key))}: ", one) for key, one in sorted(value.items())]
        brackets = "{}"
    elif isinstance(value, list) and value:
        inner = [(indent, one) for one in value]
        brackets = "[]"
    else:
        yield start + characters.shown(_written(value, is_sorted=True)) + end
        return
    yield start + brackets[0]
    for left, (opening, one) in zip(range(len(inner) - 1, -1, -1), inner, strict=True):
        yield from _lines(one, opening, "," if left else "")
    yield indent[:-2] + brackets[1] + end


def _quoted(value: str) -> str:
    return _SURROGATES.sub(lambda found: f"\\u{ord(found[0]):04x}", _string(value))


def _number(value: Decimal) -> str:
    """Every digit, in one way: 1, 0.5, -120, 1.5e30."""
    sign, digits, exponent = value.as_tuple()
    figures = "".join(map(str, digits)).lstrip("0")
    stripped = figures.rstrip("0")
    if not stripped:
        return "0"
    power = int(exponent) + len(figures) - 1  # of the first digit
    minus = "-" if sign else ""
    if len(stripped) - 1 <= power < PLAIN_DIGITS:
        return minus + stripped.ljust(power + 1, "0")
    if 0 <= power < PLAIN_DIGITS:
        return f"{minus}{stripped[: power + 1]}.{stripped[power + 1 :]}"
    if -7 < power < 0:
        return f"{minus}0.{'0' * (-power - 1)}{stripped}"
    fraction = f".{stripped[1:]}" if len(stripped) > 1 else ""
    return f"{minus}{stripped[0]}{fraction}e{power:+d}"
