"""The audit log of an organisation: what was changed, by whom and from where."""

from uuid import UUID

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.core.audit_sentences import NOT_OF_ORGANISATIONS
from app.organisations.guards import current, member
from app.trail import pages, queries
from app.trail.pages import Log

bp = Blueprint("audit", __name__, url_prefix="/audit")

MEMBERS = 200
"""So many can be chosen by name; entries of all others lead to theirs."""
CHOICES = pages.choices_of(without=NOT_OF_ORGANISATIONS)


@bp.get("/")
@member("audit:read")
def index() -> ResponseReturnValue:
    people = queries.members(current.session, current.organisation.id, limit=MEMBERS)
    return pages.index(_log(), "trail/index.html", people=people, choices=CHOICES)


@bp.get("/<uuid:entry_id>")
@member("audit:read")
def show(entry_id: UUID) -> ResponseReturnValue:
    return pages.show(_log(), entry_id, "trail/entry.html")


@bp.get("/audit.csv")
@member("audit:read")
def as_csv() -> ResponseReturnValue:
    return pages.as_csv(_log())


@bp.get("/audit.json")
@member("audit:read")
def as_json() -> ResponseReturnValue:
    return pages.as_json(_log())


def _log() -> Log:
    return Log(current.organisation.id, bp.name, current.organisation.slug, {})
