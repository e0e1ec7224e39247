"""Topping up by itself where taxes come on top: Stripe works them out, and what is credited is the amount agreed to."""

import pytest
from sqlmodel import select

from app.billing import charging
from app.core.mail import Mail
from tests.billing.counter import Counter
from tests.billing.purse import holds

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
TAXES = "/v1/tax/calculations"
INTENTS = "/v1/payment_intents"


@pytest.fixture
def shop(session, engine, api, stand_in, hand, make):
    """1,000 of credit, a card and an address that are kept, 20 % tax, and 1,000 more below 500."""
    stand_in.desk.store.set_fact("tax_percent", 20)
    shop = Counter(session, engine, api, stand_in, hand, make)
    shop.takes_tax = True
    shop.buy(1_000, keeps_card=True)
    shop.agree()
    return shop


def taken(shop):
    """Of cards, by top-ups that happened by themselves."""
    found = shop.stand_in.desk.store.all("charge")
    return [each["amount"] for each in found if each["paid"] and each["metadata"].get("kind") == "automatic"]


def test_tax_is_charged_on_top_of_what_is_credited_and_stands_in_stripes_books(shop):
    shop.use(900)
    shop.charge_due()

    assert (taken(shop), shop.balance()) == ([1_200], 1_100)
    payment = shop.stand_in.desk.need("payment_intent", shop.payment().payment_id)
    calculation = shop.stand_in.desk.need("tax.calculation", payment["hooks"]["inputs"]["tax"]["calculation"])
    assert (calculation["amount_total"], calculation["tax_amount_exclusive"]) == (1_200, 200)
    letters = shop.session.exec(select(Mail).where(Mail.template == "top_up_made")).all()
    assert {letter.context["card"] for letter in letters} == {"the card ending in 4242 ($12.00 with tax)"}
    assert {letter.context["room"] for letter in letters} == {"$20.00"}, "the most for a month is before tax"
    holds(shop.session, shop.organisation)


def test_its_invoice_shows_that_tax_and_comes_to_what_was_charged(shop):
    shop.use(900)
    shop.charge_due()
    shop.invoice_due()

    [invoice] = shop.automatic_invoices()
    assert (invoice.state, invoice.subtotal, invoice.tax, invoice.total) == ("paid", 1_000, 200, 1_200)
    assert invoice.paid == 1_200


@pytest.mark.parametrize("path", [TAXES, INTENTS])
@pytest.mark.parametrize("fault", ["lost_before", "lost_after", "error_after", "rate_limited"])
def test_whatever_is_lost_it_is_charged_once_with_its_tax(shop, path, fault):
    shop.use(900)
    shop.stand_in.faults(**{fault: 1}, paths=[path])
    for _ in range(2):
        shop.charge_due()
        shop.wait(minutes=6)
    shop.stand_in.faults()

    for _ in range(3):
        shop.charge_due()
        shop.wait(minutes=6)

    assert (taken(shop), shop.balance()) == ([1_200], 1_100)


def test_half_of_the_money_back_is_half_of_the_credit(shop):
    shop.use(900)
    shop.charge_due()

    shop.refund(600)

    assert shop.balance() == 600


def test_without_an_address_nothing_is_charged_and_the_words_say_what_to_do(shop):
    customer = shop.stand_in.desk.need("customer", shop.account().customer_id)
    shop.stand_in.desk.put(customer | {"address": None})
    shop.use(900)
    for _ in range(3):
        shop.charge_due()
        shop.wait(minutes=6)

    assert (taken(shop), shop.balance()) == ([], 100)
    assert shop.auto().stopped_why == charging.NO_ADDRESS
    shop.stand_in.client.v1.customers.update(customer["id"], {"address": {"country": "DE"}})
    shop.agree()
    shop.charge_due()
    assert (taken(shop), shop.balance()) == ([1_200], 1_100)


class TestPage:
    @pytest.fixture
    def settings(self, settings):
        return settings.model_copy(update={"stripe_tax": True})

    def test_it_is_offered_and_says_that_tax_comes_on_top(self, owner, session, engine, api, stand_in, hand, make):
        shop = Counter(session, engine, api, stand_in, hand, make)
        shop.organisation, shop.takes_tax = owner.organisation, True
        shop.choose("prepaid")
        assert "Keep this card for automatic top-up" in owner.get("/billing/wallet/").text
        shop.buy(1_000, keeps_card=True)
        shop.hear("customer.updated")
        shop.work()

        assert "so, with tax on top, in US dollars" in owner.get("/billing/wallet/").text
        owner.post("/billing/wallet/automatic", status=303, below="5", amount="10", month_most="100")
        assert shop.auto().is_on
