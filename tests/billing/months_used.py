"""A month in which things were used, for tests of bills: calls with receipts of their time and prices as set."""

from datetime import UTC, datetime
from itertools import count

from app.billing import meters
from app.core import ids
from app.metering.models import UsageEvent
from app.plans import metrics, queries, rating, services
from app.plans.models import UsageCharge
from tests.factories import Factory
from tests.plans.catalogues import FREE, apply, by_use, choice

BEGINNING = datetime(2026, 11, 1, tzinfo=UTC)
CATALOGUE = (
    'currencies = ["usd"]\n'
    + FREE
    + by_use('usd.calls = { free = 2, graduated = [{ up_to = 3, each = "0.0055" }, { each = "0.0025" }] }')
    + """
[plans.team]
name = "Team"
words = "For products."
kind = "team"
seats = { included = 2, most = 9 }

[plans.team.base]
usd = { month = "99.00", year = "990.00" }

[plans.team.seat]
usd = { month = "9.00", year = "90.00" }

[[plans.team.charges]]
key = "calls"
label = "Calls"
max_per_call = { bytes = 300 }
usd.calls = { each = "0.0015" }
usd.bytes = { per = 100, each = "0.01" }

[plans.prepaid]
name = "Prepaid"
words = "From credit."
kind = "prepaid"

[[plans.prepaid.charges]]
key = "calls"
label = "Calls"
usd.calls = { each = "0.02" }
"""
)
_numbers = count(1)


def subscribed(session, organisation, slug="payg", *, at=BEGINNING, **more):
    """On a plan of the catalogue since then."""
    if not queries.newest(session):
        apply(session, CATALOGUE, now=at)
    chosen = choice(session, slug, now=at, **more)
    return services.subscribe(session, organisation=organisation, choice=chosen, now=at)


def price(session, slug="payg", *, currency="usd"):
    offer = queries.newest(session)[slug]
    (found,) = queries.prices_of(session, [offer.version.id], currency=currency)
    return found


def call(session, key, integration, version=None, *, at, tool="greet", units=1, **more):
    """A call that is charged by `version`, as the ledger does it; and one of no price without it."""
    values = {"bytes_in": 120, "bytes_out": 340, "tokens_in": 0, "tokens_out": 0, "upstream_us": 11_000, **more}
    event = UsageEvent(
        id=ids.lowest_receipt(at)[:18] + f"{next(_numbers):012d}",
        request_id=ids.request_id(),
        at=at,
        organisation_id=key.organisation_id,
        key_id=key.id,
        integration_id=integration.id,
        tool=tool,
        status="ok" if units else "timeout",
        units=units,
        http_status=200,
        duration_us=12_000,
        price_version_id=version and version.id,
        currency=version.currency if version else "",
        **values,
    )
    if version is not None and event.environment == "live":
        event.amount_nanos = _charged(session, event, version)
    session.add(event)
    session.flush()
    most = {version.id.int: version.max_per_call} if version is not None else {}
    Factory(session, at).total(event, most)
    return event


def _charged(session, event, version):
    month_at = event.at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    total = 0
    for metric, scheme in meters.schemes_of(version).items():
        place = (event.organisation_id, month_at, version.id, metric)
        names = ("organisation_id", "month_at", "price_version_id", "metric")
        row = session.get(UsageCharge, place) or UsageCharge(**dict(zip(names, place, strict=True)), quantity=0)
        quantity = metrics.billable(metric, event.model_dump(), most=version.max_per_call.get(metric))
        total += rating.change(row.quantity, quantity, scheme)
        row.quantity += quantity
        session.add(row)
        session.flush()
    return total
