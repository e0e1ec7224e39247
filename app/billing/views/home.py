"""What an organisation is on, how it pays, and what it was billed."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from flask import request, url_for
from flask.typing import ResponseReturnValue
from sqlmodel import Session

from app.billing import (
    credit,
    credit_notes,
    findings,
    forms,
    history,
    invoices,
    months,
    portal,
    review,
    spending,
    watching,
)
from app.billing.views.console import TONES, account, bp, standing, stripe
from app.billing.watching import Watched
from app.core.errors import Conflict
from app.organisations.guards import current, member
from app.plans.queries import Standing
from app.web import htmx, paging

PAGE = 12
WATCHED = 4


@bp.get("/")
@member("billing:read")
def home() -> ResponseReturnValue:
    month, organisation, mode = months.around(current.now), current.organisation, current.settings.stripe_mode
    page = paging.page_of(
        lambda limit, offset: invoices.of(current.session, organisation.id, mode, limit=limit, offset=offset),
        size=PAGE,
    )
    held = standing()
    return htmx.render(
        "billing/home.html",
        standing=held,
        month=month,
        is_over=False,
        spending=spending.spending_of(
            current.session, organisation, month, usual=current.settings.currency, now=current.now
        ),
        credit=_credit(current.session, organisation.id, current.now),
        now=current.now,
        watched=_watched(held),
        account=account(current.session),
        agreed=findings.agreed(current.session, organisation.id, mode),
        has_next_bill=current.settings.takes_payments and review.is_at_stripe(held),
        page=page,
        notes=credit_notes.of_invoices(current.session, [one.id for one in page.rows]),
        tones=TONES,
        visit=forms.new_visit(),
        takes_payments=current.settings.takes_payments,
    )


def _watched(held: Standing) -> list[Watched]:
    """What is used up most, of caps, allowances and free units."""
    currency = watching.currency_of(held, usual=current.settings.currency)
    found = watching.of(current.session, current.organisation, currency=currency, now=current.now)
    return sorted([one for one in found if one.most], key=lambda one: -one.percent)[:WATCHED]


@dataclass(frozen=True, slots=True)
class Credit:
    """left: nano-minor-units. expiry: when something expires next, and how much; None for never."""

    currency: str
    left: int
    expiry: tuple[datetime, int] | None


def _credit(session: Session, organisation_id: UUID, now: datetime) -> list[Credit]:
    found = []
    for currency in credit.currencies(session, organisation_id):
        grants = credit.left_of_grants(session, organisation_id, currency, at=now)
        left = credit.balance(session, organisation_id, currency, at=now)
        found.append(Credit(currency, left, history.next_expiry(grants)))
    return found


@bp.post("/portal")
@member("billing:write")
def open_portal() -> ResponseReturnValue:
    payer = account(current.session)
    if payer is None:
        raise Conflict("There is no card yet. It is asked for when you choose a plan that costs something.")
    api, catalogue = stripe()
    back = current.settings.portal_url.rstrip("/") + url_for("billing.home")
    visit = forms.visit(request.form)
    return htmx.leave(portal.open_(api, catalogue, customer_id=payer.customer_id, visit=visit, return_url=back))
