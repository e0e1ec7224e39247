"""What stands above the pages of billing while whoever runs the gateway has planned a change of plan."""

from dataclasses import dataclass
from datetime import datetime

from flask import g, request

from app.organisations.guards import current
from app.plans import queries as plans
from app.plans import words
from app.plans.models import BY_OPERATOR

PAGES = frozenset({"billing", "months", "what_if", "limits"})


@dataclass(frozen=True, slots=True)
class Notice:
    """plan: its name. lines: what changes for this organisation, “Base fee a month: $99.00 → $109.00”."""

    plan: str
    at: datetime
    lines: list[str]


def notice() -> Notice | None:
    """For the organisation whose page of billing this is; None where nothing is planned. Two look-ups there."""
    if "place" not in g or request.blueprint not in PAGES:
        return None
    held = plans.subscription_at(current.session, current.organisation.id, current.now)
    if held is None or held.next_by != BY_OPERATOR or held.next_at is None or held.next_plan_version_id is None:
        return None
    before = plans.offer_of(current.session, held.plan_version_id).document
    after = plans.offer_of(current.session, held.next_plan_version_id).document
    return Notice(after.name, held.next_at, words.news(before, after, currency=held.currency))
