"""Subscription schedules: which items a subscription has from when on."""

from app.sandbox.stripe.billing import collecting, subscribing
from app.sandbox.stripe.billing import lines as lines_of
from app.sandbox.stripe.desk import LOOKS, Desk
from app.sandbox.stripe.store import Thing


def enter(desk: Desk, subscription: Thing, *, ended_items: set[str]) -> Thing:
    """Let the phase that begins now take effect, or end the schedule after its last one.

    ended_items: whose periods ended at this moment, so that nothing of them is left to give back.
    """
    schedule = desk.store.get(subscription["schedule"]) if subscription["schedule"] else None
    if schedule is None:
        return subscription
    now = desk.now()
    if schedule["phases"][-1]["end_date"] <= now:
        release(desk, schedule)
        return desk.put(subscription | {"schedule": None})
    phase = next(each for each in schedule["phases"] if each["start_date"] <= now < each["end_date"])
    current = {"start_date": phase["start_date"], "end_date": phase["end_date"]}
    if schedule["current_phase"] == current:
        return subscription
    _replace_items(desk, subscription, phase, ended_items)
    subscription = subscription | {"metadata": subscription["metadata"] | (phase["metadata"] or {})}
    desk.put(subscription)
    desk.put(schedule | {"current_phase": current})
    desk.emit("subscription_schedule.updated", schedule | {"current_phase": current}, desk.show(schedule))
    return subscription


def _replace_items(desk: Desk, subscription: Thing, phase: Thing, ended_items: set[str]) -> None:
    """The items of the phase: those that stay keep their ids and periods."""
    now = desk.now()
    before = {item["_price"]: item for item in subscribing.items_of(desk, subscription)}
    wanted: list[Thing] = []
    for each in phase["items"]:
        quantity = {} if each.get("quantity") is None else {"quantity": each["quantity"]}
        known = before.pop(each["price"], None)
        if known and known["id"] in ended_items:
            desk.put(known | quantity)  # its next period is begun, and paid for, with the others
            continue
        if known:
            wanted.append({"id": known["id"]} | quantity)
            continue
        price = desk.need("price", each["price"])
        item = subscribing.add_item(desk, subscription, price, quantity)
        if lines_of.full_period(subscription, price, now)[0] == now:
            desk.put(item | {"current_period_end": now})  # so that it begins with those that are renewed
        else:
            subscribing.prorate(desk, subscription, item, 1, proration=phase["proration_behavior"], at=now)
    wanted += [{"id": item["id"], "deleted": True} for item in before.values() if item["id"] not in ended_items]
    for item in before.values():
        if item["id"] in ended_items:
            desk.store.forget(item["id"])
    subscribing.change_items(desk, subscription, wanted, proration=phase["proration_behavior"], at=now)
    if phase["proration_behavior"] == subscribing.NOW:
        invoice = subscribing.invoice_now(desk, subscription)
        if invoice:
            collecting.collect(desk, invoice)


def ends_it(desk: Desk, subscription: Thing) -> bool:
    """Whether the subscription is over now because its schedule's last phase is."""
    schedule = desk.store.get(subscription["schedule"]) if subscription["schedule"] else None
    return bool(schedule and schedule["end_behavior"] == "cancel" and schedule["phases"][-1]["end_date"] <= desk.now())


def release(desk: Desk, schedule: Thing) -> Thing:
    """The subscription goes on as it is, without a schedule."""
    schedule |= {
        "status": "released", "released_at": desk.now(), "released_subscription": schedule["subscription"],
        "subscription": None, "current_phase": None,
    }  # fmt: skip
    desk.put(schedule)
    desk.emit("subscription_schedule.released", schedule)
    return schedule


def subscription_ended(desk: Desk, subscription: Thing) -> None:
    """A schedule does not outlive its subscription: it is complete after its last phase, else cancelled."""
    schedule = desk.store.get(subscription["schedule"]) if subscription["schedule"] else None
    if schedule and schedule["status"] == "active":
        complete = ends_it(desk, subscription)
        moment = {"completed_at" if complete else "canceled_at": desk.now(), "current_phase": None}
        schedule |= moment | {"status": "completed" if complete else "canceled"}
        desk.put(schedule)
        desk.emit(f"subscription_schedule.{schedule['status']}", schedule)


LOOKS["subscription_schedule"] = lambda _, schedule: schedule
