"""An entry of the audit log as organisations read it: one form for the page, for files and for webhooks."""

import json
from collections.abc import Mapping
from uuid import UUID

from app.core import audit, audit_words, moments, spreadsheets
from app.core.audit import AuditEntry
from app.core.audit_words import ERASED
from app.metering.proof_models import AuditLink
from app.organisations.models import Organisation

ELSEWHERE = (audit.OPERATOR, audit.COMMAND_LINE)
"""Who runs this installation: from where is kept, and not shown to customers."""


def address_of(entry: AuditEntry, name: str = "", *, is_operator: bool = False) -> str:
    """From where, for whoever reads it. name: as `queries.names` gives it."""
    return "" if _is_hidden(entry, name, is_operator) else entry.address


def client_of(entry: AuditEntry, name: str = "", *, is_operator: bool = False) -> str:
    """With which browser or program, likewise."""
    return "" if _is_hidden(entry, name, is_operator) else entry.client


def kind_of_actor(entry: AuditEntry) -> str:
    """One of audit.KINDS, of old entries, too."""
    return entry.actor_kind or (audit.PERSON if entry.person_id is not None else audit.ITSELF)


def as_json(
    entry: AuditEntry,
    link: AuditLink | None,
    *,
    names: Mapping[UUID | None, str],
    itself: str,
    whose: Mapping[UUID | None, Organisation] | None = None,
) -> dict[str, object]:
    """Everything of it. names: of people whom the entry does not name. itself: what this installation is called.

    whose: for operators, who also read in which organisation it was.
    """
    name = names.get(entry.person_id, "")
    return {
        "id": str(entry.id),
        "at": moments.exact(entry.at),
        "action": entry.action,
        "sentence": audit_words.sentence(entry, name=name, itself=itself),
        "actor": {
            "kind": kind_of_actor(entry),
            "name": audit_words.called_in(entry, name),
            "person_id": _text(entry.person_id),
            "admin_key_id": _text(entry.admin_key_id),
            "address": address_of(entry, name, is_operator=whose is not None),
            "client": client_of(entry, name, is_operator=whose is not None),
        },
        "subject_id": _text(entry.subject_id),
        "details": entry.details,
        "changes": [{"what": one.what, "before": one.before, "after": one.after} for one in audit_words.changes(entry)],
        "request_id": entry.request_id,
        "place": link.seq if link is not None else None,
        "hash": link.hash if link is not None else None,
        **(_place(entry, whose) if whose is not None else {}),
    }


COLUMNS = (
    "at_utc", "who", "kind_of_actor", "sentence", "changes", "action", "address", "client", "details", "subject_id",
    "person_id", "admin_key_id", "request_id", "id", "place", "hash",
)  # fmt: skip
"""Of the CSV file."""
ALL_COLUMNS = (*COLUMNS, "organisation", "organisation_id")
"""Of that for operators, of everything that is written down."""


def as_row(
    entry: AuditEntry,
    link: AuditLink | None,
    *,
    names: Mapping[UUID | None, str],
    itself: str,
    whose: Mapping[UUID | None, Organisation] | None = None,
) -> list[str]:
    """The same in COLUMNS, as text that no spreadsheet takes for a formula. whose: for operators, in ALL_COLUMNS."""
    name = names.get(entry.person_id, "")
    changes = "; ".join(f"{one.what}: {one.before}{audit.CHANGED}{one.after}" for one in audit_words.changes(entry))
    row = (
        moments.exact(entry.at),
        audit_words.who(entry, name=name, itself=itself),
        kind_of_actor(entry),
        audit_words.sentence(entry, name=name, itself=itself),
        changes,
        entry.action,
        address_of(entry, name, is_operator=whose is not None),
        client_of(entry, name, is_operator=whose is not None),
        json.dumps(entry.details, ensure_ascii=False, sort_keys=True),
        _text(entry.subject_id) or "",
        _text(entry.person_id) or "",
        _text(entry.admin_key_id) or "",
        entry.request_id or "",
        str(entry.id),
        str(link.seq) if link is not None else "",
        link.hash if link is not None else "",
    )
    place = _place(entry, whose).values() if whose is not None else ()
    return [str(spreadsheets.harmless(value)) for value in (*row, *place)]


def _is_hidden(entry: AuditEntry, name: str, is_operator: bool) -> bool:
    return name == ERASED or (entry.actor_kind in ELSEWHERE and not is_operator)


def _place(entry: AuditEntry, whose: Mapping[UUID | None, Organisation]) -> dict[str, str]:
    """The slug and id of its organisation; "" where it is nobody's."""
    found = whose.get(entry.organisation_id)
    return {
        "organisation": found.slug if found is not None else "",
        "organisation_id": _text(entry.organisation_id) or "",
    }


def _text(value: UUID | None) -> str | None:
    return str(value) if value is not None else None
