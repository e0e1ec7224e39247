"""Behind the counter: everything the stand-in knows, its clock, and what goes wrong on request."""

import json
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.sandbox.stripe import controls, faults, webhooks
from app.sandbox.stripe.controls import the_desk
from app.sandbox.stripe.desk import Desk
from app.sandbox.stripe.errors import Refused
from app.sandbox.stripe.store import Thing

bp = Blueprint("home", __name__)
SHOWN = 20
STEPS = {"an hour": 3600, "a day": 86_400, "a week": 7 * 86_400}


@bp.get("/")
def index() -> ResponseReturnValue:
    return _page()


def _page(problem: str = "") -> str:
    desk = the_desk()
    store = desk.store
    dues = store.execute("SELECT due, kind, id FROM thing WHERE due IS NOT NULL ORDER BY due LIMIT 5")
    return render_template(
        "home.html", now=desk.now(), frozen=store.fact("frozen_at") is not None, steps=STEPS, problem=problem,
        dues=dues, faults=faults.in_force(store), api=faults.API, webhooks=faults.WEBHOOKS,
        customers=store.all("customer", newest=True, limit=SHOWN),
        invoices=store.all("invoice", newest=True, limit=SHOWN),
        subscriptions=store.all("subscription", newest=True, limit=SHOWN),
        events=_with_deliveries(desk, store.all("event", newest=True, limit=SHOWN)), portal=desk.settings.portal_url,
    )  # fmt: skip


def _with_deliveries(desk: Desk, events: list[Thing]) -> list[Thing]:
    return [each | {"deliveries": _deliveries(desk, each["id"])} for each in events]


def _deliveries(desk: Desk, event: str) -> list[tuple[Any, ...]]:
    """(url, state, tries, what was said, due) of each."""
    return desk.store.execute(
        "SELECT url, state, tries, said, due FROM delivery WHERE event = ? ORDER BY seq", (event,)
    )


@bp.post("/clock")
def move() -> ResponseReturnValue:
    """`by` seconds, or `to` a day (its midnight, UTC) and an hour past it, when drafts have become final."""
    try:
        if request.form.get("to"):
            day = datetime.strptime(request.form["to"], "%Y-%m-%d").replace(tzinfo=UTC)
            controls.move(the_desk(), to=int(day.timestamp()) + 3600)
        else:
            controls.move(the_desk(), by=int(request.form.get("by", "0")))
    except Refused as refused:
        return _page(str(refused)), 422
    except ValueError:
        return _page("Write the day as 2026-12-31."), 422
    return redirect(url_for("home.index"), 303)


@bp.post("/faults")
def spoil() -> ResponseReturnValue:
    """Chances in percent, by name; `seed`; `paths` separated by spaces."""
    try:
        names = (*faults.API, *faults.WEBHOOKS)
        wanted: dict[str, Any] = {
            name: int(request.form[name]) / 100 for name in names if int(request.form.get(name) or 0)
        }
        wanted |= {"seed": int(request.form.get("seed") or 0), "paths": request.form.get("paths", "").split()}
        with the_desk().store.transaction():
            faults.set_to(the_desk().store, wanted)
    except ValueError:
        return _page("Chances are whole numbers of percent."), 422
    except Refused as refused:
        return _page(str(refused)), 422
    return redirect(url_for("home.index"), 303)


@bp.get("/events/<event_id>")
def event(event_id: str) -> ResponseReturnValue:
    desk = the_desk()
    found = desk.store.get(event_id)
    if found is None or found["object"] not in ("event", "v2.core.event"):
        return _page("There is no such event."), 404
    shown = found.get("_thin") or desk.show(found)
    body = json.dumps(shown, indent=2, ensure_ascii=False)
    return render_template("event.html", event=shown, body=body, deliveries=_deliveries(desk, event_id))


@bp.post("/events/<event_id>/again")
def again(event_id: str) -> ResponseReturnValue:
    desk = the_desk()
    with desk.store.transaction():
        webhooks.again(desk.store, event_id, now=desk.now())
    desk.woken.set()
    return redirect(url_for("home.event", event_id=event_id), 303)


@bp.get("/customers/<customer_id>")
def customer(customer_id: str) -> ResponseReturnValue:
    desk = the_desk()
    found = desk.store.get(customer_id)
    if found is None or found["object"] != "customer":
        return _page("There is no such customer."), 404
    every = {kind: desk.store.all(kind, customer=customer_id, newest=True, limit=SHOWN)
             for kind in ("subscription", "invoice", "payment_method", "charge")}  # fmt: skip
    usage = desk.store.execute(
        "SELECT event_name, COUNT(*), SUM(value), MAX(at) FROM usage WHERE customer = ? GROUP BY event_name",
        (customer_id,),
    )
    return render_template("customer.html", customer=found, usage=usage, **every)
