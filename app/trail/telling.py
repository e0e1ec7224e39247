"""An entry of the audit log as organisations read it: one form for the page, for files and for webhooks."""

import json
from collections.abc import Mapping
from uuid import UUID

from app.core import audit, audit_words, moments, spreadsheets
from app.core.audit import AuditEntry
from app.core.audit_words import ERASED
from app.metering.proof_models import AuditLink

ELSEWHERE = (audit.OPERATOR, audit.COMMAND_LINE)
"""Who runs this installation: from where is kept, and not shown to customers."""


def address_of(entry: AuditEntry, name: str = "") -> str:
    """From where, for the organisation to see. name: as `queries.names` gives it."""
    return "" if entry.actor_kind in ELSEWHERE or name == ERASED else entry.address


def client_of(entry: AuditEntry, name: str = "") -> str:
    """With which browser or program, likewise."""
    return "" if entry.actor_kind in ELSEWHERE or name == ERASED else entry.client


def kind_of_actor(entry: AuditEntry) -> str:
    """One of audit.KINDS, of old entries, too."""
    return entry.actor_kind or (audit.PERSON if entry.person_id is not None else audit.ITSELF)


def as_json(
    entry: AuditEntry, link: AuditLink | None, *, names: Mapping[UUID | None, str], itself: str
) -> dict[str, object]:
    """Everything of it. names: of people whom the entry does not name. itself: what this installation is called."""
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
            "address": address_of(entry, name),
            "client": client_of(entry, name),
        },
        "subject_id": _text(entry.subject_id),
        "details": entry.details,
        "changes": [{"what": one.what, "before": one.before, "after": one.after} for one in audit_words.changes(entry)],
        "request_id": entry.request_id,
        "place": link.seq if link is not None else None,
        "hash": link.hash if link is not None else None,
    }


COLUMNS = (
    "at_utc", "who", "kind_of_actor", "sentence", "changes", "action", "address", "client", "details", "subject_id",
    "person_id", "admin_key_id", "request_id", "id", "place", "hash",
)  # fmt: skip
"""Of the CSV file."""


def as_row(entry: AuditEntry, link: AuditLink | None, *, names: Mapping[UUID | None, str], itself: str) -> list[str]:
    """The same in COLUMNS, as text that no spreadsheet takes for a formula."""
    name = names.get(entry.person_id, "")
    changes = "; ".join(f"{one.what}: {one.before}{audit.CHANGED}{one.after}" for one in audit_words.changes(entry))
    row = (
        moments.exact(entry.at),
        audit_words.who(entry, name=name, itself=itself),
        kind_of_actor(entry),
        audit_words.sentence(entry, name=name, itself=itself),
        changes,
        entry.action,
        address_of(entry, name),
        client_of(entry, name),
        json.dumps(entry.details, ensure_ascii=False, sort_keys=True),
        _text(entry.subject_id) or "",
        _text(entry.person_id) or "",
        _text(entry.admin_key_id) or "",
        entry.request_id or "",
        str(entry.id),
        str(link.seq) if link is not None else "",
        link.hash if link is not None else "",
    )
    return [str(spreadsheets.harmless(value)) for value in row]


def _text(value: UUID | None) -> str | None:
    return str(value) if value is not None else None
