"""What if: any published plan against one's own months."""

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from app.billing import belonging, months, what_if
from app.billing.views import console
from app.billing.views.months import Words
from app.organisations.guards import current, member
from app.plans import queries as plans
from app.web import htmx

bp = Blueprint("what_if", __name__, url_prefix="/billing/what-if")

MONTHS = 6


@bp.get("/")
@member("billing:read")
def index() -> ResponseReturnValue:
    session, organisation, now = current.session, current.organisation, current.now
    offers = plans.catalogue(session, at=now)
    standing = plans.standing(session, organisation.id, at=now)
    own = standing.offer if standing is not None else None
    slug = request.args.get("plan") or (own.plan.slug if own is not None else "")
    month = months.named(request.args.get("month") or months.around(now).name, now=now)
    offer = own
    if slug and (own is None or slug != own.plan.slug):
        offer = plans.offer(session, slug, at=now, organisation=organisation)
    compared = what_if.compare(session, organisation, month, offer, now=now) if offer is not None else None
    return htmx.render(
        "billing/what_if.html",
        month=month,
        is_over=month.is_over(now),
        offer=offer,
        is_own=own is not None and offer is not None and own.version.id == offer.version.id,
        compared=compared,
        billed=belonging.of_month(session, organisation.id, current.settings.stripe_mode, month, compared.was)
        if compared is not None and console.account(session) is not None
        else [],
        pairs=what_if.pairs(compared) if compared is not None else [],
        plan_links=[
            {
                "label": one.document.name,
                "url": url_for("what_if.index", plan=one.plan.slug, month=month.name),
                "is_current": one.plan.slug == slug,
            }
            for one in offers
        ],
        month_links=[
            {
                "label": f"{one.begins_at:%b %Y}",
                "url": url_for("what_if.index", plan=slug, month=one.name),
                "is_current": one == month,
            }
            for one in reversed(months.latest(organisation.created_at, now=now, limit=MONTHS))
        ],
        words=Words(),
    )
