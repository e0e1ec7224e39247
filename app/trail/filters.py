"""What somebody wants to see of the audit log, as it stands in the address of the page."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from app.core import audit, audit_words, uuids
from app.core.audit_sentences import SENTENCES
from app.core.errors import Invalid

LONGEST = 100
_CURSOR = re.compile(r"(\d{1,18})-([0-9a-f]{32})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Cursor:
    """An entry's place in time: what is older than it comes next."""

    at: datetime
    id: UUID

    def __str__(self) -> str:
        return f"{(self.at - _EPOCH) // _MICROSECOND}-{self.id.hex}"


@dataclass(frozen=True, slots=True)
class Filters:
    """person_id, kind: of who acted. what: an action, or a kind of thing for all its actions; "" for everything.
    since, until: days, both included. text: in details, addresses or names. subject_id: the thing that it is about.
    """

    person_id: UUID | None = None
    kind: str = ""
    what: str = ""
    since: date | None = None
    until: date | None = None
    text: str = ""
    subject_id: UUID | None = None

    @property
    def actions(self) -> list[str]:
        """Those to be shown; [] for all."""
        return [self.what] if "." in self.what else audit_words.actions_of(self.what) if self.what else []

    @property
    def since_at(self) -> datetime | None:
        """The first moment."""
        return _begin(self.since) if self.since is not None else None

    @property
    def until_at(self) -> datetime | None:
        """The moment after the last."""
        return _begin(self.until + timedelta(days=1)) if self.until is not None else None

    @property
    def is_any(self) -> bool:
        """Whether anything is asked for at all."""
        return self != Filters()

    def query(self) -> dict[str, str]:
        """As it stands in an address."""
        said = {
            "who": str(self.person_id) if self.person_id else self.kind,
            "what": self.what,
            "since": self.since.isoformat() if self.since else "",
            "until": self.until.isoformat() if self.until else "",
            "text": self.text,
            "about": str(self.subject_id) if self.subject_id else "",
        }
        return {name: value for name, value in said.items() if value}


def read(query: Mapping[str, str]) -> Filters:
    """Of the address: who, what, since, until, text, about. Raises Invalid with words for whoever typed it."""
    who, what = query.get("who", ""), query.get("what", "")
    text = " ".join(query.get("text", "").split())
    if len(text) > LONGEST:
        raise Invalid(f"Look for at most {LONGEST} characters.")
    if what and what not in SENTENCES and not audit_words.actions_of(what):
        raise Invalid(f"There is no action “{what[:60]}” in the audit log.")
    since, until = _day(query.get("since", "")), _day(query.get("until", ""))
    if since is not None and until is not None and until < since:
        raise Invalid("The period ends before it begins.")
    is_kind = who in audit.KINDS
    return Filters(
        person_id=None if is_kind else _id(who, "who"),
        kind=who if is_kind else "",
        what=what,
        since=since,
        until=until,
        text=text,
        subject_id=_id(query.get("about", ""), "about"),
    )


def read_cursor(text: str) -> Cursor | None:
    """“before” of an address; None without one. Raises Invalid."""
    if not text:
        return None
    found = _CURSOR.fullmatch(text)
    try:
        return Cursor(_EPOCH + int(found[1]) * _MICROSECOND, UUID(found[2])) if found else _refuse()
    except OverflowError:
        return _refuse()


def _refuse() -> Cursor:
    raise Invalid("“before” must be as a page of the audit log gives it.")


def _begin(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = date.max
    if not 1970 <= found.year <= 9000:
        raise Invalid(f"“{text[:20]}” is no day. Write it as 2026-11-30.")
    return found


def _id(text: str, name: str) -> UUID | None:
    found = uuids.read(text)
    if text and found is None:
        raise Invalid(f"“{name}” must be as a page of the audit log gives it.")
    return found
