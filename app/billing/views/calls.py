"""One call: what it was charged for, and its receipt."""

from flask import Blueprint
from flask.typing import ResponseReturnValue
from sqlmodel import col, select

from app.billing import drilling, meters
from app.billing.views.months import Words
from app.core import vault
from app.integrations import queries as integrations
from app.keys import queries as keys
from app.metering import issuing
from app.metering.proof_models import SigningKey
from app.organisations.guards import current, member
from app.plans import metrics, words
from app.plans.models import PriceVersion
from app.web import htmx

bp = Blueprint("billed_calls", __name__, url_prefix="/billing/calls")


@bp.get("/<receipt>")
@member("billing:read")
def show(receipt: str) -> ResponseReturnValue:
    session, organisation = current.session, current.organisation
    event = drilling.event_of(session, organisation, receipt)
    price = session.get(PriceVersion, event.price_version_id) if event.price_version_id is not None else None
    counted = []
    if price is not None:
        for metric, scheme in meters.schemes_of(price).items():
            quantity = metrics.billable(metric, event.model_dump(), most=price.max_per_call.get(metric))
            counted.append((metrics.WORDS[metric][1], quantity, words.scheme(scheme, metric, currency=price.currency)))
    names = keys.keys_by_id(session, organisation, [event.key_id])
    slugs = {one.id: one.slug for one in integrations.every(session)}
    return htmx.render(
        "billing/call.html",
        event=event,
        price=price,
        counted=counted,
        key_name=names[event.key_id].name if event.key_id in names else "gone",
        integration=slugs.get(event.integration_id, "gone"),
        month=f"{event.at:%Y-%m}",
        receipt=_receipt(receipt),
        words=Words(),
    )


def _receipt(receipt: str) -> str | None:
    """Signed with the key that gateways sign with; None before any has one, because reading makes nothing."""
    has_key = current.session.exec(select(SigningKey.id).where(col(SigningKey.retired_at).is_(None))).first()
    if has_key is None:
        return None
    opened = vault.from_settings(current.settings)
    return issuing.receipt_of(
        current.session, opened, organisation_id=current.organisation.id, receipt_id=receipt, now=current.now
    )
