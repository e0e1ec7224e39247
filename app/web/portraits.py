"""The picture of an organisation: its initials on a colour that its id decides. Pure."""

import unicodedata
from uuid import UUID

COLOURS = 12
"""Of static/css/components/portrait.css, each told apart from the others and readable in light and dark."""


def colour(organisation_id: UUID) -> int:
    """Which of COLOURS, always the same for the same id."""
    return organisation_id.int % COLOURS


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
