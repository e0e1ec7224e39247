"""Behind a line of a statement its hours, behind an hour its calls: all of them add up."""

from app.api import cursors
from app.api.bill_schemas import BilledCall, BilledCallPage, HourPage, HourTold
from app.api.endpoints import endpoint
from app.api.guards import current
from app.api.schemas import Paging
from app.billing import drilling, gathering, months
from app.billing.drilling import Counted, HourUsed
from app.integrations import queries as integrations

HOURS = "/billing/months/<month>/lines/<line>/hours"


@endpoint("GET", HOURS, "billing:read", "The hours of a line", query=Paging, answer=HourPage)
def list_line_hours(month: str, line: str, query: Paging) -> HourPage:
    chosen = months.named(month, now=current.now)
    found = drilling.opened(current.session, current.organisation, chosen, line)
    shown, following = cursors.part(
        found.hours, cursor=query.cursor, limit=query.limit, name=lambda hour: f"{hour.begins_at:%Y%m%d%H}"
    )
    return HourPage(
        rest_nanos=found.rest_nanos,
        rest_minor=found.rest_minor,
        items=[_hour(hour) for hour in shown],
        next_cursor=following,
    )


@endpoint(
    "GET", f"{HOURS}/<hour>/calls", "billing:read", "The calls of an hour of a line",
    query=Paging, answer=BilledCallPage,
)  # fmt: skip
def list_line_calls(month: str, line: str, hour: str, query: Paging) -> BilledCallPage:
    chosen = months.named(month, now=current.now)
    found = drilling.line_of(gathering.statement_of(current.session, current.organisation.id, chosen), line)
    after = cursors.read(query.cursor)
    calls = drilling.calls(
        current.session,
        current.organisation,
        found,
        drilling.hour_named(hour, found),
        limit=query.limit + 1,
        before=after.name if after is not None else None,
    )
    shown, following = cursors.cut(calls, query.limit, lambda one: (one.event.at, one.event.id))
    slugs = {one.id: one.slug for one in integrations.every(current.session)}
    return BilledCallPage(
        items=[_call(one, slugs.get(one.event.integration_id, "gone")) for one in shown], next_cursor=following
    )


def _hour(hour: HourUsed) -> HourTold:
    return HourTold(
        hour=hour.name,
        begins_at=hour.begins_at,
        calls=hour.calls,
        quantities=dict(hour.quantities),
        amount_nanos=hour.nanos,
        amount_minor=hour.amount_minor,
    )


def _call(one: Counted, slug: str) -> BilledCall:
    return BilledCall(
        receipt=one.event.id,
        at=one.event.at,
        key_id=str(one.event.key_id),
        integration=slug,
        tool=one.event.tool,
        status=one.event.status,
        quantities=dict(one.quantities),
        amount_nanos=one.nanos,
    )
