"""A charge is disputed: the money goes, and comes back if the dispute is won."""

import pytest
import stripe as sdk

from app.sandbox.stripe.billing import cards, sessions
from tests.sandbox.stripe import shop


@pytest.fixture
def dispute(stripe, api):
    """Of a charge that was taken off session from a card that is kept."""
    acme = shop.customer(stripe, "pm_card_createDispute")
    api.payment_intents.create({
        "amount": 1000, "currency": "usd", "customer": acme.id, "confirm": True, "off_session": True,
        "payment_method": acme.invoice_settings.default_payment_method,
    })  # fmt: skip
    return api.disputes.list().data[0]


def test_a_disputed_charge_says_so_and_money_is_gone(stripe, api, dispute):
    charge = api.charges.retrieve(dispute.charge)

    assert (dispute.amount, dispute.status, charge.disputed) == (1000, "needs_response", True)
    assert stripe.types()[-2:] == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    assert api.disputes.list({"payment_intent": charge.payment_intent}).data[0].id == dispute.id


@pytest.mark.parametrize(("evidence", "status"), [("winning_evidence", "won"), ("losing_evidence", "lost")])
def test_evidence_decides_it_as_in_stripes_test_mode(stripe, api, dispute, evidence, status):
    decided = api.disputes.update(dispute.id, {"evidence": {"uncategorized_text": evidence}})

    assert decided.status == status
    assert "charge.dispute.closed" in stripe.types()
    with pytest.raises(sdk.InvalidRequestError, match="already closed"):
        api.disputes.close(dispute.id)


def test_a_dispute_that_is_given_up_is_lost(api, dispute):
    assert api.disputes.close(dispute.id).status == "lost"
    assert api.disputes.retrieve(dispute.id).status == "lost"


def test_a_card_that_pays_once_is_kept_only_when_that_was_asked_for(stripe, api):
    acme = shop.customer(stripe, None)

    bought = {"price_data": {"currency": "usd", "unit_amount": 500, "product_data": {"name": "Credit"}}, "quantity": 1}
    kept = []
    for more in ({}, {"payment_intent_data": {"setup_future_usage": "off_session"}}):
        made = api.checkout.sessions.create(
            {"mode": "payment", "customer": acme.id, "line_items": [bought], "success_url": "https://a.example", **more}
        )
        with stripe.desk.store.transaction():
            session = stripe.desk.need("checkout.session", made.id)
            assert sessions.pay(stripe.desk, session, cards.CARDS[0], email="") == ""
        kept.append(len(api.customers.payment_methods.list(acme.id).data))

    assert kept == [0, 1]
