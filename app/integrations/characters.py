"""Characters that people do not see, and how to show them."""

import re

INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Code points that are drawn as nothing, or turn the direction of the text around them.

Source: Default_Ignorable_Code_Point and Bidi_Control, Unicode 16, https://www.unicode.org/Public/16.0.0/ucd/.
"""


def shown(text: str) -> str:
    """`text` in which everything can be seen: what is not printable stands there as \\u…, line breaks too."""
    return "".join(c if c.isprintable() and not INVISIBLE.match(c) else _escaped(c) for c in text)


def excerpt(text: str, *, length: int = 120) -> str:
    """The start of `text`, shown, at most `length` characters."""
    seen = shown(text[:length])
    return seen if len(seen) <= length and len(text) <= length else seen[: length - 1] + "…"


def _escaped(character: str) -> str:
    point = ord(character)
    return f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"
