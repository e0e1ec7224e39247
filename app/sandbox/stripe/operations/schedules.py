"""Subscription schedules."""

from typing import Any

from app.sandbox.stripe import behind
from app.sandbox.stripe.billing import phases, subscribing
from app.sandbox.stripe.calendar import boundary
from app.sandbox.stripe.desk import Ask, Desk
from app.sandbox.stripe.errors import Refused
from app.sandbox.stripe.operations.customers import with_metadata
from app.sandbox.stripe.registry import LIST, operation, page
from app.sandbox.stripe.store import Thing

_PHASE = (
    "phases[]{items![]{price! quantity:int metadata{*}} start_date end_date duration{interval! interval_count:int} "
    "proration_behavior:always_invoice|create_prorations|none metadata{*} description? "
    "billing_cycle_anchor:automatic|phase_start automatic_tax{enabled!:bool}}"
)


@operation("POST", "/v1/subscription_schedules", "from_subscription! metadata{*}")
def create(desk: Desk, ask: Ask) -> Thing:
    """Only from a subscription; its first phase is what that has now, until its period ends."""
    subscription = desk.need("subscription", ask.params["from_subscription"], "from_subscription", status=400)
    if subscription["schedule"]:
        raise Refused(
            "You cannot migrate a subscription that is already attached to a schedule: "
            f"{subscription['schedule']}.", param="from_subscription",
        )  # fmt: skip
    items = subscribing.items_of(desk, subscription)
    start = min(item["current_period_start"] for item in items)
    phase = _phase(
        [{"price": item["_price"], "quantity": item.get("quantity"), "metadata": item["metadata"]} for item in items],
        start, min(item["current_period_end"] for item in items), subscription["currency"], {},
    )  # fmt: skip
    schedule = desk.new(
        "subscription_schedule", "sub_sched_", application=None, billing_mode={"type": "flexible"}, canceled_at=None,
        completed_at=None, customer=subscription["customer"], end_behavior="release",
        metadata=ask.get("metadata") or {},
        current_phase={"start_date": phase["start_date"], "end_date": phase["end_date"]}, phases=[phase],
        default_settings={
            "application_fee_percent": None, "automatic_tax": {"enabled": subscription["automatic_tax"]["enabled"]},
            "billing_cycle_anchor": "automatic", "billing_thresholds": None,
            "collection_method": "charge_automatically",
            "default_payment_method": None, "description": None, "on_behalf_of": None, "transfer_data": None,
            "invoice_settings": {"issuer": {"type": "self"}},
        },
        released_at=None, released_subscription=None, status="active", subscription=subscription["id"], test_clock=None,
    )  # fmt: skip
    desk.put(schedule)
    subscribing.save(desk, subscription | {"schedule": schedule["id"]})
    desk.emit("subscription_schedule.created", schedule)
    return desk.show(schedule)


@operation("GET", "/v1/subscription_schedules", LIST + " customer")
def index(desk: Desk, ask: Ask) -> Thing:
    return page(desk, ask, desk.store.all("subscription_schedule", customer=ask.get("customer"), newest=True))


@operation("GET", "/v1/subscription_schedules/<schedule>")
def retrieve(desk: Desk, ask: Ask) -> Thing:
    return desk.show(desk.need("subscription_schedule", ask.id))


@operation(
    "POST", "/v1/subscription_schedules/<schedule>",
    _PHASE + " end_behavior:cancel|release metadata{*} proration_behavior:always_invoice|create_prorations|none",
)  # fmt: skip
def update(desk: Desk, ask: Ask) -> Thing:
    schedule = _active(desk, ask.id)
    before = desk.show(schedule)
    schedule["end_behavior"] = ask.get("end_behavior", schedule["end_behavior"])
    schedule["metadata"] = with_metadata(schedule["metadata"], ask)
    subscription = desk.need("subscription", schedule["subscription"])
    if "phases" in ask.params:
        schedule["phases"] = _phases(desk, schedule, subscription, ask.params["phases"])
    current = next((each for each in schedule["phases"] if each["start_date"] <= desk.now() < each["end_date"]), None)
    if current is None:
        raise Refused("There must be a phase that is under way.", param="phases")
    schedule["current_phase"] = {"start_date": current["start_date"], "end_date": current["end_date"]}
    desk.put(schedule)
    subscribing.save(desk, desk.need("subscription", subscription["id"]))
    desk.emit("subscription_schedule.updated", schedule, before)
    return desk.show(schedule)


def _phases(desk: Desk, schedule: Thing, subscription: Thing, wanted: list[Thing]) -> list[Thing]:
    """Complete phases, one after the other. The one under way must keep its items; change those by the subscription."""
    made: list[Thing] = []
    wanted = _understood(desk, schedule, subscription, wanted)
    for place, each in enumerate(wanted):
        where = f"phases[{place}]"
        start = made[-1]["end_date"] if made else int(each.get("start_date") or schedule["phases"][0]["start_date"])
        if made and each.get("start_date") and int(each["start_date"]) != start:
            raise Refused("A phase must start when the one before it ends.", param=f"{where}[start_date]")
        if not made and start != schedule["phases"][0]["start_date"]:
            raise Refused("You can not modify the start date of the current phase.", param=f"{where}[start_date]")
        end = _end(each, start, where)
        if end <= start:
            raise Refused("A phase must end after it starts.", param=f"{where}[end_date]")
        items = [_item(desk, one, f"{where}[items][{number}]") for number, one in enumerate(each["items"])]
        made.append(_phase(items, start, end, subscription["currency"], each))
    return made


def _understood(desk: Desk, schedule: Thing, subscription: Thing, wanted: list[Thing]) -> list[Thing]:
    """Phases as they are meant by a caller whose clock is behind; an end that a phase has already stays."""
    known = [str(phase["end_date"]) for phase in schedule["phases"]]
    period_end = min(item["current_period_end"] for item in subscribing.items_of(desk, subscription))
    meant = {
        each["end_date"]: str(behind.still_ahead(desk, int(each["end_date"]), end=period_end))
        for place, each in enumerate(wanted)
        if each.get("end_date") and [each["end_date"]] != known[place : place + 1]
    }
    dates = [("end_date",), *[("start_date", "end_date")] * len(wanted)]
    return [
        each | {name: meant[each[name]] for name in names if each.get(name) in meant}
        for each, names in zip(wanted, dates, strict=False)
    ]


def _end(wanted: Thing, start: int, where: str) -> int:
    if wanted.get("end_date"):
        return int(wanted["end_date"])
    if not wanted.get("duration"):
        raise Refused(f"Give {where} an end_date or a duration.", param=f"{where}[end_date]")
    return boundary(start, wanted["duration"]["interval"], wanted["duration"].get("interval_count", 1), 1)


def _item(desk: Desk, wanted: Thing, where: str) -> Thing:
    price = desk.need("price", wanted["price"], f"{where}[price]", status=400)
    metered = price["recurring"]["usage_type"] == "metered"
    if metered and "quantity" in wanted:
        raise Refused("You cannot set the quantity for metered plans.", param=f"{where}[quantity]")
    return {
        "price": price["id"], "quantity": None if metered else wanted.get("quantity", 1),
        "metadata": wanted.get("metadata") or {},
    }  # fmt: skip


def _phase(items: list[Thing], start: int, end: int, currency: str, wanted: Any) -> Thing:  # noqa: ANN401
    shown = [
        {name: value for name, value in item.items() if name != "quantity" or value is not None}
        | {"billing_thresholds": None, "discounts": [], "plan": item["price"], "tax_rates": []}
        for item in items
    ]
    return {
        "add_invoice_items": [], "application_fee_percent": None, "billing_cycle_anchor": None,
        "billing_thresholds": None, "collection_method": None, "currency": currency, "default_payment_method": None,
        "default_tax_rates": [], "description": wanted.get("description"), "discounts": [], "end_date": end,
        "invoice_settings": None, "items": shown, "metadata": wanted.get("metadata") or {}, "on_behalf_of": None,
        "proration_behavior": wanted.get("proration_behavior", "create_prorations"), "start_date": start,
        "transfer_data": None, "trial_end": None,
    }  # fmt: skip


@operation("POST", "/v1/subscription_schedules/<schedule>/release", "preserve_cancel_date:bool")
def release(desk: Desk, ask: Ask) -> Thing:
    schedule = _active(desk, ask.id)
    subscription = desk.need("subscription", schedule["subscription"])
    phases.release(desk, schedule)
    subscribing.save(desk, subscription | {"schedule": None})
    return desk.show(schedule)


@operation("POST", "/v1/subscription_schedules/<schedule>/cancel", "invoice_now:bool prorate:bool")
def cancel(desk: Desk, ask: Ask) -> Thing:
    """Ends the subscription, too."""
    schedule = _active(desk, ask.id)
    subscription = desk.need("subscription", schedule["subscription"])
    subscribing.end(desk, subscription)
    phases.subscription_ended(desk, subscription)
    return desk.show(desk.need("subscription_schedule", schedule["id"]))


def _active(desk: Desk, id_: str) -> Thing:
    schedule = desk.need("subscription_schedule", id_)
    if schedule["status"] != "active":
        raise Refused(f"You cannot change a subscription schedule that is {schedule['status']}.")
    return schedule
