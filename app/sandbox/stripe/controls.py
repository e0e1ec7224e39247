"""What can be done to the stand-in and not to Stripe, as JSON: move its clock, spoil things, send webhooks.

The pages call the same functions. `docs/operate/stripe-stand-in.md` says how to use them in tests.
"""

import time
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request

from app.sandbox.stripe import faults, webhooks
from app.sandbox.stripe.billing import cycle
from app.sandbox.stripe.desk import Desk
from app.sandbox.stripe.errors import Refused

bp = Blueprint("controls", __name__)
FURTHEST_S = 5 * 366 * 86_400


def the_desk() -> Desk:
    """The stand-in that answers this request."""
    desk: Desk = current_app.extensions["stripe"]
    return desk


def move(desk: Desk, *, to: int | None = None, by: int = 0, freeze: bool | None = None) -> int:
    """Let time pass up to `to`, or by so many seconds, and everything happen that would. Answers the new time.

    freeze: stop the clock where it then is, or let it run on; None leaves that. Raises Refused for the past.
    """
    with desk.store.lock:
        target = to if to is not None else desk.now() + by
        if target < desk.now():
            raise Refused("The clock goes forward only.", param="to")
        if target > desk.now() + FURTHEST_S:
            raise Refused("At most five years at a time.", param="to")
        cycle.catch_up(desk, target)
        desk.store.set_fact("offset", target - int(time.time()))
        stays = desk.store.fact("frozen_at") is not None if freeze is None else freeze
        desk.store.set_fact("frozen_at", target if stays else None)
    desk.woken.set()
    return target


@bp.errorhandler(Refused)
def _refused(refused: Refused) -> tuple[Response, int]:
    return jsonify(refused.body), refused.status


@bp.get("/_health")
def health() -> Response:
    return jsonify({"status": "ok"})


@bp.get("/_clock")
def clock() -> Response:
    """{now, offset, frozen}: unix seconds, how far from the real time, whether it stands still."""
    desk = the_desk()
    return jsonify({
        "now": desk.now(), "offset": desk.now() - int(time.time()),
        "frozen": desk.store.fact("frozen_at") is not None,
    })  # fmt: skip


@bp.post("/_clock")
def move_clock() -> Response:
    """{to} or {by}, and {freeze}; answers like GET once everything has happened."""
    given = _given({"to", "by", "freeze"})
    numbers = {name: _whole(given, name) for name in ("to", "by") if name in given}
    freeze = given.get("freeze")
    if freeze is not None and not isinstance(freeze, bool):
        raise Refused("freeze is true or false.", param="freeze")
    move(the_desk(), **numbers, freeze=freeze)
    return clock()


@bp.get("/_faults")
def show_faults() -> Response:
    return jsonify(faults.in_force(the_desk().store))


@bp.post("/_faults")
def set_faults() -> Response:
    """All faults from now on, by name; {} ends them. See faults.py."""
    given = request.get_json(silent=True)
    if not isinstance(given, dict):
        raise Refused("Send a JSON object.")
    with the_desk().store.transaction():
        faults.set_to(the_desk().store, given)
    return show_faults()


@bp.post("/_webhooks/deliver")
def deliver() -> Response:
    """Send what is due, until nothing is: {accepted, refused, given_up}."""
    desk, told = the_desk(), {"accepted": 0, "refused": 0, "given_up": 0}
    while _round(desk, told):
        pass
    return jsonify(told)


def _round(desk: Desk, told: dict[str, int]) -> bool:
    once = webhooks.deliver(desk.store, now=desk.now())
    for name, count in once.items():
        told[name] += count
    return any(once.values())


@bp.post("/_webhooks/again")
def again() -> Response:
    """{event}: send it once more to wherever it went."""
    given = _given({"event"})
    desk = the_desk()
    with desk.store.transaction():
        places = webhooks.again(desk.store, str(given.get("event")), now=desk.now())
    desk.woken.set()
    return jsonify({"places": places})


@bp.post("/_settings")
def settings() -> Response:
    """{tax_percent}: whole percent on invoices with automatic tax. {dunning_ends}: unpaid or past_due."""
    given = _given({"tax_percent", "dunning_ends"})
    desk = the_desk()
    if "tax_percent" in given and not 0 <= _whole(given, "tax_percent") <= 100:
        raise Refused("A whole number of percent.", param="tax_percent")
    if given.get("dunning_ends", "unpaid") not in ("unpaid", "past_due"):
        raise Refused("unpaid or past_due.", param="dunning_ends")
    with desk.store.transaction():
        for name, value in given.items():
            desk.store.set_fact(name, value)
    return jsonify({name: desk.store.fact(name) for name in ("tax_percent", "dunning_ends")})


def _given(known: set[str]) -> Mapping[str, Any]:
    given = request.get_json(silent=True)
    if not isinstance(given, dict) or not set(given) <= known:
        raise Refused(f"Send a JSON object with any of: {', '.join(sorted(known))}.")
    return given


def _whole(given: Mapping[str, Any], name: str) -> int:
    value = given.get(name)
    if type(value) is not int:
        raise Refused(f"{name} is a whole number.", param=name)
    return value
