"""The audit log: the entries that its page lists, with the page's filters."""

from collections.abc import Sequence
from uuid import UUID

from app.api import cursors
from app.api.audit_schemas import AuditFilters, AuditPage, AuditTold
from app.api.endpoints import endpoint
from app.api.guards import current
from app.core.audit import AuditEntry
from app.trail import filters, queries, telling
from app.trail.filters import Cursor


@endpoint("GET", "/audit", "audit:read", "Who changed what, and when", query=AuditFilters, answer=AuditPage)
def list_audit(query: AuditFilters) -> AuditPage:
    asked = filters.read({name: str(value) for name, value in query if value and name not in ("limit", "cursor")})
    after = cursors.read(query.cursor)
    found = queries.page(
        current.session,
        current.organisation.id,
        asked,
        before=Cursor(after.at, after.id) if after is not None else None,
        limit=query.limit,
    )
    older = found.older
    return AuditPage(
        items=_told(found.entries), next_cursor=cursors.written(older.at, older.id) if older is not None else None
    )


@endpoint("GET", "/audit/<uuid:entry_id>", "audit:read", "One entry of the audit log", answer=AuditTold)
def get_audit_entry(entry_id: UUID) -> AuditTold:
    [told] = _told([queries.entry_of(current.session, current.organisation.id, entry_id)])
    return told


def _told(entries: Sequence[AuditEntry]) -> list[AuditTold]:
    found, itself = list(entries), current.settings.product_name
    links, names = queries.links(current.session, found), queries.names(current.session, found)
    return [
        AuditTold.model_validate(telling.as_json(one, links.get(one.id), names=names, itself=itself)) for one in found
    ]
