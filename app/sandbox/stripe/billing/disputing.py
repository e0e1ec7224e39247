"""Disputes: somebody tells their bank that a charge was not theirs; the money is gone until it is decided."""

from app.sandbox.stripe.desk import Desk
from app.sandbox.stripe.errors import Refused
from app.sandbox.stripe.store import Thing

OPEN, WON, LOST = "needs_response", "won", "lost"
ANSWER_S = 9 * 86_400
_EVIDENCE = (
    "access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure",
    "cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name",
    "customer_purchase_ip", "customer_signature", "duplicate_charge_documentation", "duplicate_charge_explanation",
    "duplicate_charge_id", "product_description", "receipt", "refund_policy", "refund_policy_disclosure",
    "refund_refusal_explanation", "service_date", "service_documentation", "shipping_address", "shipping_carrier",
    "shipping_date", "shipping_documentation", "shipping_tracking_number", "uncategorized_file", "uncategorized_text",
)  # fmt: skip


def begin(desk: Desk, charge: Thing, *, reason: str = "fraudulent") -> Thing:
    """The whole of what was not refunded is taken away."""
    before = desk.show(charge)
    dispute = desk.new(
        "dispute", "dp_", amount=charge["amount_captured"] - charge["amount_refunded"], balance_transactions=[],
        charge=charge["id"], currency=charge["currency"], enhanced_eligibility_types=[], metadata={},
        evidence=dict.fromkeys(_EVIDENCE) | {"enhanced_evidence": {}},
        evidence_details={"due_by": desk.now() + ANSWER_S, "enhanced_eligibility": {}, "has_evidence": False,
                          "past_due": False, "submission_count": 0},
        is_charge_refundable=False, payment_intent=charge["payment_intent"], reason=reason, status=OPEN,
        payment_method_details={"type": "card", "card": {"brand": "visa", "case_type": "chargeback",
                                                         "network_reason_code": "10.4"}},
        _ref=charge["id"],
    )  # fmt: skip
    desk.put(dispute)
    charge["disputed"] = True
    desk.put(charge)
    desk.emit("charge.updated", charge, before)
    desk.emit("charge.dispute.created", dispute)
    desk.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def decide(desk: Desk, dispute: Thing, status: str) -> Thing:
    """won: the money comes back; lost: it does not. Raises Refused for one that was decided already."""
    if dispute["status"] != OPEN:
        raise Refused("This dispute is already closed.")
    dispute["status"] = status
    desk.put(dispute)
    desk.emit("charge.dispute.closed", dispute)
    if status == WON:
        desk.emit("charge.dispute.funds_reinstated", dispute)
    return dispute
