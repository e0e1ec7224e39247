"""Cards that are declined: tried again on its days, past due meanwhile, unpaid at the end, and paid after all."""

import pytest
import stripe as sdk

from tests.sandbox.stripe import browsing, shop
from tests.sandbox.stripe.running import DAY, DECEMBER

FINAL = DECEMBER + 3600


@pytest.fixture
def declined(stripe):
    """A customer whose card was fine when it subscribed and is declined from then on, on the day of its invoice."""
    customer = shop.customer(stripe)
    shop.subscribe(stripe, customer.id, shop.flat(stripe, 3000), billing_cycle_anchor=DECEMBER)
    use_card(stripe, customer, "pm_card_chargeCustomerFail")
    stripe.move(to=FINAL)
    return customer


def use_card(stripe, customer, token):
    method = stripe.client.v1.payment_methods.attach(token, {"customer": customer.id})
    settings = {"default_payment_method": method.id}
    return stripe.client.v1.customers.update(customer.id, {"invoice_settings": settings})


def state(stripe, customer):
    (subscription,) = stripe.client.v1.subscriptions.list({"customer": customer.id}).data
    return subscription.status


def test_card_is_tried_again_and_then_given_up(stripe, api, declined):
    invoice = shop.latest(stripe, declined.id)
    tries = [(invoice.attempt_count, invoice.next_payment_attempt, state(stripe, declined))]
    for _ in range(3):
        stripe.move(to=invoice.next_payment_attempt)
        invoice = api.invoices.retrieve(invoice.id)
        tries.append((invoice.attempt_count, invoice.next_payment_attempt, state(stripe, declined)))

    assert tries == [
        (1, FINAL + 3 * DAY, "past_due"),
        (2, FINAL + 8 * DAY, "past_due"),
        (3, FINAL + 15 * DAY, "past_due"),
        (4, None, "unpaid"),
    ]
    assert stripe.types().count("invoice.payment_failed") == 4
    assert invoice.status == "open"


def test_dunning_ends_as_it_is_set_to(stripe, declined):
    stripe.desk.store.set_fact("dunning_ends", "past_due")

    stripe.move(by=15 * DAY)

    assert state(stripe, declined) == "past_due"


def test_unpaid_subscription_makes_drafts_only(stripe, api, declined):
    stripe.move(to=DECEMBER + 32 * DAY)

    invoice = shop.latest(stripe, declined.id)

    assert (invoice.status, invoice.auto_advance, invoice.total) == ("draft", False, 3000)


def test_another_card_pays_at_the_next_try(stripe, declined):
    use_card(stripe, declined, "pm_card_visa")

    stripe.move(to=FINAL + 3 * DAY)

    assert state(stripe, declined) == "active"
    assert shop.latest(stripe, declined.id).status == "paid"


def test_paying_by_hand_revives_it_at_once(stripe, api, declined):
    invoice = shop.latest(stripe, declined.id)
    with pytest.raises(sdk.CardError, match="Your card was declined") as refused:
        api.invoices.pay(invoice.id)
    assert (refused.value.http_status, refused.value.code) == (402, "card_declined")
    unchanged = api.invoices.retrieve(invoice.id)
    assert (unchanged.attempt_count, unchanged.next_payment_attempt) == (1, FINAL + 3 * DAY)

    method = api.payment_methods.attach("pm_card_visa", {"customer": declined.id})
    assert api.invoices.pay(invoice.id, {"payment_method": method.id}).status == "paid"

    assert state(stripe, declined) == "active"
    with pytest.raises(sdk.InvalidRequestError, match="already paid"):
        api.invoices.pay(invoice.id)


def test_invoice_can_be_paid_on_its_page(stripe, declined):
    invoice = shop.latest(stripe, declined.id)
    assert "30.00 USD" in browsing.look(stripe, invoice.hosted_invoice_url).text
    browsing.send(stripe, f"/i/{invoice.id}/pay", card="declined", status=402)

    browsing.send(stripe, f"/i/{invoice.id}/pay", card="asks")

    assert shop.latest(stripe, declined.id).status == "paid"
    browsing.send(stripe, f"/i/{invoice.id}/pay", card="accepted", status=422)


def test_each_try_is_another_charge_of_the_same_intent(stripe, api, declined):
    use_card(stripe, declined, "pm_card_visa")
    stripe.move(to=FINAL + 3 * DAY)

    invoice = api.invoices.retrieve(shop.latest(stripe, declined.id).id, {"expand": ["payments"]})

    (payment,) = invoice.payments.data
    charges = api.charges.list({"payment_intent": payment.payment.payment_intent}).data
    assert [(charge.status, charge.amount) for charge in charges] == [("succeeded", 3000), ("failed", 3000)]
    assert (payment.status, payment.amount_paid) == ("paid", 3000)


def test_first_invoice_that_is_not_paid_leaves_it_incomplete_and_then_expired(stripe, api):
    customer = shop.customer(stripe, "pm_card_chargeCustomerFail")
    subscription = shop.subscribe(stripe, customer.id, shop.flat(stripe, 3000))
    assert subscription.status == "incomplete"

    stripe.move(by=23 * 3600)

    assert api.subscriptions.retrieve(subscription.id).status == "incomplete_expired"


def test_incomplete_one_begins_when_its_invoice_is_paid(stripe, api):
    customer = shop.customer(stripe, "pm_card_chargeCustomerFail")
    subscription = shop.subscribe(stripe, customer.id, shop.flat(stripe, 3000), billing_cycle_anchor=DECEMBER)
    use_card(stripe, customer, "pm_card_visa")

    api.invoices.pay(subscription.latest_invoice)

    assert api.subscriptions.retrieve(subscription.id).status == "active"
    stripe.move(to=FINAL)
    assert shop.latest(stripe, customer.id).status == "paid"


def test_subscription_that_must_be_paid_at_once_is_refused_whole(stripe, api):
    customer = shop.customer(stripe, "pm_card_chargeCustomerFail")

    with pytest.raises(sdk.CardError, match="declined"):
        shop.subscribe(stripe, customer.id, shop.flat(stripe, 3000), payment_behavior="error_if_incomplete")

    assert api.subscriptions.list({"customer": customer.id, "status": "all"}).data == []


def test_card_whose_bank_asks_cannot_be_charged_alone(stripe, api):
    customer = shop.customer(stripe, "pm_card_authenticationRequired")
    asked = {"amount": 500, "currency": "usd", "customer": customer.id, "confirm": True, "off_session": True}
    method = customer.invoice_settings.default_payment_method

    with pytest.raises(sdk.CardError, match="authentication") as refused:
        api.payment_intents.create(asked | {"payment_method": method})
    assert refused.value.code == "authentication_required"
    (payment,) = api.payment_intents.list({"customer": customer.id}).data
    assert payment.last_payment_error.code == "authentication_required"

    assert api.payment_intents.confirm(payment.id, {"payment_method": method}).status == "succeeded"


def test_payment_is_made_again_under_the_same_key_only_once(stripe, api):
    customer = shop.customer(stripe)
    asked = {
        "amount": 500, "currency": "usd", "customer": customer.id, "confirm": True, "off_session": True,
        "payment_method": customer.invoice_settings.default_payment_method, "metadata": {"kind": "top-up"},
    }  # fmt: skip

    first, second = (api.payment_intents.create(asked, {"idempotency_key": "top-up-1"}) for _ in range(2))

    assert first.id == second.id
    assert len(api.charges.list({"customer": customer.id}).data) == 1
    with pytest.raises(sdk.InvalidRequestError, match="cannot cancel"):
        api.payment_intents.cancel(first.id)


def test_declined_payment_is_declined_again_under_its_key(stripe, api):
    customer = shop.customer(stripe, "pm_card_chargeCustomerFail")
    asked = {
        "amount": 500, "currency": "usd", "customer": customer.id, "confirm": True,
        "payment_method": customer.invoice_settings.default_payment_method,
    }  # fmt: skip

    for _ in range(2):
        with pytest.raises(sdk.CardError):
            api.payment_intents.create(asked, {"idempotency_key": "top-up-1"})

    assert len(api.charges.list({"customer": customer.id}).data) == 1


@pytest.mark.parametrize(("saves", "charged"), [("off", None), ("on_subscription", "4242")])
def test_what_paid_an_invoice_is_charged_for_the_next_only_if_the_subscription_says_so(
    stripe, api, declined, saves, charged
):
    (subscription,) = api.subscriptions.list({"customer": declined.id}).data
    api.subscriptions.update(subscription.id, {"payment_settings": {"save_default_payment_method": saves}})

    browsing.send(stripe, f"/i/{shop.latest(stripe, declined.id).id}/pay", card="accepted")

    own = api.subscriptions.retrieve(subscription.id, {"expand": ["default_payment_method"]}).default_payment_method
    assert (own and own.card.last4) == charged
