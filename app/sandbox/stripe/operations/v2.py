"""Version 2 of the API: thin events, and meter events in bulk."""

import calendar
import re
import time

from app.sandbox.stripe import errors, metering
from app.sandbox.stripe.desk import Ask, Desk, rfc3339
from app.sandbox.stripe.errors import Refused
from app.sandbox.stripe.registry import operation
from app.sandbox.stripe.store import Thing, new_id

_EVENT = "event_name! payload!{*} identifier timestamp"
SESSION_S = 15 * 60


@operation("GET", "/v2/core/events/<id>")
def retrieve(desk: Desk, ask: Ask) -> Thing:
    found: Thing = desk.need("v2.core.event", ask.id)["_thin"]
    return found


@operation("GET", "/v2/core/events", "limit:int object_id types[] created{gt gte lt lte}")
def index(desk: Desk, ask: Ask) -> Thing:
    """Newest first, one page only."""
    found = [each["_thin"] for each in desk.store.all("v2.core.event", newest=True)]
    if "types" in ask.params:
        found = [each for each in found if each["type"] in ask.params["types"]]
    limits = {name: _seconds(text) for name, text in (ask.get("created") or {}).items()}
    tests = {"gt": int.__gt__, "gte": int.__ge__, "lt": int.__lt__, "lte": int.__le__}
    found = [one for one in found if all(tests[name](_seconds(one["created"]), at) for name, at in limits.items())]
    return {"data": found[: ask.get("limit", 20)], "next_page_url": None, "previous_page_url": None}


@operation("POST", "/v2/billing/meter_event_session")
def session(desk: Desk, ask: Ask) -> Thing:
    token = new_id("stream_token_")
    desk.store.set_fact(f"session {token}", desk.now() + SESSION_S)
    return {
        "id": new_id("mes_"), "object": "v2.billing.meter_event_session", "authentication_token": token,
        "created": rfc3339(desk.now()), "expires_at": rfc3339(desk.now() + SESSION_S), "livemode": False,
    }  # fmt: skip


@operation("POST", "/v2/billing/meter_event_stream", f"events![]{{{_EVENT}}}")
def stream(desk: Desk, ask: Ask) -> Thing:
    """Takes everything; what is wrong comes as error reports, and repeats are silently left out."""
    if len(ask.params["events"]) > 100:
        raise Refused("At most 100 events.", code="too_many_events", param="events")
    for event in ask.params["events"]:
        _take(desk, event, event.get("identifier") or new_id(""))
    return {}


@operation("POST", "/v2/billing/meter_events", _EVENT)
def create(desk: Desk, ask: Ask) -> Thing:
    identifier = ask.get("identifier") or new_id("")
    if metering.is_known(desk, identifier):
        raise Refused(f"An event already exists with identifier {identifier}.", code="duplicate_meter_event")
    moment = _seconds(ask.params["timestamp"]) if ask.get("timestamp") else desk.now()
    metering.check_time(desk, moment)
    _take(desk, dict(ask.params), identifier)
    return {
        "object": "v2.billing.meter_event", "created": rfc3339(desk.now()), "event_name": ask.params["event_name"],
        "identifier": identifier, "livemode": False, "payload": ask.params["payload"], "timestamp": rfc3339(moment),
    }  # fmt: skip


def _take(desk: Desk, event: Thing, identifier: str) -> None:
    meter = metering.meter_of(desk, event["event_name"])
    if meter is None:
        metering.report(desk, None, "no_meter", f"No meter found for {event['event_name']}.", identifier)
        return
    customer = event["payload"].get(meter["customer_mapping"]["event_payload_key"])
    value = str(
        event["payload"].get(meter["value_settings"]["event_payload_key"], "1" if metering.counts(meter) else "")
    )
    if not customer:
        metering.report(desk, meter, "meter_event_no_customer_defined", "No customer in the payload.", identifier)
        return
    if not re.fullmatch(r"(?a)-?\d{1,15}", value):
        metering.report(desk, meter, "meter_event_invalid_value", f"Not a whole number: {value[:40]}", identifier)
        return
    moment = _seconds(event["timestamp"]) if event.get("timestamp") else desk.now()
    try:
        metering.check_time(desk, moment)
    except Refused as refused:
        metering.report(desk, meter, refused.body["error"]["code"], str(refused), identifier)
        return
    if not metering.is_known(desk, identifier):
        metering.record(desk, meter, customer=customer, value=int(value), at=moment, identifier=identifier)


def _seconds(text: str) -> int:
    try:
        return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))
    except ValueError:
        raise errors.Refused(f"Not a moment: {text[:40]}", param="timestamp") from None
