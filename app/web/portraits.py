"""The picture of an organisation: its initials on a colour that its id decides. Pure."""

import unicodedata
from uuid import UUID

HUES = (226, 27, 152, 302, 68, 250, 345, 110, 190, 275, 48, 0)
"""Degrees, told apart from each other; white on each is 4.6:1 or more at the lightness that the picture has."""


def hue(organisation_id: UUID) -> int:
    """One of HUES, always the same for the same id."""
    return HUES[organisation_id.int % len(HUES)]


def initials(name: str) -> str:
    """“AR” for “Acme Research”, “A” for “acme”, “山” for “山田”: of the first and the last word; “?” for no letters."""
    words = [first for word in name.split() if (first := _first(word))]
    found = words[0] + words[-1] if len(words) > 1 else "".join(words)
    return found.upper() or "?"


def _first(word: str) -> str:
    """Its first letter or digit with what stands above it; "" where it has none."""
    for place, character in enumerate(word):
        if character.isalnum():
            rest = word[place + 1 :]
            marks = next((n for n, one in enumerate(rest) if not unicodedata.combining(one)), len(rest))
            return unicodedata.normalize("NFC", character + rest[:marks])[:3]
    return ""
