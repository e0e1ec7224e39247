"""Checkout: a session is made, somebody chooses how the card behaves, and what was bought is there."""

import pytest
import stripe as sdk

from tests.sandbox.stripe import browsing, shop
from tests.sandbox.stripe.running import DAY, DECEMBER

SUCCESS = "http://127.0.0.1:8300/billing/back?session={CHECKOUT_SESSION_ID}"


def session(stripe, mode="subscription", **fields):
    asked = {"mode": mode, "success_url": SUCCESS, "cancel_url": "http://127.0.0.1:8300/billing", **fields}
    return stripe.client.v1.checkout.sessions.create(asked)


def top_up(stripe, customer, **fields):
    data = {"currency": "eur", "unit_amount": 2000, "product_data": {"name": "Credit"}}
    items = [{"price_data": data, "quantity": 1}]
    return session(stripe, "payment", customer=customer.id, line_items=items, **fields)


def test_subscription_with_usage_is_bought_with_a_card(stripe, api):
    customer = shop.customer(stripe, None)
    calls, team = shop.metered(stripe, unit_amount_decimal="0.25"), shop.flat(stripe, 3000)
    made = session(
        stripe, customer=customer.id, line_items=[{"price": calls.id}, {"price": team.id, "quantity": 1}],
        subscription_data={"billing_cycle_anchor": DECEMBER, "metadata": {"organisation": "acme"}},
    )  # fmt: skip
    assert (made.amount_total, made.payment_status, "line_items" in made.to_dict()) == (1600, "unpaid", False)

    page = browsing.look(stripe, made.url)
    where = browsing.send(stripe, made.url, card="accepted")

    assert "16.00 USD" in page.text
    assert where == SUCCESS.replace("{CHECKOUT_SESSION_ID}", made.id)
    done = api.checkout.sessions.retrieve(made.id, {"expand": ["subscription.latest_invoice", "line_items"]})
    assert (done.status, done.payment_status, done.subscription.status) == ("complete", "paid", "active")
    assert done.subscription.metadata.organisation == "acme"
    assert done.subscription.latest_invoice.amount_paid == 1600
    assert [line.price.id for line in done.line_items.data] == [calls.id, team.id]
    assert len(api.payment_methods.list({"customer": customer.id, "type": "card"}).data) == 1
    assert stripe.types()[-1] == "checkout.session.completed"


def test_free_plan_needs_no_card(stripe, api):
    customer = shop.customer(stripe, None)
    items = [{"price": shop.metered(stripe, unit_amount_decimal="0.25").id}]
    made = session(stripe, customer=customer.id, line_items=items, payment_method_collection="if_required")

    browsing.send(stripe, made.url, card="none")

    done = api.checkout.sessions.retrieve(made.id, {"expand": ["subscription"]})
    assert (done.payment_status, done.subscription.default_payment_method) == ("no_payment_required", None)


def test_declined_card_leaves_the_session_open_and_nothing_bought(stripe, api):
    customer = shop.customer(stripe, None)
    made = session(stripe, customer=customer.id, line_items=[{"price": shop.flat(stripe, 3000).id, "quantity": 1}])

    for card in ("declined", "later"):
        page = browsing.send(stripe, made.url, card=card, status=402)
        assert "Your card was declined." in page.text

    assert api.checkout.sessions.retrieve(made.id).status == "open"
    assert api.subscriptions.list({"customer": customer.id, "status": "all"}).data == []
    assert api.invoices.list({"customer": customer.id}).data == []


def test_card_that_needs_a_second_try(stripe, api):
    made = top_up(stripe, shop.customer(stripe, None))

    browsing.send(stripe, made.url, card="second-try", status=402)
    browsing.send(stripe, made.url, card="second-try")

    assert api.checkout.sessions.retrieve(made.id).payment_status == "paid"


def test_top_up_is_paid_and_invoiced(stripe, api):
    customer = shop.customer(stripe, None)
    made = top_up(
        stripe, customer, invoice_creation={"enabled": True, "invoice_data": {"metadata": {"kind": "top-up"}}},
        payment_intent_data={"metadata": {"organisation": "acme"}, "setup_future_usage": "off_session"},
        client_reference_id="acme",
    )  # fmt: skip
    browsing.send(stripe, made.url, card="accepted")

    done = api.checkout.sessions.retrieve(made.id, {"expand": ["payment_intent", "invoice.payments"]})

    assert (done.amount_total, done.currency, done.client_reference_id) == (2000, "eur", "acme")
    assert (done.payment_intent.status, done.payment_intent.metadata.organisation) == ("succeeded", "acme")
    assert (done.invoice.status, done.invoice.total, done.invoice.metadata.kind) == ("paid", 2000, "top-up")
    assert done.invoice.payments.data[0].payment.payment_intent == done.payment_intent.id
    assert [line.description for line in done.invoice.lines.data] == ["Credit"]


@pytest.mark.parametrize("mode", ["payment", "subscription"])
def test_tax_is_on_the_page_and_in_what_is_paid_where_it_is_asked_for(stripe, api, mode):
    stripe.desk.store.set_fact("tax_percent", 20)
    customer, price = (
        shop.customer(stripe, None),
        shop.flat(stripe, 2000, interval=None if mode == "payment" else "month"),
    )
    more = {"invoice_creation": {"enabled": True}} if mode == "payment" else {}
    items = [{"price": price.id, "quantity": 1}]
    made = session(stripe, mode, customer=customer.id, line_items=items, automatic_tax={"enabled": True}, **more)
    page = browsing.look(stripe, made.url)
    browsing.send(stripe, made.url, card="accepted")

    done = api.checkout.sessions.retrieve(made.id, {"expand": ["invoice"]})

    assert [f"{amount} USD" in page.text for amount in ("20.00", "4.00", "24.00")] == [True] * 3
    assert (done.amount_subtotal, done.total_details.amount_tax, done.amount_total) == (2000, 400, 2400)
    assert (done.invoice.subtotal, done.invoice.total, done.invoice.amount_paid) == (2000, 2400, 2400)
    assert api.charges.list({"customer": customer.id}).data[0].amount == 2400


@pytest.mark.parametrize(("debit", "status"), [("debit-arrives", "paid"), ("debit-fails", "unpaid")])
def test_bank_debit_is_settled_a_day_later(stripe, api, debit, status):
    made = top_up(stripe, shop.customer(stripe, None))
    browsing.send(stripe, made.url, card=debit)
    assert api.checkout.sessions.retrieve(made.id).payment_status == "unpaid"

    stripe.move(by=DAY)

    assert api.checkout.sessions.retrieve(made.id).payment_status == status
    kinds = [kind for kind in stripe.types() if "async" in kind]
    assert kinds == [f"checkout.session.async_payment_{'succeeded' if status == 'paid' else 'failed'}"]


def test_somebody_new_gives_an_address(stripe, api):
    data = {"currency": "usd", "unit_amount": 500, "product_data": {"name": "Credit"}}
    made = session(stripe, "payment", line_items=[{"price_data": data, "quantity": 1}])

    browsing.send(stripe, made.url, card="accepted", status=402)
    browsing.send(stripe, made.url, card="accepted", email="new@example.com")

    done = api.checkout.sessions.retrieve(made.id)
    assert done.customer_details.email == "new@example.com"
    assert api.customers.retrieve(done.customer).email == "new@example.com"


def test_card_can_be_saved_without_paying(stripe, api):
    customer = shop.customer(stripe, None)
    made = session(stripe, "setup", customer=customer.id, currency="usd")

    browsing.send(stripe, made.url, card="mastercard")

    assert api.checkout.sessions.retrieve(made.id).payment_status == "no_payment_required"
    assert api.customers.payment_methods.list(customer.id).data[0].card.last4 == "4444"


def test_session_expires_by_itself_or_when_told(stripe, api):
    customer = shop.customer(stripe, None)
    old, told = top_up(stripe, customer, expires_at=stripe.now() + 1800), top_up(stripe, customer)

    assert api.checkout.sessions.expire(told.id).status == "expired"
    stripe.move(by=1800)

    assert api.checkout.sessions.retrieve(old.id).status == "expired"
    assert "has expired" in browsing.look(stripe, f"/c/pay/{old.id}").text
    browsing.send(stripe, f"/c/pay/{old.id}", card="accepted", status=409)
    with pytest.raises(sdk.InvalidRequestError, match="Only Checkout Sessions with a status"):
        api.checkout.sessions.expire(old.id)


def test_complete_session_is_not_paid_twice(stripe, api):
    made = top_up(stripe, shop.customer(stripe, None))
    browsing.send(stripe, made.url, card="accepted")

    browsing.send(stripe, made.url, card="accepted", status=409)

    assert len(api.charges.list().data) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mode": "payment"}, "passed a recurring price"),
        ({"line_items": []}, "Missing required param: line_items"),
        ({"success_url": ""}, "empty string for 'success_url'"),
        ({"expires_at": 1}, "between 30 minutes and 24 hours"),
        ({"payment_intent_data": {"description": "x"}}, "in `payment` mode"),
        ({"client_reference_id": "x" * 201}, "at most 200"),
        ({"payment_method_types": ["card"]}, "Received unknown parameter"),
    ],
)
def test_session_that_cannot_be_meant_is_refused(stripe, change, words):
    asked = {"line_items": [{"price": shop.metered(stripe, unit_amount=1).id}], **change}

    with pytest.raises(sdk.InvalidRequestError, match=words):
        session(stripe, **asked)


def test_quantity_belongs_to_licensed_prices_only(stripe):
    with pytest.raises(sdk.InvalidRequestError, match="Quantity should not be specified"):
        session(stripe, line_items=[{"price": shop.metered(stripe, unit_amount=1).id, "quantity": 1}])
    with pytest.raises(sdk.InvalidRequestError, match="Quantity is required"):
        session(stripe, line_items=[{"price": shop.flat(stripe, 100).id}])
