"""The audit trail in words: who did what as one sentence, and what it was before and after.

    sentence(entry) → “Alex revoked the key “ci” (pst_live_…k3Qz).”

Everything comes from the entry itself, with the names of that time; `name` helps where an old entry holds none.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol
from uuid import UUID

from app.core import audit
from app.core.audit_sentences import KINDS, SENTENCES

_OPTIONAL = re.compile(r"\[([^\]]*)\]")
_DETAIL = re.compile(r"\{(\w+)\}")
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d)?(?:\.\d+)?(?:\+00:00|Z)")
NOBODY = "Somebody who is gone"
ERASED = "An erased person"
"""What somebody is called who was erased on their request: entries cannot be changed, but need not be shown."""


class Entry(Protocol):
    """What is read of an entry (core/audit.py, AuditEntry)."""

    person_id: UUID | None
    action: str
    details: dict[str, str]
    actor_kind: str
    actor: str


class Change(NamedTuple):
    """One thing that is different now. what: in plain words. before, after: "" where there was or is nothing."""

    what: str
    before: str
    after: str


class Fact(NamedTuple):
    """A detail that is no change."""

    what: str
    value: str


def sentence(entry: Entry, *, name: str = "", itself: str = "Postern") -> str:
    """Who did what, with a full stop. name: what the person is called now, for entries that hold no name, and for
    who was erased. itself: what this installation is called.
    """
    return f"{who(entry, name=name, itself=itself)} {deed(entry).removesuffix('.')}."


def who(entry: Entry, *, name: str = "", itself: str = "Postern") -> str:
    """Who did it, as a sentence begins with them."""
    called = called_in(entry, name)
    if entry.actor_kind == audit.OPERATOR:
        return f"{called} (an operator)" if called else "An operator"
    if entry.actor_kind == audit.ADMIN_KEY:
        return f"The admin key “{called}”" if called else "An admin key"
    if entry.actor_kind == audit.COMMAND_LINE:
        return f"{called} (on the command line)" if called else "Somebody on the command line"
    if entry.person_id is not None:
        return called or NOBODY
    return itself


def called_in(entry: Entry, name: str = "") -> str:
    """The name of who acted: the one of that time, save for who was erased. name: as they are called now."""
    return name if name == ERASED or not entry.actor else entry.actor


def deed(entry: Entry) -> str:
    """What was done, as it goes on after who did it, without a full stop."""
    form = SENTENCES.get(entry.action)
    if form is None:
        return f"did “{entry.action}”"
    details = {key: _shown(value) for key, value in _details(entry).items() if value}
    kept = _OPTIONAL.sub(lambda part: part[1] if _has_all(part[1], details) else "", form)
    return " ".join(_DETAIL.sub(lambda found: details.get(found[1], "something"), kept).split())


def changes(entry: Entry) -> list[Change]:
    """What is different, by name of the detail: “before → after”, or a detail beside “was”."""
    found = []
    details = _details(entry)
    for key, value in sorted(details.items()):
        before, arrow, after = value.partition(audit.CHANGED)
        if arrow:
            found.append(Change(_called(key), _shown(before), _shown(after)))
    was = details.get("was")
    if was is not None:
        now = next((key for key in _BESIDE_WAS if key in details), None)
        if now is not None:
            found.append(Change(_called(now), _shown(was), _shown(details[now])))
    return found


def facts(entry: Entry) -> list[Fact]:
    """All other details."""
    told = {"was"} | {key for key in _BESIDE_WAS if "was" in entry.details}
    return [
        Fact(_called(key), _shown(value))
        for key, value in sorted(_details(entry).items())
        if value and audit.CHANGED not in value and key not in told
    ]


def kind_of(action: str) -> str:
    """What stands before the dot."""
    return action.partition(".")[0]


def kind_in_words(action: str) -> str:
    """The kind of thing: “API keys”."""
    return KINDS.get(kind_of(action), "Other")


def actions_of(kind: str) -> list[str]:
    """All actions about things of that kind, in the order of their sentences."""
    return [action for action in SENTENCES if kind_of(action) == kind]


def action_in_words(action: str) -> str:
    """For a list to choose from: the sentence without details, “Revoked the key”."""
    form = SENTENCES.get(action, action)
    text = " ".join(_DETAIL.sub("", _OPTIONAL.sub("", form)).split())
    return text[:1].upper() + text[1:]


def listed(actions: Iterable[str]) -> Mapping[str, str]:
    """Actions with their words, sorted by them."""
    return dict(sorted(((one, action_in_words(one)) for one in actions), key=lambda pair: pair[1]))


_LIMIT = re.compile(
    r"(?:(?P<what>calls|streams) (?P<number>\d+)|spend (?P<nothing>0)|spend (?P<money>\D.*?|.*? [a-z]{3}))"
    r"(?:/(?P<period>[a-z]+))?(?:, (?P<then>\w+))?"
)
_AT_LIMIT = {"slow": ", then calls slow down", "notify": ", then people are told"}
_BESIDE_WAS = ("limit", "thresholds", "state")
"""Details that entries give beside “was”, from before changes were written as “before → after”."""


def _details(entry: Entry) -> dict[str, str]:
    """Of the entry; of a limit in people's words, without the name that is for headers of refused calls."""
    if kind_of(entry.action) != "limit":
        return entry.details
    return {
        key: _limit_in_words(value) if key in ("limit", "was") else value
        for key, value in entry.details.items()
        if key != "name"
    }


def _limit_in_words(value: str) -> str:
    """“calls 1000/month, slow” → “1,000 calls a month, then calls slow down”; anything else as it is."""
    found = _LIMIT.fullmatch(value)
    if found is None:
        return value
    each = f" a{'n' if found['period'] == 'hour' else ''} {found['period']}" if found["period"] else ""
    then = _AT_LIMIT.get(found["then"] or "", "")
    if found["nothing"]:  # in whatever currency, a day or a month
        return "no calls that cost something"
    if found["money"]:
        return f"{found['money']}{each}{then}"
    number, thing = int(found["number"]), found["what"].removesuffix("s")
    things = f"{thing}{'' if number == 1 else 's'}{' at once' if thing == 'stream' else ''}"
    return f"{number:,} {things}{each}{then}"


def _has_all(part: str, details: Mapping[str, str]) -> bool:
    return all(name in details for name in _DETAIL.findall(part))


def _called(key: str) -> str:
    words = key.replace("_", " ")
    return words[:1].upper() + words[1:]


def _shown(value: str) -> str:
    """Moments as pages write them."""
    return _INSTANT.sub(r"\1 \2 UTC", value)
