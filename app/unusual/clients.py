"""Which program a client is, whatever its version."""

import re

_NAME = re.compile(r"[^/(]*")
_VERSION = re.compile(r"\s+v?\d\S*$")
LENGTH = 80
NAMELESS = "a client that does not say what it is"


def product(client: str) -> str:
    """“curl” of “curl/8.5.0”, “Visual Studio Code” of “Visual Studio Code/1.96 (x64)”; "" for who says nothing."""
    found = _NAME.match(client)
    name = found[0].strip() if found else ""
    return _VERSION.sub("", name)[:LENGTH]


def in_words(place: str) -> str:
    """“curl” with its quotation marks, or that it says nothing."""
    return f"“{place}”" if place else NAMELESS
