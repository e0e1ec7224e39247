"""A report that a key was found: as GitHub sends it, or as somebody typed it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from app.core import crypto, logs
from app.core.errors import Invalid
from app.core.mail_letters import one_line
from app.keys import tokens
from app.leaks import words

LONGEST_PLACE = 2048
MOST_TYPED = 20
"""Keys in one form: whoever pastes a whole file of settings means all that are in it."""

_WEB = re.compile(r"https?://[!-~]+")


@dataclass(frozen=True, slots=True)
class Report:
    """token: what was found, whatever it is. kind: GitHub's name for its form, "" elsewhere. source: a key of
    words.SOURCES. place: an address or words, of one line, without any key; may be "".
    """

    token: str
    source: str
    place: str
    kind: str = ""

    @property
    def digest(self) -> str | None:
        """By which keys are looked up; None for what is no complete key."""
        return crypto.digest(self.token) if tokens.is_complete_any(self.token) else None


class _Match(msgspec.Struct):
    token: str
    type: str = ""
    url: str | None = None
    source: str | None = None


_MATCHES = msgspec.json.Decoder(list[_Match])


def of_github(body: bytes) -> list[Report]:
    """What a signed message reports, in order. Raises Invalid for what has not GitHub's form."""
    try:
        matches = _MATCHES.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Invalid("The message is not a list of matches.") from None
    return [Report(one.token, _source(one.source), _cleaned(one.url or ""), kind=one.type) for one in matches]


def of_form(text: str, where: str) -> list[Report]:
    """The keys that stand in `text`, each once. Raises Invalid in words when there is none that is whole."""
    found = list(dict.fromkeys(tokens.found_in(text)))[:MOST_TYPED]
    if found:
        return [Report(token, "form", _cleaned(where)) for token in found]
    if tokens.looks_begun(text):
        raise Invalid(
            "This key is not whole: its checksum does not agree, so it was cut short or mistyped. Copy all of it, "
            "36 letters and digits after “live_”, “test_” or “admin_”."
        )
    raise Invalid(
        "There is no key in this. A key has a few letters, “_live_”, “_test_” or “_admin_”, and 36 letters and digits."
    )


def is_web_address(place: str) -> bool:
    """Whether a page may link to it."""
    return _WEB.fullmatch(place) is not None


def in_parts(reports: Sequence[Report], size: int) -> list[Sequence[Report]]:
    """The same in runs of at most `size`, so that each can be a transaction of its own."""
    return [reports[start : start + size] for start in range(0, len(reports), size)]


def _source(name: str | None) -> str:
    """GitHub's documents write them with capitals, its messages without."""
    known = (name or "").strip().lower()
    return known if known in words.SOURCES and known not in ("form", "drill") else "unknown"


def _cleaned(place: str) -> str:
    """One line, no longer than is kept, and without a key: addresses can have one in them."""
    return logs.masked(str(one_line(place[: 2 * LONGEST_PLACE])))[:LONGEST_PLACE]
