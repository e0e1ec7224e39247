"""A price with free units and tiers, put into a database without a gateway or a plan."""

from datetime import timedelta

from app.plans import pricing, rating
from app.plans.models import PriceVersion
from app.plans.rating import GRADUATED, Scheme, Tier
from tests.conftest import NOW

TIERS = Scheme(GRADUATED, tiers=(Tier(5, 200), Tier(None, 100)), free=3)
"""Three calls are free, five cost 200, and all others 100."""


def price(session, components=None, *, max_per_call=None, integration_id=None):
    components = components or {"calls": TIERS}
    version = PriceVersion(
        integration_id=integration_id,
        currency="usd",
        nanos_per_unit=0,
        scheme=rating.as_json(components.get("calls", Scheme())),
        components={metric: rating.as_json(scheme) for metric, scheme in components.items()},
        max_per_call=max_per_call or {},
        digest="",
        effective_at=NOW - timedelta(days=1),
        created_at=NOW,
    )
    version.digest = pricing.digest_of(version)
    session.add(version)
    session.commit()
    return version
