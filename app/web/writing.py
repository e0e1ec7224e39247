"""How numbers, sizes and moments are written, everywhere the same; templates use them as filters.

Times are shown in UTC, so that a page, an export and a bill never disagree about which day a call fell on.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime

from markupsafe import Markup, escape

from app.web import portraits

SPACE = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"


def number(value: float, places: int = 0) -> str:
    """1204567 → “1,204,567”, as amounts of money are written, too. places: digits after the point."""
    text = f"{abs(value):,.{places}f}"
    return f"{MINUS}{text}" if value < 0 else text


def compact(value: float) -> str:
    """For an axis, where room is short and the values are round: 250, 2.5k, 40k, 1.5M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def bytes_(size_bytes: float) -> str:
    """Decimal units, as in a bill: 812 B, 1.2 kB, 34 kB, 5.6 MB."""
    if size_bytes < 1000:
        return f"{size_bytes:.0f}{SPACE}B"
    size = float(size_bytes)
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 999.5:
            return f"{_short(size)}{SPACE}{unit}"
    return f"{number(size / 1000, 1)}{SPACE}TB"


def ms(duration_us: float) -> str:
    """Microseconds for people: “0.4 ms”, “12 ms”, “1.2 s”, “2 min 5 s”."""
    if duration_us < 999_500:
        return f"{_short(duration_us / 1000)}{SPACE}ms"
    if duration_us < 59_950_000:
        return f"{_short(duration_us / 1_000_000)}{SPACE}s"
    minutes, seconds = divmod(round(duration_us / 1_000_000), 60)
    return f"{minutes}{SPACE}min {seconds}{SPACE}s"


Kind = str | Callable[[float], str]
"""How a value is written: “number”, “bytes”, “ms” (of microseconds), or by a function."""


def figure(value: float, kind: Kind) -> str:
    """A value of a chart."""
    return _KINDS[kind](value) if isinstance(kind, str) else kind(value)


def axis(value: float, kind: Kind) -> str:
    """The same at a gridline: round, and short."""
    return compact(value) if kind == "number" else figure(value, kind)


def day(when: date | datetime) -> str:
    """“22 Nov 2026”, the UTC day if `when` is a moment."""
    on = when.astimezone(UTC) if isinstance(when, datetime) else when
    return f"{on.day}{SPACE}{on:%b}{SPACE}{on.year}"


def clock(moment_at: datetime) -> str:
    """“14:03:22”, UTC; for tables that say UTC in their head."""
    return f"{moment_at.astimezone(UTC):%H:%M:%S}"


def stamp(moment_at: datetime) -> str:
    """“22 Nov 14:03:22”, UTC; for a line in a log, where the year goes without saying."""
    at = moment_at.astimezone(UTC)
    return f"{at.day}{SPACE}{at:%b}{SPACE}{at:%H:%M:%S}"


def moment(moment_at: datetime, *, seconds: bool = False) -> str:
    """“22 Nov 2026 14:03 UTC”, with seconds where they matter."""
    at = moment_at.astimezone(UTC)
    return f"{day(at)} {at:%H:%M:%S}{SPACE}UTC" if seconds else f"{day(at)} {at:%H:%M}{SPACE}UTC"


def instant(moment_at: datetime) -> str:
    """“22 Nov 2026 14:03:22.123 UTC”: one of many in the same second."""
    at = moment_at.astimezone(UTC)
    return f"{day(at)} {at:%H:%M:%S}.{at.microsecond // 1000:03}{SPACE}UTC"


def ago(moment_at: datetime, now: datetime) -> str:
    """How far from `now`, in one unit: “just now”, “12 s ago”, “3 h ago”, “in 6 days”; past a month, the day."""
    gap_s = (now - moment_at).total_seconds()
    size_s = abs(gap_s)
    if size_s < 5:
        return "just now"
    if size_s >= 31 * 86_400:
        return day(moment_at)
    for unit_s, unit in ((86_400, "day"), (3600, "h"), (60, "min"), (1, "s")):
        if size_s >= unit_s:
            count = int(size_s // unit_s)
            plural = "s" if unit == "day" and count > 1 else ""
            phrase = f"{count}{SPACE}{unit}{plural}"
            return f"{phrase} ago" if gap_s > 0 else f"in {phrase}"
    raise AssertionError("unreachable: a gap of five seconds or more has a unit")


def iso(moment_at: datetime) -> str:
    """For `datetime` attributes: 2026-11-22T14:03:22Z."""
    return f"{moment_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def marked(text: str, part: str) -> Markup:
    """`text` escaped, each `part` inside it wrapped in <mark>: shows where one's own key went in a snippet."""
    if not part:
        return escape(text)
    return Markup("<mark>{}</mark>").format(part).join(escape(piece) for piece in text.split(part))


_KINDS: Mapping[str, Callable[[float], str]] = {"number": number, "bytes": bytes_, "ms": ms}

FILTERS: Mapping[str, Callable[..., str | int]] = {
    "number": number,
    "compact": compact,
    "bytes": bytes_,
    "ms": ms,
    "figure": figure,
    "axis": axis,
    "day": day,
    "clock": clock,
    "stamp": stamp,
    "moment": moment,
    "instant": instant,
    "ago": ago,
    "iso": iso,
    "marked": marked,
    "initials": portraits.initials,
    "hue": portraits.hue,
}


def _short(value: float) -> str:
    """One decimal below ten, none above: what the eye can use."""
    return f"{value:.1f}" if value < 9.95 else number(value)
