"""Credit bought at Checkout: once for each payment, whatever tells us of it, and taken back with its money."""

import random
from uuid import uuid4

import pytest
from sqlmodel import select

from app.billing import findings, modes, payments
from app.billing.models import COMPLETED, EXPIRED, OPEN
from app.billing.payment_models import CreditPayment
from app.core.audit import AuditEntry
from app.core.errors import Conflict, Invalid
from app.plans.amounts import NANOS
from tests.billing.counter import Counter
from tests.billing.purse import holds
from tests.databases import on_both

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def shop(session, engine, api, stand_in, hand, make):
    return Counter(session, engine, api, stand_in, hand, make)


@on_both
def test_credit_is_there_when_one_is_back_from_checkout(shop):
    visit = shop.top_up(2_500)
    assert shop.balance() == 0

    assert shop.pay(visit) == ""
    shop.come_back(visit)

    assert shop.balance() == 2_500
    assert shop.visit_state(visit.id) == COMPLETED
    invoice = shop.stand_in.client.v1.invoices.list({"customer": shop.account().customer_id}).data[0]
    assert (invoice.status, invoice.total) == ("paid", 2_500), "there is a document"
    holds(shop.session, shop.organisation)


def test_credit_that_was_bought_in_test_mode_is_none_in_live_mode(shop):
    shop.pay(visit := shop.top_up(2_500))
    shop.come_back(visit)
    modes.check(shop.session, "test")
    with pytest.raises(Conflict, match="credit that was bought in its test mode is left"):
        modes.check(shop.session, "live")

    assert modes.take_credit_back(shop.session, "live", now=shop.hand.now) == 0
    assert modes.take_credit_back(shop.session, "test", now=shop.hand.now) == 1
    assert modes.take_credit_back(shop.session, "test", now=shop.hand.now) == 0

    shop.session.commit()
    assert shop.balance() == 0
    modes.check(shop.session, "live")
    holds(shop.session, shop.organisation)


@pytest.mark.parametrize("seed", range(3))
def test_b26_any_order_and_number_of_events_credits_once(shop, seed):
    visit = shop.top_up(1_000)
    shop.pay(visit)
    ids = shop.hear()
    shuffled = random.Random(seed)
    order = ids + shuffled.sample(ids, k=len(ids) // 2)
    shuffled.shuffle(order)

    for number, event_id in enumerate(order):
        shop.again(event_id)
        shop.work()
        if number == seed:
            shop.come_back(visit)

    assert shop.balance() == 1_000
    assert [grant.kind for grant in shop.grants()] == ["paid"]
    assert shop.failed_events() == []
    holds(shop.session, shop.organisation)


def test_what_no_webhook_brought_the_sweep_does(shop):
    shop.pay(shop.top_up(1_000))

    shop.sweep()
    shop.work()

    assert shop.balance() == 1_000


@on_both
def test_b9_pressing_twice_is_one_session_and_one_credit(shop):
    visit_id = uuid4()

    first, second = shop.top_up(1_000, visit_id), shop.top_up(1_000, visit_id)

    assert first.session_id == second.session_id
    with pytest.raises(Conflict, match="out of date"):
        shop.top_up(2_000, visit_id)


def test_a_declined_card_and_an_abandoned_visit_credit_nothing(shop):
    visit = shop.top_up(1_000)

    assert shop.pay(visit, card="declined") != ""
    shop.come_back(visit)
    assert (shop.balance(), shop.visit_state(visit.id)) == (0, OPEN)
    shop.wait(hours=2)
    shop.hear()
    shop.work()

    assert (shop.balance(), shop.visit_state(visit.id)) == (0, EXPIRED)


@pytest.mark.parametrize(("debit", "balance", "state"), [("arrives", 1_000, COMPLETED), ("fails", 0, EXPIRED)])
def test_money_that_takes_days_is_credited_when_it_is_there(shop, debit, balance, state):
    visit = shop.top_up(1_000)
    shop.pay(visit, debit=debit)
    shop.come_back(visit)
    assert (shop.balance(), shop.payment().state) == (0, "processing")

    shop.wait(days=1, minutes=1)
    shop.hear()
    shop.work()

    assert (shop.balance(), shop.visit_state(visit.id)) == (balance, state)


@pytest.mark.parametrize("amount", [499, 200_001, 0, -5])
def test_amounts_that_are_not_sold_are_refused(shop, amount):
    with pytest.raises(Invalid, match=r"\$5\.00 to \$2,000\.00"):
        shop.terms.check(amount)


def test_a_card_is_kept_only_when_that_was_ticked(shop):
    shop.buy(1_000)
    assert shop.default_card() is None

    shop.buy(1_000, keeps_card=True)

    assert shop.default_card() is not None


def test_a_kept_card_does_not_come_back_after_another_was_chosen(shop):
    visit = shop.buy(1_000, keeps_card=True)
    client = shop.stand_in.client.v1
    other = client.payment_methods.attach("pm_card_mastercard", {"customer": shop.account().customer_id})
    client.customers.update(shop.account().customer_id, {"invoice_settings": {"default_payment_method": other.id}})

    shop.wait(days=2)
    shop.come_back(visit)

    assert shop.default_card() == other.id


def test_a_refund_takes_back_what_is_left_and_tells_operators_of_the_rest(shop):
    shop.buy(1_000)
    shop.use(600)

    shop.refund(300)
    assert shop.balance() == 100
    shop.refund(700)

    assert shop.balance() == 0
    row = shop.payment()
    assert (row.asked_back_nanos, row.taken_back_nanos) == (1_000 * NANOS, 400 * NANOS)
    [found] = findings.listed(shop.session, is_open=True, limit=5)
    assert (found.ours, found.theirs) == (400, 1_000)
    assert shop.session.exec(select(AuditEntry).where(AuditEntry.action == "credit.paid_back_beyond")).one()
    assert not shop.use(1)
    holds(shop.session, shop.organisation)


@on_both
def test_the_same_refund_told_again_and_again_takes_back_once(shop):
    shop.buy(1_000)
    shop.refund(300)

    for event_id in shop.hear("charge."):
        shop.again(event_id)
    shop.work()

    assert shop.balance() == 700


@on_both
def test_b11_a_dispute_takes_the_credit_and_a_dispute_that_is_won_brings_it_back(shop):
    shop.buy(1_000, card="disputed")
    assert shop.balance() == 0
    dispute = shop.stand_in.client.v1.disputes.list().data[0]

    shop.stand_in.client.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}})
    shop.hear()
    shop.work()

    assert shop.balance() == 1_000
    shop.refund(1_000)
    assert shop.balance() == 0
    holds(shop.session, shop.organisation)


def test_a_dispute_that_is_lost_stays_taken(shop):
    shop.buy(1_000, card="disputed")
    shop.stand_in.client.v1.disputes.close(shop.stand_in.client.v1.disputes.list().data[0].id)

    shop.hear()
    shop.work()

    assert shop.balance() == 0


def test_what_was_asked_before_a_refund_and_applied_after_it_gives_nothing_back(shop):
    shop.buy(1_000)
    old = payments.fetch(shop.api, shop.payment().payment_id)
    shop.hand.moves(seconds=1)
    shop.refund(1_000)

    payments.apply(shop.session, old, shop.hand.now)
    shop.session.commit()

    assert shop.balance() == 0


def test_with_tax_the_credit_is_what_was_chosen_and_a_refund_its_part(shop):
    shop.stand_in.desk.store.set_fact("tax_percent", 0)
    visit = shop.buy(1_000)
    charge = shop.charge()
    with shop.stand_in.desk.store.transaction():
        shop.stand_in.desk.put(charge | {"amount": 1_190, "amount_captured": 1_190})

    shop.refund(595)

    assert shop.balance() == 500
    assert visit.amount == 1_000


def test_b29_a_payment_of_another_customer_is_nothing_to_us(shop, make, session):
    shop.buy(1_000)
    stranger = shop.stand_in.client.v1.customers.create({"email": "x@example.com"})
    said = payments.said_of(shop.organisation.id, uuid4(), kind="checkout", amount=9_900)
    made = shop.stand_in.client.v1.payment_intents.create({
        "amount": 9_900, "currency": "usd", "customer": stranger.id, "confirm": True, "off_session": True,
        "payment_method": "pm_card_visa", "metadata": said,
    })  # fmt: skip

    payments.apply(session, payments.fetch(shop.api, made.id), shop.hand.now)

    assert shop.balance() == 1_000
    assert len(session.exec(select(CreditPayment)).all()) == 1


def test_a_payment_that_nobody_has_paid_is_no_reason_to_ask_for_it(shop):
    shop.buy(1_000)
    said = payments.said_of(shop.organisation.id, uuid4(), kind="automatic", amount=1_000)
    shop.stand_in.client.v1.payment_intents.create(
        {"amount": 1_000, "currency": "usd", "customer": shop.account().customer_id, "metadata": said}
    )

    shop.hear()
    shop.work()

    assert len(shop.session.exec(select(CreditPayment)).all()) == 1
