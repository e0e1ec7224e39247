"""Parameters: from bracketed form keys to nested values, checked against an operation's list of what it takes.

The list is a line of words: `currency! unit_amount:int recurring{interval! meter} tiers[]{up_to!} metadata{*}`. A `!`
marks what must be there, `?` what may be unset by an empty string (it arrives as None); a word is a string unless a
type follows (int, bool, dec, or alternatives such as month|year); `[]` is a list, `{…}` an object, `{*}` any object.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from app.sandbox.stripe import errors
from app.sandbox.stripe.errors import Refused

_WORD = re.compile(r"\s*(?P<name>\w+)(?P<must>!)?(?P<unset>\?)?(?P<many>\[\])?(?::(?P<type>[\w|.\-]+))?(?P<open>\{)?")
_DECIMAL = re.compile(r"(?a)-?\d{1,20}(\.\d{1,12})?")
DEEPEST = 8


@dataclass(frozen=True)
class Word:
    """One parameter that an operation takes. inside: None unless it is an object; "*" in it: any keys."""

    name: str
    must: bool = False
    unset: bool = False
    many: bool = False
    type: str = "str"
    inside: Mapping[str, "Word"] | None = field(default=None, hash=False)


@cache
def spec(text: str) -> Mapping[str, Word]:
    """The list, by name. Raises ValueError if it is not one."""
    words, end = _words(text, 0)
    if text[end:].strip():
        raise ValueError(f"Not a list of parameters: {text[end:]}")
    return words


def _words(text: str, at: int) -> tuple[dict[str, Word], int]:
    words: dict[str, Word] = {}
    while text[at:].strip() and not text[at:].lstrip().startswith("}"):
        if text[at:].lstrip().startswith("*"):
            words["*"] = Word("*")
            at = text.index("*", at) + 1
            continue
        found = _WORD.match(text, at)
        if found is None:
            raise ValueError(f"Not a list of parameters: {text[at:]}")
        at, inside = found.end(), None
        if found["open"]:
            inside, at = _words(text, at)
            at = text.index("}", at) + 1
        words[found["name"]] = Word(
            found["name"],
            bool(found["must"]),
            bool(found["unset"]) or found["name"] == "metadata",
            bool(found["many"]),
            found["type"] or "str",
            inside,
        )
    return words, at


def nested(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """`a[b][0][c]=v` as {"a": {"b": {"0": {"c": "v"}}}}; `a[]=v` counts up from 0. Lists are made by `check`."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        first, *rest = re.split(r"\]?\[", key.removesuffix("]"))
        if len(rest) > DEEPEST:
            raise Refused(f"Invalid request: {key[:80]} is nested too deeply.")
        place = found
        path = [first, *rest]
        for step in path[:-1]:
            inner = place.setdefault(step, {})
            if not isinstance(inner, dict):
                raise Refused(f"Invalid {first}: both a value and an object.", param=first)
            place = inner
        place[path[-1] or str(len(place))] = value
    return found


def check(values: Mapping[str, Any], words: Mapping[str, Word], within: str = "") -> dict[str, Any]:
    """`values` with the types that `words` asks for. Raises Refused as Stripe does."""
    unknown = [_name(within, name) for name in values if name not in words and "*" not in words]
    if unknown:
        raise errors.unknown(unknown)
    lacking = [name for name, word in words.items() if word.must and name not in values]
    if lacking:
        raise errors.lacking(_name(within, lacking[0]))
    return {
        name: _checked(value, words[name], _name(within, name)) if name in words else value
        for name, value in values.items()
    }


def _name(within: str, name: str) -> str:
    return f"{within}[{name}]" if within else name


def _checked(value: Any, word: Word, name: str) -> Any:  # noqa: ANN401  (whatever was sent)
    if value == "" or value is None:
        if word.unset:
            return None
        raise Refused(
            f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a parameter; "
            f"however '{name}' cannot be unset. You should remove '{name}' from your request or supply a non-empty "
            "value.",
            code="parameter_invalid_empty",
            param=name,
        )
    if word.many:
        if not isinstance(value, dict | list):
            raise Refused("Invalid array", param=name)
        each = value if isinstance(value, list) else [value[at] for at in sorted(value, key=_index)]
        return [_one(one, word, f"{name}[{at}]") for at, one in enumerate(each)]
    return _one(value, word, name)


def _index(key: str) -> int:
    if not key.isdecimal():
        raise Refused("Invalid array", param=key)
    return int(key)


def _one(value: Any, word: Word, name: str) -> Any:  # noqa: ANN401
    if word.inside is not None:
        if not isinstance(value, dict):
            raise Refused("Invalid object", param=name)
        return check(value, word.inside, name)
    if isinstance(value, dict | list):
        raise Refused(f"Invalid string: {value}", param=name)
    return _plain(str(value).lower() if isinstance(value, bool) else str(value), word.type, name)


def _plain(text: str, kind: str, name: str) -> Any:  # noqa: ANN401
    if kind == "str":
        return text
    if kind == "int":
        if not re.fullmatch(r"(?a)-?\d{1,18}", text):
            raise Refused(f"Invalid integer: {text[:100]}", code="parameter_invalid_integer", param=name)
        return int(text)
    if kind == "bool":
        if text not in ("true", "false"):
            raise Refused(f"Invalid boolean: {text[:100]}", param=name)
        return text == "true"
    if kind == "dec":
        if not _DECIMAL.fullmatch(text):
            raise Refused(f"Invalid decimal: {text[:100]}", code="parameter_invalid_decimal", param=name)
        return text
    if text not in kind.split("|"):
        raise Refused(f"Invalid {name}: must be one of {', '.join(kind.split('|'))}", param=name)
    return text
