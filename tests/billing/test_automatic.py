"""Topping up by itself: once for each time that credit runs low, whatever is lost on the way, and never in a loop."""

import pytest
from sqlmodel import select

from app.billing import automatic, charging, invoices
from app.core.errors import Invalid
from app.core.mail import Mail
from tests.billing.counter import Counter
from tests.billing.purse import holds

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def shop(session, engine, api, stand_in, hand, make):
    """1,000 of credit, a card that is kept, and 1,000 more below 500, at most 3,000 a month."""
    shop = Counter(session, engine, api, stand_in, hand, make)
    shop.buy(1_000, keeps_card=True)
    shop.agree()
    return shop


@on_sqlite
def test_nothing_is_bought_while_there_is_enough(shop):
    shop.use(500)

    assert shop.charge_due() == 0
    assert shop.balance() == 500


@on_sqlite
def test_more_is_bought_when_credit_runs_low_and_calls_pass_again(shop):
    shop.use(900)
    assert shop.use(500) == 0

    assert shop.charge_due() == 1

    assert shop.balance() == 1_100
    assert shop.use(500) == 1
    assert shop.charge_due() == 0
    holds(shop.session, shop.organisation)


@on_sqlite
def test_what_was_bought_has_an_invoice_that_is_paid_by_that_payment_and_charges_nobody_again(shop):
    shop.use(900)
    shop.charge_due()

    assert shop.invoice_due() == 1

    [invoice] = shop.automatic_invoices()
    assert (invoice.state, invoice.subtotal, invoice.total, invoice.paid) == ("paid", 1_000, 1_000, 1_000)
    assert (bool(invoice.number), bool(invoice.pdf_url)) == (True, True)
    assert (shop.invoice_due(), shop.charged(), shop.balance()) == (0, 2, 1_100)
    assert invoices.fetch_of_charge(shop.api, shop.charge()["id"])["id"] == invoice.id


@on_sqlite
@pytest.mark.parametrize("fault", ["lost_before", "lost_after", "error_before", "error_after", "rate_limited"])
@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_is_lost_of_it_there_is_one_invoice_in_the_end(shop, fault, seed):
    shop.use(900)
    shop.charge_due()
    shop.stand_in.faults(**{fault: 0.5}, seed=seed, paths=["/v1/invoices", "/v1/payment_intents"])
    for _ in range(4):
        shop.invoice_due()
        shop.wait(minutes=5)
    shop.stand_in.faults()

    for _ in range(2):
        shop.invoice_due()
        shop.wait(minutes=5)

    [invoice] = shop.automatic_invoices()
    assert (invoice.state, invoice.total, invoice.paid) == ("paid", 1_000, 1_000)
    assert (shop.charged(), shop.balance()) == (2, 1_100)


@on_sqlite
def test_an_invoice_that_would_take_a_balance_at_stripe_waits_until_that_is_gone(shop):
    desk, customer = shop.stand_in.desk, shop.account().customer_id
    desk.put(desk.need("customer", customer) | {"balance": -300})
    shop.use(900)
    shop.charge_due()
    shop.invoice_due()

    assert shop.automatic_invoices() == []
    desk.put(desk.need("customer", customer) | {"balance": 0})
    shop.wait(minutes=5)
    shop.invoice_due()

    assert [(one.state, one.total) for one in shop.automatic_invoices()] == [("paid", 1_000)]


@on_sqlite
def test_b10_a_declined_card_is_tried_once_and_another_card_mends_it(shop):
    shop.keep_card("later")
    shop.use(900)

    for _ in range(3):
        shop.charge_due()
        shop.wait(minutes=10)

    assert len(shop.payments()) == 2, "what was bought, and one try"
    assert (shop.payment().state, shop.auto().stopped_why) == ("declined", "Your card was declined.")
    assert shop.balance() == 100
    [letter] = shop.session.exec(select(Mail)).all()
    assert (letter.template, letter.recipient) == ("top_up_stopped", "olive@example.com")
    assert letter.context | {"amount": "$10.00", "left": "$1.00", "why": "Your card was declined."} == letter.context
    shop.keep_card("mastercard")
    assert shop.auto().stopped_why == ""
    shop.charge_due()
    assert shop.balance() == 1_100


@on_sqlite
def test_news_of_an_old_decline_stops_nothing_again(shop):
    shop.keep_card("later")
    shop.use(900)
    shop.charge_due()
    shop.keep_card("mastercard")

    for event_id in shop.hear("payment_intent.payment_failed"):
        shop.again(event_id)
    shop.work()

    assert shop.auto().stopped_why == ""
    assert shop.payment().state == "declined"


@on_sqlite
def test_switching_it_on_again_tries_again(shop):
    shop.keep_card("later")
    shop.use(900)
    shop.charge_due()

    shop.agree()
    shop.charge_due()

    assert [one.state for one in shop.payments()] == ["paid", "declined", "declined"]
    assert shop.auto().stopped_why


@on_sqlite
def test_a_bank_that_asks_its_owner_stops_it(shop):
    shop.keep_card("asks")
    shop.use(900)

    shop.charge_due()

    assert "authentication" in shop.auto().stopped_why


@on_sqlite
def test_without_a_card_it_stops_and_says_so(shop):
    shop.stand_in.client.v1.payment_methods.detach(shop.default_card())
    shop.use(900)

    shop.charge_due()

    assert shop.auto().stopped_why == charging.NO_CARD


@on_sqlite
def test_the_most_of_a_month_is_kept_to_and_the_next_month_begins_anew(shop):
    for _ in range(6):
        shop.use(100, 100, 100, 100, 100, 100, 100, 100, 100)
        shop.charge_due()

    assert shop.charged() == 1 + 3
    shop.wait_until_december()
    shop.charge_due()
    assert shop.charged() == 1 + 4


@on_sqlite
def test_an_organisation_on_another_plan_buys_nothing(shop):
    shop.use(900)
    shop.choose("payg")

    assert shop.charge_due() == 0


@on_sqlite
def test_switched_off_before_it_is_paid_nothing_is_charged(shop):
    shop.use(900)
    shop.stand_in.faults(rate_limited=1, paths=["/v1/payment_intents"])
    shop.charge_due()
    shop.stand_in.faults()

    automatic.switch_off(
        shop.session, organisation_id=shop.organisation.id, mode="test", person_id=None, now=shop.hand.now
    )
    shop.session.commit()
    shop.wait(minutes=10)
    shop.charge_due()

    assert (shop.payment().state, shop.charged()) == ("dropped", 1)


@on_sqlite
@pytest.mark.parametrize(
    ("below", "amount", "most"), [(0, 1_000, 1_000), (600, 500, 3_000), (500, 1_000, 999), (5, 10, 100)]
)
def test_terms_that_would_buy_again_and_again_are_refused(shop, below, amount, most):
    with pytest.raises(Invalid):
        shop.agree(below, amount, most)
