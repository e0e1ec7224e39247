"""Lists a page at a time: `?page=2` says which, and templates show the way to others by `ui.pages`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from flask import request

MOST = 10_000
"""The last page of any list that can be asked for: far beyond reading, far below what a database cannot count."""

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """rows: of this page alone. number: from 1. name: of what says the number in its address."""

    rows: Sequence[Row]
    number: int
    has_next: bool
    name: str = "page"


def page_of(fetch: Callable[[int, int], Sequence[Row]], *, size: int, name: str = "page") -> Page[Row]:
    """The page that was asked for; what is no number or out of reach is page 1.

    fetch: gives rows by (limit, offset), and is asked for one more than there is room for. name: one for each list,
    where an address shows several.
    """
    asked = request.args.get(name, default=1, type=int)
    number = asked if 1 <= asked <= MOST else 1
    found = fetch(size + 1, (number - 1) * size)
    return Page(found[:size], number, len(found) > size, name)


def part_of(rows: Sequence[Row], *, size: int, name: str = "page") -> Page[Row]:
    """The same of rows that are all there already."""
    return page_of(lambda limit, offset: rows[offset : offset + limit], size=size, name=name)
