"""Disputes: looked at, answered, given up. As in Stripe's test mode, the evidence's own text decides."""

from app.sandbox.stripe.billing import disputing
from app.sandbox.stripe.desk import Ask, Desk
from app.sandbox.stripe.operations.customers import with_metadata
from app.sandbox.stripe.registry import LIST, operation, page, within
from app.sandbox.stripe.store import Thing

OUTCOMES = {"winning_evidence": disputing.WON, "losing_evidence": disputing.LOST}  # docs.stripe.com/testing


@operation("GET", "/v1/disputes", LIST + " charge payment_intent created{gt:int gte:int lt:int lte:int}")
def index(desk: Desk, ask: Ask) -> Thing:
    found = desk.store.all("dispute", ref=ask.get("charge"), newest=True)
    if "payment_intent" in ask.params:
        found = [each for each in found if each["payment_intent"] == ask.params["payment_intent"]]
    return page(desk, ask, within(ask, found))


@operation("GET", "/v1/disputes/<dispute>")
def retrieve(desk: Desk, ask: Ask) -> Thing:
    return desk.show(desk.need("dispute", ask.id))


@operation(
    "POST", "/v1/disputes/<dispute>", "metadata{*} submit:bool evidence{uncategorized_text product_description}"
)  # fmt: skip
def update(desk: Desk, ask: Ask) -> Thing:
    dispute = desk.need("dispute", ask.id)
    dispute["metadata"] = with_metadata(dispute["metadata"], ask)
    given = ask.get("evidence") or {}
    if given:
        dispute["evidence"] |= given
        dispute["evidence_details"] |= {"has_evidence": True, "submission_count": 1}
    desk.put(dispute)
    outcome = OUTCOMES.get(given.get("uncategorized_text", ""))
    return desk.show(disputing.decide(desk, dispute, outcome) if outcome and ask.get("submit", True) else dispute)


@operation("POST", "/v1/disputes/<dispute>/close")
def close(desk: Desk, ask: Ask) -> Thing:
    return desk.show(disputing.decide(desk, desk.need("dispute", ask.id), disputing.LOST))
