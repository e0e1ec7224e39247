"""A look through what an integration says of itself for text that is meant for a model and not for people.

A finding is a reason for a person to look, not a proof: honest texts name other tools and addresses too. Nothing with a
finding is ever approved without a person. Source of the kinds: OWASP MCP Top 10 (MCP03 tool poisoning), and what was
found in the wild. docs/adr/0012 says what this can't do.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from app.integrations import canonical, characters, suspicions
from app.integrations.canonical import Json
from app.integrations.suspicions import Names, Place

MAX_FINDINGS = 50
MAX_DEFINITION = 64 * 1024
MAX_SCANNED = 64 * 1024
"""Characters of one text that are looked through; texts that long are found for their length."""

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_$-]{1,64}")

KINDS: Mapping[str, str] = {
    "invisible": "characters that are not drawn",
    "direction": "characters that turn the direction of the text around them",
    "tag_characters": "tag characters: text that only a model reads",
    "variation_selectors": "variation selectors in a row: bytes hidden in text",
    "control": "control characters or terminal escapes",
    "broken_text": "half a character",
    "blanks": "many blanks or empty lines, which push text out of sight",
    "mixed_scripts": "a word of letters that only look alike",
    "markup": "HTML",
    "html_comment": "an HTML comment",
    "instruction_tag": "a tag that poses as instructions to the model",
    "order": "an order to the model",
    "other_tool": "says when to use another tool",
    "address": "an address on the internet",
    "outside_reference": "a schema that is somewhere else",
    "odd_icon": "an icon that is neither https nor a plain picture",
    "encoded": "a long encoded text",
    "too_long": "more text than anyone reads",
    "odd_name": "a name that is not just letters, digits, “_”, “-”, “.” and “/”",
    "look_alike": "a name that looks like another tool’s",
    "unusable_name": "a tool without a usable name; left out",
    "double_name": "two tools of one name; both left out",
    "more": "more of the like; only the first are kept",
}
"""Every kind of finding, in words."""


class Finding(NamedTuple):
    """path: where in the JSON, as in $.inputSchema.properties.query.description. excerpt: shown, so harmless."""

    path: str
    kind: str
    excerpt: str

    def kept(self) -> dict[str, str]:
        """As the database holds it."""
        return self._asdict()


def of_tool(definition: Mapping[str, Json], names: Names) -> list[Finding]:
    """Findings in one tool's definition, in the order of its text. names: of all tools of this gateway."""
    name = str(definition.get("name", ""))
    found = [Finding("$.name", kind, characters.excerpt(name)) for kind in suspicions.of_name(name, names)]
    size = len(canonical.text(dict(definition)))
    if size > MAX_DEFINITION:
        found.append(Finding("$", "too_long", f"{size:,} characters"))
    return _first([*found, *_of_value(dict(definition), Place("$", name, names))])


def of_server(said: Mapping[str, Json], names: Names) -> list[Finding]:
    """Findings in everything else: serverInfo, instructions, prompts and resources.

    names: of the tools of all other integrations; its own it may name.
    """
    return _first(list(_of_value(dict(said), Place("$", "", names))))


def _first(found: list[Finding]) -> list[Finding]:
    if len(found) <= MAX_FINDINGS:
        return found
    return [*found[:MAX_FINDINGS], Finding("$", "more", f"{len(found) - MAX_FINDINGS} more")]


def _of_value(value: Json, place: Place) -> Iterator[Finding]:
    if isinstance(value, dict):
        for key, inner in value.items():
            below = replace(place, path=_member(place.path, key))
            if _PLAIN_KEY.fullmatch(key) is None:
                yield from _of_text(key, replace(place, path=f"{below.path} (key)"))
            yield from _of_value(inner, below)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _of_value(inner, replace(place, path=f"{place.path}[{index}]"))
    elif isinstance(value, str):
        yield from _of_text(value, place)


def _of_text(text: str, place: Place) -> Iterator[Finding]:
    for kind, start in suspicions.of_text(text[:MAX_SCANNED], place, length=len(text)):
        yield Finding(place.path, kind, characters.excerpt(text[max(0, start - 20) : start + 140]))


def _member(path: str, key: str) -> str:
    if _PLAIN_KEY.fullmatch(key) is not None:
        return f"{path}.{key}"
    return f'{path}["{characters.excerpt(key, length=60)}"]'
