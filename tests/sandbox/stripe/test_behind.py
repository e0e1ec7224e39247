"""Once the clock was moved on, whoever stayed behind still pays: moments are understood in the stand-in’s time."""

import time

import pytest
import requests
import stripe as sdk

from app.sandbox.stripe import controls
from tests.sandbox.stripe import shop
from tests.sandbox.stripe.running import DAY

AWAY = {"success_url": "http://127.0.0.1:9/back", "cancel_url": "http://127.0.0.1:9/plan"}


@pytest.fixture
def subscribed(served):
    """(stand-in, subscription, its price, when its first period ends by the real clock); 40 days ahead, running."""
    with served.afresh(at=int(time.time())) as stripe:
        price = shop.flat(stripe, 3100, name="Small")
        made = shop.subscribe(stripe, shop.customer(stripe).id, price)
        controls.move(stripe.desk, by=40 * DAY, freeze=False)
        yield stripe, made, price, made["items"].data[0].current_period_end


def test_checkout_is_open_as_long_as_it_was_asked_for(subscribed):
    stripe, subscription, price, end = subscribed
    asked = {"mode": "subscription", "line_items": [{"price": price.id, "quantity": 1}], **AWAY}
    more = {"expires_at": int(time.time()) + 3600, "subscription_data": {"billing_cycle_anchor": end}}

    made = stripe.client.v1.checkout.sessions.create({**asked, **more, "customer": subscription.customer})

    assert abs(made.expires_at - stripe.now() - 3600) < 60
    with pytest.raises(sdk.InvalidRequestError, match="30 minutes and 24 hours"):
        stripe.client.v1.checkout.sessions.create({**asked, "expires_at": int(time.time()) + 60})


def test_upgrade_is_prorated_from_the_stand_ins_own_date(subscribed):
    stripe, subscription, _, _ = subscribed
    large = shop.flat(stripe, 9300, name="Large")
    changed = {"items": [{"id": subscription["items"].data[0].id, "price": large.id}]}
    how = {**changed, "proration_behavior": "always_invoice"}
    api = stripe.client.v1.invoices

    def total(at):
        details = {**how, "proration_date": at}
        return api.create_preview({"subscription": subscription.id, "subscription_details": details}).total

    assert abs(total(int(time.time())) - total(stripe.now())) <= 1
    with pytest.raises(sdk.InvalidRequestError, match="outside of current subscription period"):
        total(int(time.time()) - 40 * DAY)
    with pytest.raises(sdk.InvalidRequestError, match="outside of current subscription period"):
        stripe.client.v1.subscriptions.update(subscription.id, {**how, "proration_date": stripe.now() + 60 * DAY})


def test_end_that_is_past_here_is_that_of_the_period_under_way(subscribed):
    stripe, subscription, price, end = subscribed
    api = stripe.client.v1
    now_ends = api.subscriptions.retrieve(subscription.id)["items"].data[0].current_period_end

    assert api.subscriptions.update(subscription.id, {"cancel_at": end}).cancel_at == now_ends
    api.subscriptions.update(subscription.id, {"cancel_at": ""})
    with pytest.raises(sdk.InvalidRequestError, match="must be in the future"):
        api.subscriptions.update(subscription.id, {"cancel_at": int(time.time()) - 60})

    schedule = api.subscription_schedules.create({"from_subscription": subscription.id})
    first, items = schedule.phases[0], [{"price": price.id, "quantity": 1}]
    phases = [
        {"items": items, "start_date": first.start_date, "end_date": end},
        {"items": [{"price": price.id, "quantity": 2}], "start_date": end, "duration": {"interval": "month"}},
    ]
    planned = api.subscription_schedules.update(schedule.id, {"phases": phases})
    assert [(phase.start_date, phase.end_date) for phase in planned.phases][:1] == [(end, now_ends)]


def test_clock_that_stands_still_takes_moments_as_they_are(stripe, api):
    stripe.move(to=int(time.time()) + 40 * DAY)
    made = shop.subscribe(stripe, shop.customer(stripe).id, shop.flat(stripe, 3100))

    with pytest.raises(sdk.InvalidRequestError, match="must be in the future"):
        api.subscriptions.update(made.id, {"cancel_at": int(time.time()) + DAY})


def test_invoice_shows_the_balance_that_was_applied(stripe, api):
    acme = shop.customer(stripe)
    stripe.desk.put(stripe.desk.need("customer", acme.id) | {"balance": -661})
    shop.subscribe(stripe, acme.id, shop.flat(stripe, 144000))
    invoice = shop.latest(stripe, acme.id)

    page = requests.get(invoice.hosted_invoice_url, timeout=10).text
    paper = requests.get(invoice.invoice_pdf, timeout=10).text

    assert (invoice.starting_balance, invoice.ending_balance, invoice.amount_due) == (-661, 0, 143339)
    for words in ("Applied balance", "6.61", "1,433.39"):
        assert words in page, words
        assert words in paper, words
