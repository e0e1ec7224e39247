"""Seats: asked for before anybody pays, and never a payment that comes to nothing."""

import re
from uuid import uuid4

import pytest

from app.core.errors import Conflict
from app.plans import moving, services, succession
from app.plans import queries as plans
from tests.billing.visitor import fields_of, pay
from tests.plans.catalogues import SMALL, apply, choice

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def joins(till, make, count):
    for number in range(count):
        make.membership(till.organisation, make.person(email=f"{number}@example.com"))
    till.session.commit()


def test_too_few_seats_are_said_before_anybody_pays(till, make):
    joins(till, make, 3)
    wanted = choice(till.session, "team", now=till.hand.now, seats=2)

    with pytest.raises(Conflict, match=r"3 people belong to “Acme”, and “Team” would have 2 seats\. Choose more"):
        services.check(till.session, till.organisation, wanted)


def test_whoever_paid_while_somebody_joined_has_what_was_paid_for(till, make):
    visit = till.visit("team")
    assert till.pay(visit) == ""
    joins(till, make, 3)

    till.come_back(visit)

    assert (till.plan(), till.current().seats) == ("team", 2)
    assert plans.subscription_at(till.session, till.organisation.id, till.hand.now).stripe_id != ""


def test_the_worker_applies_it_as_well(till, make):
    visit = till.visit("team")
    till.pay(visit)
    joins(till, make, 3)

    till.hear(("checkout.", "customer."))
    till.work()

    assert till.plan() == "team"


def test_seats_are_shown_against_people_and_what_more_would_cost(shop, owner, make, session):
    pay(shop, owner, "/billing/plan/team")

    assert "1 of 2 taken" in owner.get("/billing/plan").text

    joins(shop, make, 2)
    text = owner.get("/billing/plan").text
    assert "3 of 2 taken" in text
    assert "Nobody is shut out. Add 1 seat" in text
    assert "$9.00 a month each" in text


def test_fewer_seats_than_people_are_refused_with_words(shop, owner, make):
    pay(shop, owner, "/billing/plan/team?seats=4")
    joins(shop, make, 3)

    shown = owner.get("/billing/plan/team?seats=2")

    assert "4 people belong to" in shown.text
    assert not any(form.method == "post" and form.action == "/billing/plan/team" for form in shown.page.forms)
    fields = {"visit": str(uuid4()), "currency": "usd", "interval": "month", "seats": "2"}
    refused = owner.post("/billing/plan/team", status=409, **fields)
    assert "4 people belong to" in refused.text
    assert shop.current().next_at is None


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("99", "Choose from 2 to 4 seats."),
        ("1", "Choose from 2 to 4 seats."),
        ("many", "“many” is not a whole number."),
    ],
)
def test_seats_that_cannot_be_had_are_said_and_never_another_number(shop, owner, typed, words):
    pay(shop, owner, "/billing/plan/team")

    shown = owner.get(f"/billing/plan/team?seats={typed}", status=422)

    assert words in shown.text
    assert f'value="{typed}"' in shown.html
    assert not any(form.method == "post" and form.action == "/billing/plan/team" for form in shown.page.forms)
    fields = {"visit": str(uuid4()), "currency": "usd", "interval": "month", "seats": typed}
    owner.post("/billing/plan/team", status=422, **fields)
    assert shop.current().seats == 2


def test_an_added_seat_costs_what_was_previewed_to_the_cent(shop, owner):
    pay(shop, owner, "/billing/plan/team")
    shop.wait(hours=3)
    shown = owner.get("/billing/plan/team?seats=3")
    price = re.search(r"Pay (\$[\d.]+) and change now", shown.text)[1]

    owner.post("/billing/plan/team", **fields_of(shown, "/billing/plan/team"))

    invoice = shop.stand_in.client.v1.invoices.list({"customer": shop.account().customer_id}).data[0]
    assert f"${invoice.total // 100}.{invoice.total % 100:02}" == price
    assert shop.current().seats == 3
    assert "“Team” has 3 seats now." in owner.get("/billing/plan").text
    again = owner.post("/billing/plan/team", status=409, **fields_of(shown, "/billing/plan/team"))
    assert "You are on “Team” with 3 seats already." in again.text


class TestWhoWasThereBeforePricesRose:
    """Team costs $149 for whoever comes now; they came when it was $99."""

    @pytest.fixture(autouse=True)
    def shop(self, shop, owner):
        pay(shop, owner, "/billing/plan/team")
        dearer = SMALL.replace('base.usd = { month = "99.00"', 'base.usd = { month = "149.00"')
        apply(shop.session, dearer, now=shop.hand.now)
        shop.session.commit()
        return shop

    def test_their_plan_is_shown_at_their_prices_and_todays_beside_it(self, owner):
        rows = [" ".join(row.split()) for row in owner.get("/billing/plan").html.split("<tr")]

        [theirs] = [row for row in rows if "Yours" in row]
        [todays] = [row for row in rows if "as it is today" in row and "Choose" in row]
        assert "$99.00 a month" in theirs
        assert "$149.00 a month" in todays

    def test_what_is_new_in_another_currency_is_no_other_offer_to_them(self, shop, owner):
        other = SMALL.replace('base.eur = { month = "95.00"', 'base.eur = { month = "145.00"')
        apply(shop.session, other, now=shop.hand.now)
        shop.session.commit()

        assert "as it is today" not in owner.get("/billing/plan").text

    def test_more_seats_leave_their_prices_alone(self, shop, owner):
        shown = owner.get("/billing/plan/team?seats=3")
        assert "Team, base fee$99.00 a month" in shown.text
        assert "at the prices that you have" in shown.text
        assert "begin anew" not in shown.text

        before = shop.current().plan_version_id
        owner.post("/billing/plan/team", status=303, **fields_of(shown, "/billing/plan/team"))

        assert (shop.current().plan_version_id, shop.current().seats) == (before, 3)
        amounts = sorted(item["price"]["unit_amount"] or 0 for item in shop.at_stripe()["items"]["data"])
        assert (900 in amounts, 9_900 in amounts, 14_900 in amounts) == (True, True, False)

    def test_todays_prices_are_theirs_if_they_ask_for_them(self, shop, owner):
        shown = owner.get("/billing/plan/team?terms=todays")
        assert "Team, base fee$149.00 a month" in shown.text
        assert "at today’s prices, begins at once, instead of the prices that you have" in shown.text

        before = shop.current().plan_version_id
        owner.post("/billing/plan/team", status=303, **fields_of(shown, "/billing/plan/team"))

        assert shop.current().plan_version_id != before


class TestWhoWasToldThatPricesRise:
    """Team is to cost $109 instead of $99; they have three seats of it, of which one is $9."""

    @pytest.fixture
    def announce(self, shop, owner):
        def go(notice_days):
            pay(shop, owner, "/billing/plan/team?seats=3")
            dearer = SMALL.replace('base.usd = { month = "99.00"', 'base.usd = { month = "109.00"')
            apply(shop.session, dearer, now=shop.hand.now, is_moving=True, notice_days=notice_days)
            moving.carry_on(shop.session, now=shop.hand.now)
            shop.session.commit()
            return shop.current().next_plan_version_id

        return go

    def ask(self, owner, seats):
        shown = owner.get(f"/billing/plan/team?seats={seats}")
        owner.post("/billing/plan/team", status=303, **fields_of(shown, "/billing/plan/team"))
        return shown.text

    def test_fewer_seats_from_then_on_come_at_the_prices_that_hold_then(self, shop, owner, announce):
        dearer = announce(0)

        text = self.ask(owner, 2)

        assert "Team, base fee$109.00 a month" in text
        assert (shop.current().next_plan_version_id, shop.current().next_seats) == (dearer, 2)
        shop.wait(seconds=(shop.december - shop.hand.now).total_seconds() + 60)
        assert 10_900 in [item["price"]["unit_amount"] for item in shop.at_stripe()["items"]["data"]]

    def test_more_seats_now_show_what_they_will_cost_then_and_change_nothing_of_it(self, shop, owner, announce):
        dearer = announce(0)

        text = self.ask(owner, 4)

        assert "Team, base fee$99.00 a month" in text
        assert "as announced" in text
        assert "$109.00 a month" in text
        held = shop.current()
        assert (held.seats, held.next_seats, held.next_plan_version_id) == (4, 4, dearer)
        assert (held.next_at, held.next_by) == (shop.december, "operator")

    def test_seats_do_not_make_the_notice_begin_anew(self, shop, owner, announce):
        dearer = announce(35)
        january = shop.current().next_at
        assert january > shop.december

        self.ask(owner, 2)
        assert shop.current().next_plan_version_id != dearer
        shop.wait(seconds=(shop.december - shop.hand.now).total_seconds() + 60)
        succession.apply_due(shop.session, now=shop.hand.now)
        moving.carry_on(shop.session, now=shop.hand.now)

        held = shop.current()
        assert (held.seats, held.next_plan_version_id, held.next_at) == (2, dearer, january)
