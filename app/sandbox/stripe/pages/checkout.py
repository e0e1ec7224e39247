"""The Checkout page: choose how the card behaves, pay, or go back."""

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from app.sandbox.stripe.billing import cards, sessions
from app.sandbox.stripe.controls import the_desk
from app.sandbox.stripe.desk import Desk
from app.sandbox.stripe.store import Thing

bp = Blueprint("checkout", __name__)
SECOND_TRY, ARRIVES, FAILS, NONE = "second-try", "debit-arrives", "debit-fails", "none"


class _Undone(Exception):
    """The card was not taken, and nothing of the try remains."""


@bp.get("/c/pay/<session_id>")
def show(session_id: str) -> ResponseReturnValue:
    desk = the_desk()
    return _page(desk, desk.need("checkout.session", session_id))


@bp.post("/c/pay/<session_id>")
def pay(session_id: str) -> ResponseReturnValue:
    """`card`: a card's name or number, or second-try (declined first), debit-arrives, debit-fails, none; `email`."""
    desk = the_desk()
    session = desk.need("checkout.session", session_id)
    if session["status"] != "open":
        return _page(desk, session), 409
    chosen = request.form.get("card", "")
    problem = _problem(desk, session, chosen)
    if not problem:
        try:
            with desk.store.transaction():
                problem = _pay(desk, session, chosen)
                if problem:
                    raise _Undone
        except _Undone:
            pass
    if problem:
        return _page(desk, desk.need("checkout.session", session_id), problem), 402
    return redirect(session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"]), 303)


def _problem(desk: Desk, session: Thing, chosen: str) -> str:
    """What is wrong with the form, before anything is tried."""
    if chosen == SECOND_TRY and not session.get("_tried"):
        desk.put(session | {"_tried": True})
        return "Your card was declined. Try again: this one is taken the second time."
    if chosen == NONE and sessions.needs_card(session):
        return "A card is needed here."
    if chosen in (ARRIVES, FAILS) and session["mode"] != "payment":
        return "Bank debit pays single amounts only."
    if chosen not in (SECOND_TRY, ARRIVES, FAILS, NONE) and cards.named(chosen) is None:
        return "Choose a card."
    if not session["customer"] and not (request.form.get("email") or session["customer_email"]):
        return "Give an e-mail address."
    return ""


def _pay(desk: Desk, session: Thing, chosen: str) -> str:
    email = request.form.get("email") or session["customer_email"] or ""
    debit = {ARRIVES: "arrives", FAILS: "fails"}.get(chosen)
    card = None if debit or chosen == NONE else cards.named("accepted" if chosen == SECOND_TRY else chosen)
    return sessions.pay(desk, session, card, email=email, debit=debit)


def _page(desk: Desk, session: Thing, problem: str = "") -> str:
    customer = desk.store.get(session["customer"]) if session["customer"] else None
    return render_template(
        "checkout.html", session=session, customer=customer, cards=cards.CARDS, problem=problem,
        needs_card=sessions.needs_card(session), is_metered=any(not line["quantity"] for line in session["_lines"]),
    )  # fmt: skip
