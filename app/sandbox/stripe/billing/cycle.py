"""What happens by itself as time passes: periods end, drafts finalise, cards are tried again, sessions expire."""

from collections.abc import Callable

from app.sandbox.stripe.billing import collecting, drafts, phases, sessions, subscribing
from app.sandbox.stripe.billing import lines as lines_of
from app.sandbox.stripe.desk import Desk
from app.sandbox.stripe.store import Thing


def catch_up(desk: Desk, until: int | None = None) -> int:
    """Live through everything that is due by `until` (now), in order, each at its own moment; answers how much."""
    lived = 0
    limit = desk.now() if until is None else until
    while True:
        with desk.store.transaction():
            due = desk.store.next_due(limit)
            if due is None:
                return lived
            moment, thing = due
            desk.at(moment)
            try:
                _HANDLERS[thing["object"]](desk, thing)
                _must_move(desk, thing, moment)
            finally:
                desk.at(None)
        lived += 1


def _must_move(desk: Desk, thing: Thing, moment: int) -> None:
    after = desk.store.get(thing["id"])
    if after and after.get("_due") is not None and after["_due"] <= moment:
        raise RuntimeError(f"{thing['id']} is still due at {moment}")


def _subscription(desk: Desk, subscription: Thing) -> None:
    now = desk.now()
    if subscription["status"] == "incomplete":
        subscription["status"] = "incomplete_expired"
        subscribing.save(desk, subscription)
        desk.emit("customer.subscription.updated", subscription)
        return
    before = desk.show(subscription)
    pause = subscription["pause_collection"]
    if pause and pause.get("resumes_at") and pause["resumes_at"] <= now:
        subscription["pause_collection"] = None
    over = subscription["cancel_at"] is not None and subscription["cancel_at"] <= now
    over = over or phases.ends_it(desk, subscription)
    items = subscribing.items_of(desk, subscription)
    ended = [item for item in items if over or item["current_period_end"] <= now]
    lines = [line for item in ended if (line := _used(desk, subscription, item))]
    period = (min((item["current_period_start"] for item in ended), default=now), now)
    if over:
        _settle(desk, subscription, lines, period)
        subscribing.end(desk, desk.need("subscription", subscription["id"]))
        phases.subscription_ended(desk, subscription)
        return
    rolled = {item["id"] for item in ended}
    subscription = phases.enter(desk, subscription, ended_items=rolled)
    lines += _renewed(desk, subscription, rolled)
    if ended:
        _settle(desk, subscription, lines, period)
    subscription = subscribing.save(desk, desk.need("subscription", subscription["id"]) | {
        "pause_collection": subscription["pause_collection"], "schedule": subscription["schedule"],
    })  # fmt: skip
    desk.emit("customer.subscription.updated", subscription, before)


def _used(desk: Desk, subscription: Thing, item: Thing) -> Thing | None:
    price = subscribing.price_of(desk, item)
    if not lines_of.is_metered(price):
        return None
    end = min(item["current_period_end"], desk.now())
    return lines_of.usage(desk, subscription, item, price, (item["current_period_start"], end))


def _renewed(desk: Desk, subscription: Thing, rolled: set[str]) -> list[Thing]:
    """Begin the next period of every item whose period has ended; what is paid in advance for those."""
    made = []
    for item in subscribing.items_of(desk, subscription):
        if item["current_period_end"] > desk.now() and item["id"] not in rolled:
            continue
        price = subscribing.price_of(desk, item)
        start, end = lines_of.full_period(subscription, price, desk.now())
        item = desk.put(item | {"current_period_start": start, "current_period_end": end})  # noqa: PLW2901
        if not lines_of.is_metered(price):
            made.append(lines_of.fee(desk, subscription, item, price, (start, end)))
    return made


def _settle(desk: Desk, subscription: Thing, lines: list[Thing], period: tuple[int, int]) -> None:
    """The invoice of a period that ended, a draft for its grace; handled as the subscription's state asks."""
    customer = desk.need("customer", subscription["customer"])
    lines = lines + [lines_of.of_item(each) for each in drafts.pending(desk, customer, subscription)]
    if not lines:
        return
    behaviour = (subscription["pause_collection"] or {}).get("behavior")
    waits = subscription["status"] == "unpaid" or behaviour == "keep_as_draft"
    invoice = drafts.create(
        desk, customer, lines, reason="subscription_cycle", period=period, currency=subscription["currency"],
        subscription=subscription, grace_s=None if waits else drafts.GRACE_S, _paused=behaviour,
    )  # fmt: skip
    desk.put(subscription | {"latest_invoice": invoice["id"]})


def _invoice(desk: Desk, invoice: Thing) -> None:
    """Finalise a draft whose grace is over and collect it; or try an open one again."""
    if invoice["status"] == "draft":
        invoice = drafts.finalize(desk, invoice)
        if invoice.get("_paused") == "void":
            drafts.void(desk, invoice)
            return
        if invoice.get("_paused") == "mark_uncollectible":
            drafts.mark_uncollectible(desk, invoice)
            return
    collecting.collect(desk, invoice)


_HANDLERS: dict[str, Callable[[Desk, Thing], None]] = {
    "subscription": _subscription,
    "invoice": _invoice,
    "checkout.session": sessions.live,
}
