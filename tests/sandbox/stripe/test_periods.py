"""Time passes: periods end, usage becomes an invoice, the invoice is final after its hour and paid."""

import threading

import pytest
import stripe as sdk

from tests.sandbox.stripe import shop
from tests.sandbox.stripe.running import DAY, DECEMBER, START

JANUARY = DECEMBER + 31 * DAY
TIERS = [{"up_to": 100, "unit_amount_decimal": "0"}, {"up_to": "inf", "unit_amount_decimal": "0.25"}]


@pytest.fixture
def acme(stripe):
    return shop.customer(stripe)


def test_first_part_month_is_prorated_and_usage_billed_in_arrears(stripe, acme):
    calls, team = shop.metered(stripe, tiers=TIERS), shop.flat(stripe, 2900)
    subscription = shop.subscribe(stripe, acme.id, calls, team, billing_cycle_anchor=DECEMBER)
    first = shop.latest(stripe, acme.id)
    assert (first.billing_reason, first.status, first.total) == ("subscription_create", "paid", 1547)  # 16 of 30 days
    shop.use(stripe, acme.id, 505)

    stripe.move(to=DECEMBER)

    draft = shop.latest(stripe, acme.id)
    assert (draft.status, draft.billing_reason, draft.automatically_finalizes_at) == (
        "draft", "subscription_cycle", DECEMBER + 3600,
    )  # fmt: skip
    assert [(line.quantity, line.amount, line.period.start, line.period.end) for line in draft.lines.data] == [
        (505, 101, START, DECEMBER),
        (1, 2900, DECEMBER, JANUARY),
    ]
    assert draft.parent.subscription_details.subscription == subscription.id
    assert draft.lines.data[0].pricing.price_details.price == calls.id


def test_late_usage_counts_until_the_draft_is_final(stripe, api, acme):
    shop.subscribe(stripe, acme.id, shop.metered(stripe, unit_amount=10), billing_cycle_anchor=DECEMBER)
    shop.use(stripe, acme.id, 5)
    stripe.move(to=DECEMBER + 1800)
    shop.use(stripe, acme.id, 2, timestamp=DECEMBER - 1)
    shop.use(stripe, acme.id, 100)  # of the new period

    stripe.move(to=DECEMBER + 3600)

    invoice = shop.latest(stripe, acme.id)
    assert (invoice.status, invoice.total, invoice.lines.data[0].quantity) == ("paid", 70, 7)
    shop.use(stripe, acme.id, 1, timestamp=DECEMBER - 1)
    assert api.invoices.retrieve(invoice.id).total == 70


def test_usage_lies_in_exactly_one_period(stripe, acme):
    shop.subscribe(stripe, acme.id, shop.metered(stripe, unit_amount=1), billing_cycle_anchor=DECEMBER)
    stripe.move(to=DECEMBER + 10)
    for moment, quantity in ((DECEMBER - 1, 3), (DECEMBER, 5)):
        shop.use(stripe, acme.id, quantity, timestamp=moment)

    stripe.move(to=JANUARY + 3600)

    totals = [each.total for each in stripe.client.v1.invoices.list({"customer": acme.id}).data]
    assert totals == [5, 3, 0]


def test_preview_equals_the_invoice_that_comes(stripe, api, acme):
    subscription = shop.subscribe(
        stripe, acme.id, shop.metered(stripe, tiers=TIERS), shop.flat(stripe, 2900), billing_cycle_anchor=DECEMBER
    )
    shop.use(stripe, acme.id, 1234)

    preview = api.invoices.create_preview({"subscription": subscription.id})
    stripe.move(to=DECEMBER + 3600)

    assert shop.lines(preview) == shop.lines(shop.latest(stripe, acme.id))
    assert (preview.status, preview.number, preview.amount_due) == ("draft", None, 3184)


def test_preview_changes_nothing(stripe, api, acme):
    subscription = shop.subscribe(stripe, acme.id, shop.flat(stripe, 2900), billing_cycle_anchor=DECEMBER)
    before = stripe.types()

    details = {"items": [{"price": shop.flat(stripe, 500).id}], "proration_behavior": "always_invoice"}
    api.invoices.create_preview({"subscription": subscription.id, "subscription_details": details})
    api.invoices.create_preview({"customer": acme.id, "subscription_details": {"items": details["items"]}})

    assert stripe.types() == [*before, "product.created", "price.created"]
    assert len(api.subscriptions.retrieve(subscription.id)["items"].data) == 1
    stripe.move(to=DECEMBER)
    assert shop.latest(stripe, acme.id).total == 2900


def test_yearly_fee_and_monthly_usage_go_together(stripe, acme):
    yearly, calls = shop.flat(stripe, 36500, interval="year"), shop.metered(stripe, unit_amount=1)
    shop.subscribe(stripe, acme.id, yearly, calls, billing_cycle_anchor=DECEMBER)
    assert shop.latest(stripe, acme.id).total == 1600  # 16 of 365 days
    shop.use(stripe, acme.id, 9)

    stripe.move(to=JANUARY + 3600)

    found = stripe.client.v1.invoices.list({"customer": acme.id}).data
    assert [shop.lines(each) for each in found[:2]] == [
        [("0 × Calls (at 0.01 USD / month)", 0, 0)],
        [("9 × Calls (at 0.01 USD / month)", 9, 9), ("1 × Team (at 365.00 USD / year)", 1, 36500)],
    ]


def test_yen_have_no_hundredths(stripe, acme):
    calls = shop.metered(stripe, unit_amount_decimal="0.5", currency="jpy")
    shop.subscribe(stripe, acme.id, calls, billing_cycle_anchor=DECEMBER)
    shop.use(stripe, acme.id, 3)

    stripe.move(to=DECEMBER + 3600)

    invoice = shop.latest(stripe, acme.id)
    assert (invoice.total, invoice.currency) == (2, "jpy")


def test_packages_are_begun_and_paid_whole(stripe, acme):
    calls = shop.metered(stripe, unit_amount=300, transform_quantity={"divide_by": 1000, "round": "up"})
    shop.subscribe(stripe, acme.id, calls, billing_cycle_anchor=DECEMBER)
    shop.use(stripe, acme.id, 2001)

    stripe.move(to=DECEMBER + 3600)

    assert shop.latest(stripe, acme.id).total == 900


def test_negative_sum_bills_nothing(stripe, acme):
    shop.subscribe(stripe, acme.id, shop.metered(stripe, unit_amount=5), billing_cycle_anchor=DECEMBER)
    shop.use(stripe, acme.id, -40)

    stripe.move(to=DECEMBER + 3600)

    assert shop.latest(stripe, acme.id).total == 0


def test_long_absence_is_lived_through_month_by_month(stripe, acme):
    shop.subscribe(stripe, acme.id, shop.flat(stripe, 1000))

    stripe.move(by=400 * DAY)

    found = list(stripe.client.v1.invoices.list({"customer": acme.id, "limit": 100}).data)
    assert [each.total for each in found] == [1000] * 14
    assert len({each.number for each in found}) == 14


def test_month_end_anchor_comes_back(stripe, acme):
    stripe.move(to=1_801_353_600)  # 2027-01-31
    subscription = shop.subscribe(stripe, acme.id, shop.flat(stripe, 1000))

    ends = []
    for _ in range(3):
        ends.append(subscription["items"].data[0].current_period_end)
        stripe.move(to=ends[-1])
        subscription = stripe.client.v1.subscriptions.retrieve(subscription.id)

    assert ends == [1_803_772_800, 1_806_451_200, 1_809_043_200]  # 28 February, 31 March, 30 April


def test_more_than_ten_lines_are_paged(stripe, api, acme):
    for number in range(12):
        api.invoice_items.create({"customer": acme.id, "amount": number + 1, "currency": "usd"})

    made = api.invoices.create({"customer": acme.id, "pending_invoice_items_behavior": "include"})

    assert (len(made.lines.data), made.lines.has_more, made.total) == (10, True, 78)
    assert len(list(api.invoices.line_items.list(made.id).auto_paging_iter())) == 12


def test_unknown_subscription_has_no_preview(stripe, api, acme):
    with pytest.raises(sdk.InvalidRequestError, match="No such subscription"):
        api.invoices.create_preview({"subscription": "sub_none"})


def test_tax_is_added_where_it_is_automatic(stripe, acme):
    stripe.desk.store.set_fact("tax_percent", 19)
    shop.subscribe(stripe, acme.id, shop.flat(stripe, 1050), automatic_tax={"enabled": True})

    invoice = shop.latest(stripe, acme.id)

    assert (invoice.subtotal, invoice.total, invoice.total_taxes[0].amount) == (1050, 1250, 200)
    assert invoice.lines.data[0].taxes[0].taxable_amount == 1050


def test_what_one_request_lives_through_is_not_the_time_of_others(stripe):
    told = []
    stripe.desk.at(JANUARY)
    try:
        other = threading.Thread(target=lambda: told.append(stripe.desk.now()))
        other.start()
        other.join()
        told.append(stripe.desk.now())
    finally:
        stripe.desk.at(None)

    assert told == [START, JANUARY]
