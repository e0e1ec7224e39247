"""Whether Stripe has what the ledger says: findings with both sides, usage that waits or was refused, and runs."""

from collections.abc import Callable, Sequence
from uuid import UUID

from flask import Blueprint, flash, request, url_for
from flask.typing import ResponseReturnValue

from app.accounts.guards import current, operator
from app.admin import queries
from app.billing import findings, outbox, reconcile_models
from app.billing.usage_models import REFUSED, WAITING
from app.core.errors import Invalid
from app.web import htmx, paging

bp = Blueprint("money", __name__, url_prefix="/operator/money")

PAGE = 50
OPEN, ENDED, RUNS = "", "ended", "runs"
LISTS = {
    OPEN: "Findings",
    ENDED: "Ended findings",
    WAITING: "Usage that waits",
    REFUSED: "Usage refused",
    RUNS: "Runs",
}
TONES = {
    reconcile_models.MISSING: "warn",
    reconcile_models.LATE: "warn",
    reconcile_models.EXTRA: "danger",
    reconcile_models.VALUE: "danger",
    reconcile_models.UNKNOWN: "danger",
}


@bp.get("/")
@operator
def index() -> ResponseReturnValue:
    shown = _shown()
    page = paging.page_of(_rows(shown), size=PAGE)
    owners = {row.organisation_id for row in page.rows if hasattr(row, "organisation_id")}
    return htmx.render(
        "admin/money.html",
        page=page,
        shown=shown,
        words=LISTS,
        tones=TONES,
        names=queries.names_of(current.session, owners),
        counts=outbox.counts(current.session),
        open_count=findings.count_open(current.session, current.settings.stripe_mode),
        last_run=next(iter(findings.runs(current.session, limit=1)), None),
        lists=[
            {"label": label, "url": url_for("money.index", show=name or None), "is_current": name == shown}
            for name, label in LISTS.items()
        ],
        is_connected=current.settings.takes_payments,
    )


@bp.post("/ranges/<uuid:range_id>/again")
@operator
def send_again(range_id: UUID) -> ResponseReturnValue:
    outbox.send_again(current.session, range_id, person_id=current.person.id, now=current.now)
    flash("It will be sent again within a few seconds.")
    return htmx.redirect(url_for("money.index", show=REFUSED))


@bp.post("/findings/<uuid:finding_id>/settle")
@operator
def settle(finding_id: UUID) -> ResponseReturnValue:
    found = findings.settle(current.session, finding_id, person_id=current.person.id, now=current.now)
    flash(f"“{found.subject}” is settled. If it is still so, the next run finds it again.")
    return htmx.redirect(url_for("money.index"))


def _shown() -> str:
    shown = request.args.get("show", OPEN)
    if shown not in LISTS:
        raise Invalid(f"There is {', '.join(filter(None, LISTS))} to show.")
    return shown


def _rows(shown: str) -> Callable[[int, int], Sequence[object]]:
    """Rows by (limit, offset)."""
    session = current.session
    if shown == RUNS:
        return lambda limit, offset: findings.runs(session, limit=limit, offset=offset)
    if shown in (WAITING, REFUSED):
        return lambda limit, offset: outbox.listed(session, shown, limit=limit, offset=offset)
    return lambda limit, offset: findings.listed(session, is_open=shown == OPEN, limit=limit, offset=offset)
