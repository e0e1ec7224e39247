"""Cursors: where a page of a list ends, so that the next one begins there whatever was added meanwhile.

A place is a moment and, among rows of the same moment, a row's name. Clients are told that the text means nothing.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeVar
from uuid import UUID

from app.core import uuids
from app.core.errors import Invalid

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST = 10**6
"""Rows that are told by their number."""
_MICROSECOND = timedelta(microseconds=1)
Row = TypeVar("Row")
_PLACE = re.compile(r"(?a)(\d{1,17})-([A-Za-z0-9_]{1,255})")


class Place(NamedTuple):
    """at: aware UTC. name: a row's id as text."""

    at: datetime
    name: str

    @property
    def id(self) -> UUID:
        """For lists whose rows have such ids. Raises Invalid."""
        found = uuids.read(self.name)
        if found is None:
            raise _unreadable()
        return found

    @property
    def rows(self) -> int:
        """For lists that are told by how many rows came before. Raises Invalid."""
        if not self.name.isdecimal() or len(self.name) > len(str(MOST)) or int(self.name) > MOST:
            raise _unreadable()
        return int(self.name)


def counted(rows: int) -> str:
    """The cursor of a row that has no place but how many are before it."""
    return written(_EPOCH, str(rows))


def written(at: datetime, row_id: UUID | str) -> str:
    """The cursor of a row."""
    name = row_id.hex if isinstance(row_id, UUID) else row_id
    return urlsafe_b64encode(f"{(at - _EPOCH) // _MICROSECOND}-{name}".encode()).decode().rstrip("=")


def read(text: str | None) -> Place | None:
    """None for none. Raises Invalid for what is no cursor."""
    if text is None:
        return None
    try:
        plain = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)).decode("ascii")
    except (Error, UnicodeError, ValueError):
        raise _unreadable() from None
    found = _PLACE.fullmatch(plain)
    if found is None:
        raise _unreadable()
    return Place(_EPOCH + int(found[1]) * _MICROSECOND, found[2])


def cut(
    found: Sequence[Row], limit: int, place: Callable[[Row], tuple[datetime, UUID | str]]
) -> tuple[Sequence[Row], str | None]:
    """A page of `found`, which holds one row more if there is another page; and the cursor of that. place: of a row."""
    shown = found[:limit]
    return shown, written(*place(shown[-1])) if len(found) > limit else None


def part(
    found: Sequence[Row], *, cursor: str | None, limit: int, name: Callable[[Row], str]
) -> tuple[Sequence[Row], str | None]:
    """A page of a list that is short enough to be at hand whole. name: of a row, which stays the same.

    Raises Invalid for a cursor, or one whose row is gone meanwhile.
    """
    after, first = read(cursor), 0
    if after is not None:
        names = [name(row) for row in found]
        if after.name not in names:
            raise Invalid("What “cursor” stands for is gone meanwhile. Begin again without it.")
        first = names.index(after.name) + 1
    return cut(found[first : first + limit + 1], limit, lambda row: (_EPOCH, name(row)))


def _unreadable() -> Invalid:
    return Invalid("“cursor” must be the “next_cursor” of the page before, unchanged.")
