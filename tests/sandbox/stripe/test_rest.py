"""What no other test comes by: lists and look-ups of things that were made elsewhere."""

import pytest
import stripe as sdk

from tests.sandbox.stripe import shop
from tests.sandbox.stripe.running import DECEMBER, START


@pytest.fixture
def acme(stripe):
    return shop.customer(stripe)


def test_checkout_sessions_are_listed_and_marked(stripe, api, acme):
    items = [{"price": shop.flat(stripe, 500, interval=None).id, "quantity": 2}]
    made = api.checkout.sessions.create(
        {"mode": "payment", "customer": acme.id, "line_items": items, "success_url": "http://127.0.0.1:8300/"}
    )

    assert api.checkout.sessions.update(made.id, {"metadata": {"seen": "yes"}}).metadata.seen == "yes"
    assert [each.id for each in api.checkout.sessions.list({"customer": acme.id, "status": "open"}).data] == [made.id]
    (line,) = api.checkout.sessions.line_items.list(made.id).data
    assert (line.quantity, line.amount_total) == (2, 1000)


def test_payments_of_an_invoice_are_found_from_both_sides(stripe, api, acme):
    subscription = shop.subscribe(stripe, acme.id, shop.flat(stripe, 3000))

    (payment,) = api.invoice_payments.list({"invoice": subscription.latest_invoice}).data
    intent = payment.payment.payment_intent
    asked = {"payment": {"type": "payment_intent", "payment_intent": intent}}

    assert api.invoice_payments.list(asked).data[0].id == payment.id
    assert api.invoice_payments.retrieve(payment.id).invoice == subscription.latest_invoice
    found = api.payment_intents.retrieve(intent, {"expand": ["latest_charge"]})
    assert found.latest_charge.id == api.charges.retrieve(found.latest_charge.id).id
    assert api.payment_intents.update(intent, {"metadata": {"seen": "yes"}}).metadata.seen == "yes"


def test_refund_is_looked_up_and_marked(stripe, api, acme):
    shop.subscribe(stripe, acme.id, shop.flat(stripe, 3000))
    made = api.refunds.create({"charge": api.charges.list({"customer": acme.id}).data[0].id, "amount": 1})

    api.refunds.update(made.id, {"metadata": {"seen": "yes"}})

    assert api.refunds.retrieve(made.id).metadata.seen == "yes"


def test_cards_are_made_and_changed(stripe, api, acme):
    made = api.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
    api.payment_methods.attach(made.id, {"customer": acme.id})
    api.payment_methods.update(made.id, {"billing_details": {"name": "Alex"}})

    assert api.customers.payment_methods.retrieve(acme.id, made.id).billing_details.name == "Alex"
    with pytest.raises(sdk.CardError, match="incorrect"):
        api.payment_methods.create({"type": "card", "card": {"number": "1234"}})


def test_schedule_that_is_cancelled_ends_its_subscription(stripe, api, acme):
    subscription = shop.subscribe(stripe, acme.id, shop.flat(stripe, 3000))
    schedule = api.subscription_schedules.create({"from_subscription": subscription.id})

    assert api.subscription_schedules.cancel(schedule.id).status == "canceled"

    assert [each.id for each in api.subscription_schedules.list({"customer": acme.id}).data] == [schedule.id]
    assert api.subscriptions.retrieve(subscription.id).status == "canceled"


def test_schedule_can_end_with_cancelling(stripe, api, acme):
    subscription = shop.subscribe(stripe, acme.id, shop.flat(stripe, 3000), billing_cycle_anchor=DECEMBER)
    schedule = api.subscription_schedules.create({"from_subscription": subscription.id})
    api.subscription_schedules.update(schedule.id, {"end_behavior": "cancel"})

    stripe.move(to=DECEMBER + 3600)

    assert api.subscriptions.retrieve(subscription.id).status == "canceled"
    assert api.subscription_schedules.retrieve(schedule.id).status == "completed"
    assert [each.total for each in api.invoices.list({"customer": acme.id}).data] == [1600]


def test_tax_id_is_added(api, acme):
    made = api.customers.tax_ids.create(acme.id, {"type": "eu_vat", "value": "DE123456789"})

    assert (made.country, made.customer) == ("DE", acme.id)


def test_meter_event_by_version_2(stripe, api, acme):
    meter = shop.meter(stripe)
    event = {"event_name": "calls", "identifier": "v2-1", "payload": {"stripe_customer_id": acme.id, "value": "5"}}

    made = stripe.client.v2.billing.meter_events.create(event | {"timestamp": "2026-11-15T00:00:00.000Z"})

    assert made.identifier == "v2-1"
    with pytest.raises(sdk.InvalidRequestError, match="already exists"):
        shop.use(stripe, acme.id, 5, identifier="v2-1")
    asked = {"customer": acme.id, "start_time": START, "end_time": START + 60}
    assert api.billing.meters.event_summaries.list(meter.id, asked).data[0].aggregated_value == 5.0
    assert api.billing.meters.retrieve(meter.id).event_name == "calls"
