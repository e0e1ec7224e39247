"""What a subscription at Stripe is made of from a later moment on: phases of its one schedule.

Safe to repeat, and to be cut off anywhere: each step looks first at what Stripe has.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from app.billing.offers import Item
from app.billing.stripe_api import Found, StripeApi, key_for

Wanted = dict[str, Any]
_PLAN = "plan_version_id"
"""In the metadata of phases that begin another plan."""


def follow(
    api: StripeApi,
    subscription: Found,
    items: Sequence[Item],
    *,
    visit: UUID,
    at: int,
    said: Mapping[str, str],
) -> None:
    """From `at` on it has these items, and goes on by itself afterwards. What was planned before for later is not any
    more; meters that leave until then still do. Asks Stripe.

    said: becomes its metadata. visit: another one for a try that is to get another answer than the last, because under
    one key Stripe answers the same again, a 500 too.
    """
    made = _schedule_of(api, subscription, visit=visit)
    if any(_is_it(phase, items, at=at, said=said) for phase in made["phases"]):
        return
    following: Wanted = {
        "items": [item.as_line() for item in items],
        "start_date": at,
        "duration": {"interval": "month", "interval_count": 1},
        "proration_behavior": "none",
    }
    if said:
        following["metadata"] = dict(said)
    phases = [_as_it_is(phase) for phase in _kept(made, at=at)]
    phases[-1]["end_date"] = at
    params = {"phases": [*phases, following], "end_behavior": "release", "proration_behavior": "none"}
    key = key_for("phases", made["id"], visit)
    api.post(api.v1.subscription_schedules.update, str(made["id"]), params=params, key=key)


def forget(api: StripeApi, subscription: Found, *, visit: UUID) -> bool:
    """Nothing is planned for later any more, but for meters that leave; gives whether there was something. Asks
    Stripe.
    """
    if not subscription.get("schedule"):
        return False
    made = api.get(api.v1.subscription_schedules.retrieve, str(subscription["schedule"]))
    kept = _kept(made, at=int(made["phases"][-1]["start_date"]) + 1)
    if len(kept) == len(made["phases"]):
        return False
    calls, place = api.v1.subscription_schedules, str(made["id"])
    if len(kept) == 1:
        api.post(calls.release, place, params={}, key=key_for("release", place, visit))
        return True
    params = {"phases": [_as_it_is(phase) for phase in kept], "end_behavior": "release", "proration_behavior": "none"}
    api.post(calls.update, place, params=params, key=key_for("phases", place, visit))
    return True


def _schedule_of(api: StripeApi, subscription: Found, *, visit: UUID) -> Found:
    """The one that it has, or else a new one with what it is made of now: under a key that counts those that it had,
    so that one which was released meanwhile is not given again.
    """
    calls, known = api.v1.subscription_schedules, subscription.get("schedule")
    if known:
        return api.get(calls.retrieve, str(known))
    had = sum(1 for _ in api.every(calls.list, params={"customer": subscription["customer"]}))
    key = key_for("schedule", subscription["id"], visit, had)
    return api.post(calls.create, params={"from_subscription": subscription["id"]}, key=key)


def _kept(schedule: Found, *, at: int) -> list[Mapping[str, Any]]:
    """Phases that have begun, and of those before `at` the ones that only leave meters behind."""
    now = int((schedule.get("current_phase") or schedule["phases"][0])["start_date"])
    return [
        phase
        for phase in schedule["phases"]
        if int(phase["start_date"]) <= now
        or (int(phase["start_date"]) < at and _PLAN not in (phase.get("metadata") or {}))
    ]


def _is_it(phase: Mapping[str, Any], items: Sequence[Item], *, at: int, said: Mapping[str, str]) -> bool:
    there = {str(item["price"]): item.get("quantity") for item in phase["items"]}
    is_said = all((phase.get("metadata") or {}).get(name) == value for name, value in said.items())
    return int(phase["start_date"]) == at and is_said and there == {item.price: item.quantity for item in items}


def _as_it_is(phase: Mapping[str, Any]) -> Wanted:
    items = [
        {"price": item["price"], **({} if item.get("quantity") is None else {"quantity": item["quantity"]})}
        for item in phase["items"]
    ]
    begins, ends = int(phase["start_date"]), int(phase["end_date"])
    said: Wanted = {"items": items, "start_date": begins, "end_date": ends, "proration_behavior": "none"}
    return {**said, "metadata": dict(phase["metadata"])} if phase.get("metadata") else said
