"""Billing meters, the events that they count, and what they have counted."""

import re

from app.sandbox.stripe import metering
from app.sandbox.stripe.desk import Ask, Desk
from app.sandbox.stripe.errors import Refused
from app.sandbox.stripe.registry import LIST, operation, page
from app.sandbox.stripe.store import Thing, new_id


@operation(
    "POST", "/v1/billing/meters",
    "display_name! event_name! default_aggregation!{formula!:count|last|sum} event_time_window:day|hour "
    "customer_mapping{type!:by_id event_payload_key!} value_settings{event_payload_key!}",
)  # fmt: skip
def create(desk: Desk, ask: Ask) -> Thing:
    name = ask.params["event_name"]
    if len(name) > 100:
        raise Refused("Invalid string: must be at most 100 characters", param="event_name")
    if any(each["event_name"] == name for each in desk.store.all("billing.meter", status="active")):
        raise Refused(f"There is already an active meter for the event name {name}.", param="event_name")
    meter = desk.new(
        "billing.meter", "mtr_test_", display_name=ask.params["display_name"], event_name=name,
        default_aggregation=ask.params["default_aggregation"], event_time_window=ask.get("event_time_window"),
        customer_mapping=ask.get("customer_mapping", {"type": "by_id", "event_payload_key": "stripe_customer_id"}),
        value_settings=ask.get("value_settings", {"event_payload_key": "value"}), status="active",
        status_transitions={"deactivated_at": None}, updated=desk.now(), _ref=name,
    )  # fmt: skip
    desk.put(meter)
    desk.emit("billing.meter.created", meter)
    return desk.show(meter)


@operation("GET", "/v1/billing/meters", LIST + " status:active|inactive")
def index(desk: Desk, ask: Ask) -> Thing:
    return page(desk, ask, desk.store.all("billing.meter", status=ask.get("status"), newest=True))


@operation("GET", "/v1/billing/meters/<id>")
def retrieve(desk: Desk, ask: Ask) -> Thing:
    return desk.show(desk.need("billing.meter", ask.id))


@operation("POST", "/v1/billing/meters/<id>", "display_name")
def update(desk: Desk, ask: Ask) -> Thing:
    meter = desk.need("billing.meter", ask.id)
    before = desk.show(meter)
    meter |= {"display_name": ask.get("display_name", meter["display_name"]), "updated": desk.now()}
    desk.put(meter)
    desk.emit("billing.meter.updated", meter, before)
    return desk.show(meter)


@operation("POST", "/v1/billing/meters/<id>/deactivate")
def deactivate(desk: Desk, ask: Ask) -> Thing:
    return _switched(desk, ask.id, "inactive", desk.now(), "billing.meter.deactivated")


@operation("POST", "/v1/billing/meters/<id>/reactivate")
def reactivate(desk: Desk, ask: Ask) -> Thing:
    return _switched(desk, ask.id, "active", None, "billing.meter.reactivated")


def _switched(desk: Desk, id_: str, status: str, at: int | None, kind: str) -> Thing:
    meter = desk.need("billing.meter", id_)
    if meter["status"] == status:
        raise Refused(f"The meter is already {status}.")
    meter |= {"status": status, "status_transitions": {"deactivated_at": at}, "updated": desk.now()}
    desk.put(meter)
    desk.emit(kind, meter)
    return desk.show(meter)


@operation("POST", "/v1/billing/meter_events", "event_name! payload!{*} identifier timestamp:int")
def create_event(desk: Desk, ask: Ask) -> Thing:
    """Refuses what can be seen at once; the rest comes as an error report."""
    name, payload = ask.params["event_name"], ask.params["payload"]
    moment, identifier = ask.get("timestamp", desk.now()), ask.get("identifier") or new_id("")
    meter = metering.meter_of(desk, name)
    if meter is None:
        raise Refused(
            f"No active meter found for meter event with event_name {name}.",
            code="resource_missing",
            param="event_name",
        )
    metering.check_time(desk, moment)
    customer = payload.get(meter["customer_mapping"]["event_payload_key"])
    if not customer:
        key = meter["customer_mapping"]["event_payload_key"]
        raise Refused(f"Payload must include {key}.", param=f"payload[{key}]")
    value = payload.get(meter["value_settings"]["event_payload_key"], "1" if metering.counts(meter) else None)
    if value is None or not re.fullmatch(r"(?a)-?\d{1,15}", str(value)):
        key = meter["value_settings"]["event_payload_key"]
        raise Refused(f"Invalid value for payload[{key}]: {value}. It must be a whole number.", param=f"payload[{key}]")
    if metering.is_known(desk, identifier):
        raise Refused(
            f"An event already exists with identifier {identifier}.",
            param="identifier",
            headers={"stripe-should-retry": "false"},
        )
    metering.record(desk, meter, customer=customer, value=int(value), at=moment, identifier=identifier)
    return {
        "object": "billing.meter_event", "created": desk.now(), "event_name": name, "identifier": identifier,
        "livemode": False, "payload": payload, "timestamp": moment,
    }  # fmt: skip


@operation("POST", "/v1/billing/meter_event_adjustments", "event_name! type!:cancel cancel{identifier!}")
def adjust(desk: Desk, ask: Ask) -> Thing:
    identifier = ask.get("cancel", {}).get("identifier")
    if not identifier:
        raise Refused("Missing required param: cancel.", code="parameter_missing", param="cancel")
    metering.cancel(desk, ask.params["event_name"], identifier)
    return {
        "object": "billing.meter_event_adjustment", "event_name": ask.params["event_name"], "type": "cancel",
        "cancel": {"identifier": identifier}, "livemode": False, "status": "pending",
    }  # fmt: skip


@operation(
    "GET", "/v1/billing/meters/<id>/event_summaries",
    LIST + " customer! start_time!:int end_time!:int value_grouping_window:hour|day",
)  # fmt: skip
def summaries(desk: Desk, ask: Ask) -> Thing:
    """Newest first; windows without events are left out."""
    meter = desk.need("billing.meter", ask.id)
    desk.living("customer", ask.params["customer"], "customer")
    start, end = ask.params["start_time"], ask.params["end_time"]
    step = {"hour": 3600, "day": 86400}.get(ask.get("value_grouping_window", ""))
    aligned = step or 60
    for name, moment in (("start_time", start), ("end_time", end)):
        if moment % aligned:
            raise Refused(f"{name} must be aligned with {'minutes' if aligned == 60 else 'the window'}.", param=name)
    if end <= start:
        raise Refused("end_time must be after start_time.", param="end_time")
    found = []
    for since in range(start, end, step or end - start):
        until = since + (step or end - start)
        if metering.events_in(desk, meter, ask.params["customer"], since, until):
            found.append({
                "id": f"mtrusg_test_{meter['id'][-8:]}{since}", "object": "billing.meter_event_summary",
                "aggregated_value": float(metering.aggregate(desk, meter, ask.params["customer"], since, until)),
                "start_time": since, "end_time": until, "livemode": False, "meter": meter["id"],
            })  # fmt: skip
    return page(desk, ask, found[::-1])
