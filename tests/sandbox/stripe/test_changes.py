"""Plans change, end and pause: what is owed follows to the cent, and changing back undoes it."""

import pytest
import stripe as sdk

from tests.sandbox.stripe import shop
from tests.sandbox.stripe.running import DAY, DECEMBER

JANUARY = DECEMBER + 31 * DAY


@pytest.fixture
def acme(stripe):
    stripe.move(to=DECEMBER)
    return shop.customer(stripe)


def change(stripe, subscription, price, **fields):
    item = subscription["items"].data[0].id
    asked = {"items": [{"id": item, "price": price.id}], **fields}
    return stripe.client.v1.subscriptions.update(subscription.id, asked)


def owed(stripe, acme):
    return [(item.description, item.amount) for item in stripe.client.v1.invoice_items.list({"customer": acme.id}).data]


def test_upgrade_now_costs_what_its_preview_said(stripe, api, acme):
    small, large = shop.flat(stripe, 3100, name="Small"), shop.flat(stripe, 9300, name="Large")
    subscription = shop.subscribe(stripe, acme.id, small)
    stripe.move(to=DECEMBER + 10 * DAY)
    details = {
        "items": [{"id": subscription["items"].data[0].id, "price": large.id}],
        "proration_behavior": "always_invoice",
        "proration_date": stripe.now(),
    }
    preview = api.invoices.create_preview({"subscription": subscription.id, "subscription_details": details})
    stripe.move(by=60)

    change(stripe, subscription, large, proration_behavior="always_invoice", proration_date=details["proration_date"])

    invoice = shop.latest(stripe, acme.id)
    assert shop.lines(invoice) == shop.lines(preview)
    assert [line.amount for line in invoice.lines.data] == [-2100, 6300]
    assert (invoice.status, invoice.billing_reason, invoice.amount_paid) == ("paid", "subscription_update", 4200)
    assert all(line.parent.subscription_item_details.proration for line in invoice.lines.data)


def test_change_and_change_back_is_free(stripe, acme):
    small, large = shop.flat(stripe, 1999, name="Small"), shop.flat(stripe, 7777, name="Large")
    subscription = shop.subscribe(stripe, acme.id, small)
    stripe.move(to=DECEMBER + 7 * DAY + 12_345)

    subscription = change(stripe, subscription, large)
    change(stripe, subscription, small)

    assert sum(amount for _, amount in owed(stripe, acme)) == 0
    stripe.move(to=JANUARY + 3600)
    assert shop.latest(stripe, acme.id).total == 1999


def test_prorations_wait_for_the_next_invoice_unless_asked_otherwise(stripe, api, acme):
    seats = shop.flat(stripe, 3100, name="Seat")
    subscription = shop.subscribe(stripe, acme.id, seats)
    item = subscription["items"].data[0].id
    stripe.move(to=DECEMBER + 21 * DAY)

    api.subscriptions.update(subscription.id, {"items": [{"id": item, "quantity": 3}]})
    assert [amount for _, amount in owed(stripe, acme)] == [3000, -1000]
    api.subscription_items.update(item, {"quantity": 4, "proration_behavior": "none"})
    assert len(owed(stripe, acme)) == 2

    stripe.move(to=JANUARY + 3600)
    assert shop.latest(stripe, acme.id).total == 4 * 3100 + 2000


def test_credit_that_is_more_than_the_bill_is_kept_for_the_next(stripe, api, acme):
    large, small = shop.flat(stripe, 31000, name="Large"), shop.flat(stripe, 3100, name="Small")
    subscription = shop.subscribe(stripe, acme.id, large)
    stripe.move(to=DECEMBER + DAY)

    change(stripe, subscription, small, proration_behavior="always_invoice")

    invoice = shop.latest(stripe, acme.id)
    assert (invoice.total, invoice.amount_due, invoice.ending_balance) == (-27000, 0, -27000)
    assert api.customers.retrieve(acme.id).balance == -27000
    stripe.move(to=JANUARY + 3600)
    invoice = shop.latest(stripe, acme.id)
    assert (invoice.total, invoice.starting_balance, invoice.amount_due) == (3100, -27000, 0)
    assert api.customers.retrieve(acme.id).balance == -23900


def test_removed_metered_item_is_billed_until_then(stripe, api, acme):
    old, new = shop.metered(stripe, unit_amount=10), shop.metered(stripe, "tokens", unit_amount=1)
    subscription = shop.subscribe(stripe, acme.id, old)
    shop.use(stripe, acme.id, 7)
    stripe.move(by=DAY)

    change(stripe, subscription, new)
    shop.use(stripe, acme.id, 100)
    shop.use(stripe, acme.id, 5, "tokens")

    stripe.move(to=JANUARY + 3600)
    assert sorted(line.amount for line in shop.latest(stripe, acme.id).lines.data) == [5, 70]


def test_schedule_changes_the_plan_at_the_periods_end(stripe, api, acme):
    large, small = shop.flat(stripe, 9300, name="Large"), shop.flat(stripe, 3100, name="Small")
    calls, cheap = shop.metered(stripe, unit_amount=10), shop.metered(stripe, "cheap", unit_amount=1)
    subscription = shop.subscribe(stripe, acme.id, large, calls)
    shop.use(stripe, acme.id, 4)
    schedule = api.subscription_schedules.create({"from_subscription": subscription.id})
    now = schedule.phases[0]
    kept = [{"price": large.id}, {"price": calls.id}]
    phases = [
        {"items": kept, "start_date": now.start_date, "end_date": now.end_date},
        {"items": [{"price": small.id}, {"price": cheap.id}], "duration": {"interval": "month"}},
    ]
    api.subscription_schedules.update(schedule.id, {"phases": phases, "end_behavior": "release"})
    assert api.subscriptions.retrieve(subscription.id).schedule == schedule.id

    stripe.move(to=JANUARY)

    assert [line.amount for line in shop.latest(stripe, acme.id).lines.data] == [40, 3100]
    prices = {item.price.id for item in api.subscriptions.retrieve(subscription.id)["items"].data}
    assert prices == {small.id, cheap.id}
    stripe.move(to=JANUARY + 31 * DAY)
    assert api.subscription_schedules.retrieve(schedule.id).status == "released"
    assert api.subscriptions.retrieve(subscription.id).schedule is None
    assert [line.amount for line in shop.latest(stripe, acme.id).lines.data] == [0, 3100]


def test_schedule_changes_the_number_of_seats_at_the_periods_end(stripe, api, acme):
    seats = shop.flat(stripe, 1000, name="Seat")
    subscription = api.subscriptions.create({"customer": acme.id, "items": [{"price": seats.id, "quantity": 5}]})
    schedule = api.subscription_schedules.create({"from_subscription": subscription.id})
    now = schedule.phases[0]
    phases = [
        {"items": [{"price": seats.id, "quantity": 5}], "start_date": now.start_date, "end_date": now.end_date},
        {"items": [{"price": seats.id, "quantity": 2}], "duration": {"interval": "month"}},
    ]
    api.subscription_schedules.update(schedule.id, {"phases": phases})

    stripe.move(to=JANUARY + 3600)

    assert [(line.quantity, line.amount) for line in shop.latest(stripe, acme.id).lines.data] == [(2, 2000)]


def test_phase_in_the_middle_of_a_period_is_prorated(stripe, api, acme):
    small, large = shop.flat(stripe, 3100, name="Small"), shop.flat(stripe, 9300, name="Large")
    subscription = shop.subscribe(stripe, acme.id, small)
    schedule = api.subscription_schedules.create({"from_subscription": subscription.id})
    middle = DECEMBER + 10 * DAY
    phases = [
        {"items": [{"price": small.id}], "start_date": DECEMBER, "end_date": middle},
        {"items": [{"price": large.id}], "end_date": JANUARY + 31 * DAY, "proration_behavior": "always_invoice"},
    ]
    api.subscription_schedules.update(schedule.id, {"phases": phases})

    stripe.move(to=middle)

    invoice = shop.latest(stripe, acme.id)
    assert (invoice.status, sorted(line.amount for line in invoice.lines.data)) == ("paid", [-2100, 6300])
    stripe.move(to=JANUARY + 3600)
    assert shop.latest(stripe, acme.id).total == 9300


def test_schedule_is_let_go(stripe, api, acme):
    subscription = shop.subscribe(stripe, acme.id, shop.flat(stripe, 100))
    schedule = api.subscription_schedules.create({"from_subscription": subscription.id})

    with pytest.raises(sdk.InvalidRequestError, match="already attached to a schedule"):
        api.subscription_schedules.create({"from_subscription": subscription.id})
    assert api.subscription_schedules.release(schedule.id).status == "released"
    assert api.subscriptions.retrieve(subscription.id).schedule is None


def test_cancelling_at_the_periods_end_bills_its_usage_and_no_more(stripe, api, acme):
    subscription = shop.subscribe(stripe, acme.id, shop.metered(stripe, unit_amount=10), shop.flat(stripe, 3100))
    details = {"feedback": "too_expensive", "comment": "we use it less"}
    asked = {"cancel_at_period_end": True, "cancellation_details": details}
    changed = api.subscriptions.update(subscription.id, asked)
    assert (changed.status, changed.cancel_at) == ("active", JANUARY)
    assert changed.cancellation_details.feedback == "too_expensive"
    shop.use(stripe, acme.id, 6)

    stripe.move(to=JANUARY + 3600)

    ended = api.subscriptions.retrieve(subscription.id)
    assert (ended.status, ended.ended_at) == ("canceled", JANUARY)
    assert [line.amount for line in shop.latest(stripe, acme.id).lines.data] == [60]
    stripe.move(by=90 * DAY)
    assert len(api.invoices.list({"customer": acme.id}).data) == 2


def test_cancelling_can_be_taken_back(stripe, api, acme):
    subscription = shop.subscribe(stripe, acme.id, shop.flat(stripe, 3100))
    api.subscriptions.update(subscription.id, {"cancel_at_period_end": True})

    kept = api.subscriptions.update(subscription.id, {"cancel_at_period_end": False})

    assert (kept.cancel_at, kept.canceled_at) == (None, None)
    stripe.move(to=JANUARY)
    assert api.subscriptions.retrieve(subscription.id).status == "active"


@pytest.mark.parametrize(("invoice_now", "amounts"), [(True, [60]), (False, [])])
def test_cancelling_at_once_bills_usage_only_when_asked(stripe, api, acme, invoice_now, amounts):
    subscription = shop.subscribe(stripe, acme.id, shop.metered(stripe, unit_amount=10))
    shop.use(stripe, acme.id, 6)
    stripe.move(by=60)

    assert api.subscriptions.cancel(subscription.id, {"invoice_now": invoice_now}).status == "canceled"

    found = api.invoices.list({"customer": acme.id}).data
    assert [each.total for each in found if each.total] == amounts
    with pytest.raises(sdk.InvalidRequestError, match="No such subscription"):
        api.subscriptions.update(subscription.id, {"cancel_at_period_end": True})


@pytest.mark.parametrize(
    ("behaviour", "status"), [("void", "void"), ("mark_uncollectible", "uncollectible"), ("keep_as_draft", "draft")]
)
def test_paused_collection(stripe, api, acme, behaviour, status):
    subscription = shop.subscribe(stripe, acme.id, shop.flat(stripe, 3100))
    pause = {"behavior": behaviour, "resumes_at": JANUARY + DAY}
    api.subscriptions.update(subscription.id, {"pause_collection": pause})

    stripe.move(to=JANUARY + 2 * DAY)

    assert shop.latest(stripe, acme.id).status == status
    assert api.subscriptions.retrieve(subscription.id).pause_collection is None


def test_paused_subscription_costs_nothing_until_it_is_resumed(stripe, api, acme):
    subscription = shop.subscribe(stripe, acme.id, shop.flat(stripe, 3100), shop.metered(stripe, unit_amount=10))
    assert api.subscriptions.pause(subscription.id, {"type": "subscription"}).status == "paused"
    stripe.move(to=JANUARY + 90 * DAY)
    assert len(api.invoices.list({"customer": acme.id}).data) == 1

    assert api.subscriptions.resume(subscription.id, {"billing_cycle_anchor": {"type": "now"}}).status == "active"

    assert shop.latest(stripe, acme.id).total == 3100
    assert stripe.types().count("customer.subscription.resumed") == 1


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([], "Missing required param: items"),
        ([{"price": "price_none"}], "No such price"),
        ([{"price": "metered", "quantity": 2}], "cannot set the quantity"),
        ([{"price": "flat"}, {"price": "flat"}], "only once"),
        ([{"price": "flat"}, {"price": "euros"}], "same currency"),
        ([{"price": "once"}], "is not recurring"),
    ],
)
def test_subscription_that_cannot_be_meant_is_refused(stripe, api, acme, items, words):
    known = {
        "flat": shop.flat(stripe, 100), "metered": shop.metered(stripe, unit_amount=1),
        "euros": shop.flat(stripe, 100, currency="eur"), "once": shop.flat(stripe, 100, interval=None),
    }  # fmt: skip
    named = [each | {"price": known[each["price"]].id if each["price"] in known else each["price"]} for each in items]

    with pytest.raises(sdk.InvalidRequestError, match=words):
        api.subscriptions.create({"customer": acme.id, "items": named})


def test_subscriptions_are_listed_by_state(stripe, api, acme):
    price = shop.flat(stripe, 100)
    first, second = (shop.subscribe(stripe, acme.id, price).id for _ in range(2))
    api.subscriptions.cancel(first)

    ask = {"customer": acme.id}
    assert [each.id for each in api.subscriptions.list(ask).data] == [second]
    assert [each.id for each in api.subscriptions.list(ask | {"status": "all"}).data] == [second, first]
    assert [each.id for each in api.subscriptions.list(ask | {"status": "canceled"}).data] == [first]


def test_items_come_and_go_by_themselves(stripe, api, acme):
    subscription = shop.subscribe(stripe, acme.id, shop.flat(stripe, 3100))
    item = api.subscription_items.create({"subscription": subscription.id, "price": shop.flat(stripe, 620).id})

    assert len(api.subscription_items.list({"subscription": subscription.id}).data) == 2
    assert api.subscription_items.retrieve(item.id).price.unit_amount == 620
    assert api.subscription_items.delete(item.id).deleted
    assert sum(amount for _, amount in owed(stripe, acme)) == 0
    with pytest.raises(sdk.InvalidRequestError, match="at least one active plan"):
        api.subscription_items.delete(subscription["items"].data[0].id)
