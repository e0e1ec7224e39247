"""The portal's page and those behind the counter work as plain forms, and only for this machine."""

import pytest
import requests
import stripe as sdk

from tests.sandbox.stripe import browsing, shop
from tests.sandbox.stripe.running import DAY, DECEMBER
from tests.waiting import PATIENCE_S

ALL_ON = {
    "customer_update": {"enabled": True, "allowed_updates": ["email"]}, "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True}, "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
}  # fmt: skip


@pytest.fixture
def acme(stripe):
    return shop.customer(stripe)


@pytest.fixture
def portal(stripe, api, acme):
    configuration = api.billing_portal.configurations.create({"features": ALL_ON, "metadata": {"by": "postern"}})
    asked = {"customer": acme.id, "configuration": configuration.id, "return_url": "http://127.0.0.1:8300/billing"}
    return api.billing_portal.sessions.create(asked)


def test_portal_needs_a_configuration(stripe, api, acme):
    with pytest.raises(sdk.InvalidRequestError, match="until you save your customer portal settings"):
        api.billing_portal.sessions.create({"customer": acme.id})


def test_configuration_is_found_and_changed(stripe, api, portal):
    (known,) = api.billing_portal.configurations.list({"active": True}).data
    assert (known.is_default, known.metadata.by) == (True, "postern")

    off = {"features": {"subscription_cancel": {"enabled": False}}}
    changed = api.billing_portal.configurations.update(known.id, off)

    assert not changed.features.subscription_cancel.enabled
    assert changed.features.invoice_history.enabled
    assert api.billing_portal.configurations.retrieve(known.id).id == known.id


def test_card_is_replaced_and_charged_from_then_on(stripe, api, acme, portal):
    method = acme.invoice_settings.default_payment_method
    subscription = shop.subscribe(stripe, acme.id, shop.flat(stripe, 3000), default_payment_method=method)
    assert "4242" in browsing.look(stripe, portal.url).text
    browsing.send(stripe, f"{portal.url}/card", card="declined", status=402)

    browsing.send(stripe, f"{portal.url}/card", card="mastercard")

    new = api.customers.retrieve(acme.id).invoice_settings.default_payment_method
    assert api.payment_methods.retrieve(new).card.last4 == "4444"
    assert api.subscriptions.retrieve(subscription.id).default_payment_method == new


def test_subscription_is_cancelled_and_kept(stripe, api, acme, portal):
    subscription = shop.subscribe(stripe, acme.id, shop.flat(stripe, 3000), billing_cycle_anchor=DECEMBER)

    browsing.send(stripe, f"{portal.url}/cancel/{subscription.id}")
    assert api.subscriptions.retrieve(subscription.id).cancel_at == DECEMBER
    assert "Ends on 1 Dec 2026" in browsing.look(stripe, portal.url).text
    browsing.send(stripe, f"{portal.url}/keep/{subscription.id}")

    assert api.subscriptions.retrieve(subscription.id).cancel_at is None


def test_portal_reaches_only_its_own_customer(stripe, api, portal):
    other = shop.customer(stripe)
    subscription = shop.subscribe(stripe, other.id, shop.flat(stripe, 3000))

    browsing.send(stripe, f"{portal.url}/cancel/{subscription.id}", status=403)

    assert api.subscriptions.retrieve(subscription.id).cancel_at is None


def test_portal_closes_after_an_hour(stripe, portal):
    stripe.move(by=3601)

    assert "This session has ended" in browsing.look(stripe, portal.url).text
    browsing.send(stripe, f"{portal.url}/card", card="mastercard", status=422)


def test_home_shows_what_is_known(stripe, acme):
    shop.subscribe(stripe, acme.id, shop.metered(stripe, unit_amount=1))
    shop.use(stripe, acme.id, 41)

    page = browsing.look(stripe, "/")
    customer = browsing.look(stripe, f"/customers/{acme.id}")

    assert "15 Nov 2026, 00:00 UTC" in page.text
    assert [word for word in ("Acme", "invoice.paid", "No money moves.") if word not in page.text] == []
    assert "calls: 41 in 1 events" in customer.text
    assert "Visa ···· 4242 (default)" in customer.text


def test_home_moves_the_clock(stripe):
    browsing.send(stripe, "/clock", by=str(DAY))
    browsing.send(stripe, "/clock", to="2026-12-01")
    assert stripe.now() == DECEMBER + 3600

    assert "forward only" in browsing.send(stripe, "/clock", to="2026-11-01", status=422).text
    assert "Write the day as" in browsing.send(stripe, "/clock", to="soon", status=422).text


def test_home_sets_faults(stripe):
    browsing.send(stripe, "/faults", rate_limited="100", seed="3", paths="/v1/customers")

    with pytest.raises(sdk.RateLimitError):
        stripe.client.v1.customers.list()
    browsing.send(stripe, "/faults")
    stripe.client.v1.customers.list()


@pytest.mark.parametrize(
    "path", ["/events/evt_none", "/customers/cus_none", "/c/pay/cs_none", "/i/in_none", "/p/session/x"]
)
def test_what_is_not_there_is_404(stripe, path):
    assert requests.get(f"{stripe.url}{path}", timeout=PATIENCE_S).status_code == 404


@pytest.mark.parametrize("headers", [{"Origin": "https://elsewhere.example"}, {"Host": "stripe.elsewhere.example"}])
def test_other_sites_neither_post_nor_reach_it(stripe, headers):
    answer = requests.post(f"{stripe.url}/clock", data={"by": "60"}, headers=headers, timeout=PATIENCE_S)

    assert answer.status_code == 403


def test_looks_are_served(stripe):
    for name in ("tokens.css", "stand-in.css"):
        assert "--color-ink" in requests.get(f"{stripe.url}/_look/{name}", timeout=PATIENCE_S).text
