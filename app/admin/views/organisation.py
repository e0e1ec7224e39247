"""One organisation, as an operator sees it: what it is on, uses and owes, who belongs to it, what happened, and what
operators do about it. Nothing here acts as the customer.
"""

from uuid import UUID

from flask import Blueprint, flash, request, url_for
from flask.typing import ResponseReturnValue

from app.accounts.guards import current, operator
from app.admin import customer, notes
from app.billing import limit_list, spending
from app.billing.months import around
from app.core.errors import Invalid
from app.keys import queries as keys
from app.limits import raises
from app.organisations.models import Organisation
from app.plans import queries as plans
from app.web import htmx, paging

bp = Blueprint("operator_organisation", __name__, url_prefix="/operator/organisations")

PAGE = 50
OVERVIEW, KEYS, MEMBERS, TRAIL, NOTES = "", "keys", "members", "trail", "notes"
LISTS = {OVERVIEW: "Overview", KEYS: "Keys", MEMBERS: "Members", TRAIL: "What happened", NOTES: "Notes"}
KEY_TONES = {"live": "ok", "disabled": "warn", "expired": "neutral", "revoked": "neutral"}


@bp.get("/<uuid:organisation_id>")
@operator
def show(organisation_id: UUID) -> ResponseReturnValue:
    organisation = customer.one(current.session, organisation_id)
    if request.args.get("show") == TRAIL:
        return htmx.redirect(_address(organisation, TRAIL))
    return _shown(organisation)


@bp.post("/<uuid:organisation_id>/notes")
@operator
def add_note(organisation_id: UUID) -> ResponseReturnValue:
    organisation = customer.one(current.session, organisation_id)
    words = request.form.get("words", "")
    try:
        notes.add(current.session, organisation=organisation, words=words, person_id=current.person.id, now=current.now)
    except Invalid as problem:
        return _shown(organisation, show=NOTES, words=words, problem=problem.message)
    flash("The note is written down.")
    return htmx.redirect(url_for("operator_organisation.show", organisation_id=organisation.id, show=NOTES))


def _shown(
    organisation: Organisation, *, show: str | None = None, words: str = "", problem: str = ""
) -> ResponseReturnValue:
    shown = request.args.get("show", OVERVIEW) if show is None else show
    if shown not in LISTS:
        raise Invalid(f"There is {', '.join(filter(None, LISTS))} to show.")
    return htmx.render(
        "admin/organisation.html",
        status=422 if problem else 200,
        organisation=organisation,
        shown=shown,
        lists=[
            {
                "label": label,
                "url": _address(organisation, name),
                "is_current": name == shown,
            }
            for name, label in LISTS.items()
        ],
        page=paging.page_of(lambda limit, offset: _rows(organisation, shown, limit, offset), size=PAGE),
        key_tones=KEY_TONES,
        overview=_overview(organisation) if shown == OVERVIEW else None,
        words=words,
        problem=problem,
        takes_payments=current.settings.takes_payments,
    )


def _address(organisation: Organisation, shown: str) -> str:
    """Of one of LISTS; what happened stands on the page of the audit log."""
    if shown == TRAIL:
        return url_for("operator_audit.index", organisation=organisation.id)
    return url_for("operator_organisation.show", organisation_id=organisation.id, show=shown or None)


def _rows(organisation: Organisation, shown: str, limit: int, offset: int) -> list[object]:
    session = current.session
    if shown == KEYS:
        return list(keys.keys_of(session, organisation, limit=limit, offset=offset))
    if shown == MEMBERS:
        return list(customer.members_of(session, organisation, limit=limit, offset=offset))
    if shown == NOTES:
        return list(notes.of(session, organisation, limit=limit, offset=offset))
    return []


def _overview(organisation: Organisation) -> dict[str, object]:
    session, now = current.session, current.now
    standing = plans.standing(session, organisation.id, at=now)
    held = standing.subscription if standing is not None else None
    currency = held.currency if held is not None and held.currency else current.settings.currency
    return {
        "standing": standing,
        "spending": spending.spending_of(session, organisation, around(now), usual=current.settings.currency, now=now)
        if standing
        else None,
        "use": customer.use_of(session, organisation, now=now),
        "credit": customer.credit_of(session, organisation, now=now),
        "raises": raises.in_force(session, organisation.id, at=now),
        "limits": limit_list.others(session, organisation, current.settings, currency=currency, now=now),
        "caps": limit_list.own(session, organisation, currency=currency, now=now),
    }
