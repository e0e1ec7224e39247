"""What is subscribed to at Stripe is what holds here, whatever arrives when."""

from uuid import uuid4

import pytest
from hypothesis import Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from app.billing import changing, checkout, events, subscribing, subscriptions
from app.billing.models import COMPLETED, EXPIRED, NEW, OK, PAST_DUE, SUBSCRIPTION, UNPAID, StripeEvent
from app.billing.problems import Declined
from app.billing.stripe_api import key_for
from app.core.errors import Conflict
from app.plans import queries as plans
from app.plans import services, succession
from app.plans.models import ACTIVE
from tests.databases import on_both, on_one

pytestmark = on_one


@on_both
def test_coming_back_from_checkout_begins_the_plan_without_a_webhook(till):
    visit = till.visit("team", interval="year", seats=3)
    assert till.plan() == "free"

    assert till.pay(visit) == ""
    till.come_back(visit)

    current = till.current()
    assert (till.plan(), current.interval, current.seats, current.currency) == ("team", "year", 3, "usd")
    assert (current.state, till.account().state) == (ACTIVE, OK)
    assert current.stripe_id == till.at_stripe()["id"]
    assert till.visit_state(visit.id) == COMPLETED


def test_a_declined_card_begins_nothing(till):
    visit = till.visit("payg")

    assert till.pay(visit, card="declined") != ""
    till.come_back(visit)

    assert till.plan() == "free"


def test_an_expired_visit_is_known_to_be_over(till):
    visit = till.visit("payg")

    till.wait(hours=2)
    till.hear("checkout.")
    till.work()

    assert (till.visit_state(visit.id), till.plan()) == (EXPIRED, "free")


@examples(max_examples=8, phases=[Phase.generate])
@given(
    places=st.lists(st.integers(0, 99), min_size=30, max_size=30),
    twice=st.lists(st.integers(0, 29), max_size=5),
    works=st.lists(st.booleans(), min_size=30, max_size=30),
)
def test_i13_b26_any_order_and_number_of_events_comes_to_the_same(till, make, places, twice, works):
    till.organisation = make.organisation()
    succession.enrol(till.session, now=till.hand.now)
    till.session.commit()
    known = {event["id"] for event in till.stand_in.desk.store.all("event")}
    visit = till.visit("payg")
    till.pay(visit)
    said = [till.stand_in.desk.show(one) for one in till.stand_in.desk.store.all("event") if one["id"] not in known]
    said += [said[number % len(said)] for number in twice]
    assert len(said) < len(places)

    for number in sorted(range(len(said)), key=lambda number: places[number]):
        event = said[number]
        events.store(till.session, event, payload="{}", source="webhook", now=till.hand.now)
        till.session.commit()
        if works[number]:
            till.work()
    till.work()
    _again(till, said[-1]["id"])
    till.work()

    history = plans.history(till.session, till.organisation.id)
    assert (till.plan(), len(history)) == ("payg", 2), "free until then, and then one subscription"
    assert (till.current().state, till.account().state, till.visit_state(visit.id)) == (ACTIVE, OK, COMPLETED)


def test_b14_the_same_visit_is_the_same_session(till):
    visit_id = uuid4()

    first = till.visit("payg", visit_id).session_id
    second = till.visit("payg", visit_id).session_id

    assert first == second
    assert len(till.stand_in.desk.store.all("checkout.session")) == 1
    assert key_for("checkout", "test", visit_id) == key_for("checkout", "test", visit_id)


def test_a_visit_for_something_else_is_refused(till):
    visit_id = uuid4()
    till.visit("payg", visit_id)

    with pytest.raises(Conflict, match="out of date"):
        till.visit("team", visit_id)


@on_both
def test_b8_another_open_visit_cannot_be_paid_any_more(till):
    first, second = till.visit("payg"), till.visit("team")

    visits = checkout.open_visits(till.session, till.organisation.id, kind=SUBSCRIPTION)
    closed = subscribing.close_others(till.api, visits, second.id)

    assert [found["status"] for found in closed] == ["expired"]
    assert till.stand_in.desk.need("checkout.session", first.session_id)["status"] == "expired"
    assert till.pay(second) == ""


@on_both
def test_b8_two_visits_paid_in_the_same_moment_leave_one_subscription(till):
    first, second = till.visit("payg"), till.visit("team")
    till.pay(first)
    till.stand_in.move(by=1)
    till.pay(second)

    till.come_back(first)
    till.come_back(second)

    assert till.plan() == "team"
    found = subscriptions.fetch_of_customer(till.api, till.account().customer_id)
    assert sorted(one["status"] for one in found["subscriptions"]) == ["active", "canceled"]


@on_both
def test_what_was_asked_earlier_and_applied_later_changes_nothing(till):
    till.subscribe("payg")
    old = subscriptions.fetch_of_customer(till.api, till.account().customer_id)
    till.wait(minutes=1)
    till.upgrade("team")

    subscriptions.apply(till.session, old, till.hand.now)

    assert till.plan() == "team"


@on_both
def test_an_upgrade_holds_at_once_and_costs_what_was_previewed(till):
    till.subscribe("payg")
    till.wait(days=2)
    change = till.change("team")
    shown = changing.preview(till.api, till.at_stripe(), change)
    till.wait(minutes=3)

    changing.upgrade(till.api, till.at_stripe(), change)
    till.synchronise()

    invoice = till.stand_in.client.v1.invoices.list({"customer": till.account().customer_id}).data[0]
    assert (till.plan(), invoice.status, invoice.total) == ("team", "paid", shown["total"])
    assert invoice.total > 0


def test_meters_of_the_plan_that_was_left_stay_until_the_month_is_over(till):
    till.subscribe("payg")
    before = {item["price"]["id"] for item in till.at_stripe()["items"]["data"]}

    till.upgrade("team")

    after = {item["price"]["id"] for item in till.at_stripe()["items"]["data"]}
    assert before < after
    till.wait_until_december()
    assert len(till.at_stripe()["items"]["data"]) == 3, "base fee, the new meter, and that of others' prices"


def test_pressing_twice_upgrades_once(till):
    till.subscribe("payg")
    change = till.change("team")

    for _ in range(2):
        changing.upgrade(till.api, till.at_stripe(), change)
        till.synchronise()

    paid = [one for one in till.stand_in.client.v1.invoices.list().data if one.total]
    assert (till.plan(), len(paid)) == ("team", 1)


def test_an_upgrade_that_is_declined_changes_nothing(till):
    till.subscribe("payg")
    method = till.stand_in.client.v1.payment_methods.attach(
        "pm_card_chargeCustomerFail", {"customer": till.account().customer_id}
    )
    till.stand_in.client.v1.subscriptions.update(till.current().stripe_id, {"default_payment_method": method.id})

    with pytest.raises(Declined):
        till.upgrade("team")

    till.synchronise()
    assert till.plan() == "payg"


def test_a_change_that_was_asked_for_and_not_written_down_is_heard_of(till):
    till.subscribe("payg")
    till.wait(minutes=1)
    changing.upgrade(till.api, till.at_stripe(), till.change("team"))

    till.hear("customer.subscription.")
    till.work()

    assert till.plan() == "team"


@on_both
def test_a_downgrade_waits_for_the_end_of_the_month(till):
    till.subscribe("team")
    change = till.change("payg", at=till.december)

    changing.plan_ahead(till.api, till.at_stripe(), change)
    services.plan_next(till.session, till.current(), change.choice, at=change.at, by="customer", now=till.hand.now)
    till.session.commit()
    till.synchronise()

    assert (till.plan(), till.current().next_at) == ("team", till.december)
    till.wait_until_december()
    till.synchronise()
    assert (till.plan(), till.current().stripe_id) == ("payg", till.at_stripe()["id"])
    assert len(till.at_stripe()["items"]["data"]) == 2


def test_cancelling_keeps_the_plan_until_the_month_is_over_and_the_reason(till):
    till.subscribe("team")
    changing.cancel(till.api, till.at_stripe(), visit=uuid4(), at=till.december, reason="Too much for us.")

    till.synchronise()

    assert (till.plan(), till.current().next_at) == ("team", till.december)
    assert till.current().cancel_reason == "Too much for us."
    till.wait_until_december()
    till.hear("customer.subscription.")
    till.work()
    assert (till.plan(), till.current().stripe_id) == ("free", "")


def test_what_was_cancelled_can_be_kept(till):
    till.subscribe("team")
    changing.cancel(till.api, till.at_stripe(), visit=uuid4(), at=till.december, reason="")
    till.synchronise()

    changing.resume(till.api, till.at_stripe(), visit=uuid4())
    till.synchronise()

    assert till.current().next_at is None
    till.wait_until_december()
    assert till.plan() == "team"


def test_what_ends_at_stripe_ends_here(till):
    till.subscribe("team")
    till.stand_in.client.v1.subscriptions.cancel(till.current().stripe_id)

    till.hear("customer.subscription.deleted")
    till.work()

    assert (till.plan(), till.current().stripe_id) == ("free", "")


def test_a_bill_that_cannot_be_collected_is_known_as_past_due_and_then_unpaid(till):
    till.subscribe("team")
    method = till.stand_in.client.v1.payment_methods.attach(
        "pm_card_chargeCustomerFail", {"customer": till.account().customer_id}
    )
    till.stand_in.client.v1.subscriptions.update(till.current().stripe_id, {"default_payment_method": method.id})

    till.wait_until_december()
    till.wait(hours=2)
    till.synchronise()
    assert (till.account().state, till.current().state, till.plan()) == (PAST_DUE, "past_due", "team")

    till.wait(days=20)
    till.synchronise()
    assert (till.account().state, till.current().state) == (UNPAID, "unpaid")


def _again(till, event_id):
    row = till.session.get(StripeEvent, event_id)
    row.state, row.due_at = NEW, till.hand.now
    till.session.add(row)
    till.session.commit()
