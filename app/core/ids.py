"""Identifiers that sort by time: 48 bits of milliseconds and 80 random bits in Crockford's base 32 (a ULID)."""

import os
import time
from collections import deque
from datetime import UTC, datetime, timedelta

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_END_OF_TIME = "6"  # in the year 8659; 10000 has no room in a datetime
_RANDOM_CHARACTERS = 16
_OF_BYTE = bytes(ord(_ALPHABET[byte & 31]) for byte in range(256))
_IN_STOCK = 256

_stock: deque[str] = deque()
"""Random halves made ahead, because each question to the kernel costs more than all the rest. A fork starts anew."""
os.register_at_fork(after_in_child=_stock.clear)

_at = (-1, "")
"""The time last asked for, in units of 32 milliseconds, and its first nine characters: gateways ask many times in each.
"""


def receipt_id() -> str:
    """`rcp_` and 26 characters: names one call for ever."""
    return _sortable("rcp_")


def lowest_receipt(moment: datetime) -> str:
    """What sorts before every receipt of `moment` or later, and after every earlier one."""
    millisecond = max(0, int(moment.timestamp() * 1000))
    return "rcp_" + "".join(_ALPHABET[(millisecond >> shift) & 31] for shift in range(45, -1, -5))


def request_id() -> str:
    """`req_` and 26 characters: names one request through portal, gateway, upstream and logs."""
    return _sortable("req_")


NAME = slice(14, 22)
"""Where ids of requests that belong together have the same characters; as many random ones follow."""


def request_id_in(name: str) -> str:
    """An id of a request that belongs with others: `name` are the eight characters that they share."""
    fresh = _sortable("req_")
    return fresh[: NAME.start] + name + fresh[NAME.stop :]


def moment_of(name: str) -> datetime:
    """When an id of a call or a request was made, to the millisecond. Raises ValueError for what has not their form."""
    characters = name[4:14]
    is_one = len(characters) == 10 and not set(characters) - set(_ALPHABET) and characters < _END_OF_TIME
    if not is_one:
        raise ValueError(f"“{name[:40]}” is no id of a call or a request.")
    millisecond = 0
    for character in characters:
        millisecond = millisecond << 5 | _ALPHABET.index(character)
    return _EPOCH + timedelta(milliseconds=millisecond)


def lowest_request(moment: datetime) -> str:
    """What sorts before the id of every request of `moment` or later."""
    return "req_" + lowest_receipt(moment)[4:]


def _sortable(mark: str) -> str:
    global _at  # noqa: PLW0603  (replaced whole, so threads see one pair or the other)
    millisecond = time.time_ns() // 1_000_000
    known, characters = _at
    if known != millisecond >> 5:
        characters = "".join([_ALPHABET[(millisecond >> shift) & 31] for shift in range(45, 0, -5)])
        _at = (millisecond >> 5, characters)
    try:
        return mark + characters + _ALPHABET[millisecond & 31] + _stock.popleft()
    except IndexError:
        return mark + characters + _ALPHABET[millisecond & 31] + _make_stock()


def _make_stock() -> str:
    """Fill it, and give one that nobody else can get."""
    text = os.urandom(_RANDOM_CHARACTERS * _IN_STOCK).translate(_OF_BYTE).decode()
    _stock.extend(text[at : at + _RANDOM_CHARACTERS] for at in range(_RANDOM_CHARACTERS, len(text), _RANDOM_CHARACTERS))
    return text[:_RANDOM_CHARACTERS]
