"""Calls one by one: the list of the page “Calls”, and what the page of each of them says."""

from app.api import cursors
from app.api.call_schemas import CallCheck, CallExplained, CallPage, CallsAsked, CallTold
from app.api.endpoints import endpoint
from app.api.guards import current
from app.api.views import usage
from app.core.errors import Invalid, NotFound
from app.integrations.models import Integration
from app.keys.models import Key
from app.metering import one_call, queries
from app.metering.models import UsageEvent


@endpoint("GET", "/calls", "usage:read", "List calls", query=CallsAsked, answer=CallPage)
def list_calls(query: CallsAsked) -> CallPage:
    after = cursors.read(query.cursor)
    if after is not None and not after.name.startswith("rcp_"):
        raise Invalid("“cursor” must be the “next_cursor” of the page before, unchanged.")
    found = queries.calls_in(
        current.session,
        usage.question_of(query),
        limit=query.limit + 1,
        before=after.name if after is not None else None,
    )
    shown, following = cursors.cut(found, query.limit, lambda one: (one.event.at, one.event.id))
    return CallPage(items=[_told(one.event, one.key, one.integration) for one in shown], next_cursor=following)


@endpoint("GET", "/calls/<call_id>", "usage:read", "One call, explained", answer=CallExplained)
def get_call(call_id: str) -> CallExplained:
    """By its receipt, with or without the signature, or the id of its request."""
    event = one_call.found(current.session, current.organisation, call_id)
    if not isinstance(event, UsageEvent):
        raise NotFound("That request made no call: it was refused, free, or a retry.")
    call = one_call.of_event(current.session, event)
    return CallExplained(
        call=_told(event, call.whose.key if call.whose else None, call.integration),
        key_hint=call.whose.secret if call.whose else "",
        owner=call.whose.owner if call.whose else "",
        ended=call.ended,
        checks=[CallCheck(words=one.words, has_passed=one.has_passed) for one in call.checks],
        policy_version=event.policy_version,
        tool_version=event.tool_version,
        protocol_version=event.protocol_version,
        price_version_id=event.price_version_id,
        cost=call.cost,
        place=call.seq,
        related=[one.id for one in call.related],
        replays=call.replays,
    )


def _told(event: UsageEvent, key: Key | None, integration: Integration | None) -> CallTold:
    same = {name: getattr(event, name) for name in CallTold.model_fields if name not in ("integration", "key")}
    return CallTold(
        integration=integration.slug if integration is not None else "gone",
        key=key.name if key is not None else "gone",
        **same,
    )
