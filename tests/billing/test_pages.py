"""Pages of plans and paying: every amount is shown before anybody agrees, and what was agreed to holds at once."""

import re

import pytest

from app.billing.models import PAST_DUE, UNPAID, Invoice
from tests.billing.visitor import agree, fields_of, pay
from tests.databases import on_both
from tests.plans.catalogues import apply


@on_both
def test_pricing_shows_every_published_plan_to_anybody(browse, session, now):
    apply(session, now=now)

    text = browse.get("/pricing").text

    assert all(name in text for name in ("Free", "Pay as you go", "Team"))


def test_pricing_prices_a_guess_as_a_bill_would(browse, session, now):
    apply(session, now=now)

    text = browse.get("/pricing?calls=1%2C003&currency=usd").text

    # 3 are free, 2 cost $0.02, and 998 cost $0.01.
    assert "$10.02 a month" in text
    assert "Stops at 1,000 calls a month" in text
    assert "$104.02 a month" in text, "$99 and 1,003 × $0.005, half up"


def test_pricing_by_the_year_shows_what_a_month_of_it_is(browse, session, now):
    apply(session, now=now)

    text = browse.get("/pricing?calls=0&interval=year&currency=eur").text

    assert "€79.17 a month" in text
    assert "€950.00 a year" in text


@pytest.mark.parametrize(
    ("calls", "words"),
    [
        ("-1", "“-1” is not a whole number. Write it in figures, such as 20,000."),
        ("a lot", "“a lot” is not a whole number."),
        ("", "Write it in figures"),
        ("9" * 40, "Write at most 1,000,000,000."),
    ],
)
def test_pricing_says_what_it_cannot_take_for_a_number(browse, session, now, calls, words):
    apply(session, now=now)

    shown = browse.get(f"/pricing?calls={calls}&currency=xxx&interval=day", status=422)

    assert words in shown.text
    assert "the amounts below are for 20,000 calls a month" in shown.text
    assert f'name="calls" inputmode="numeric" autocomplete="off" value="{calls}"' in shown.html


def test_a_currency_that_was_paid_in_cannot_be_changed_and_the_page_says_what_to_do(shop, owner):
    assert "it cannot be changed afterwards" in owner.get("/billing/plan/team?currency=eur").text
    pay(shop, owner, "/billing/plan/payg?currency=eur")
    assert "Spend so far €0.00" in owner.get("/billing/").text

    shown = owner.get("/billing/plan/team?currency=usd")
    assert "pays in euros, and that cannot be changed." in shown.text
    assert "make another organisation" in shown.text


def test_pricing_without_plans_says_so(browse):
    assert "no plans yet" in browse.get("/pricing").text


@on_both
def test_the_first_payment_goes_over_checkout_and_holds_when_one_is_back(shop, owner):
    shown = owner.get("/billing/plan/team?seats=3")
    assert "$27.77" in shown.text, "$99 for what is left of November"
    assert "$30.29" in shown.text, "and a seat"
    assert "You pay today" in shown.text

    assert pay(shop, owner, "/billing/plan/team?seats=3").location == "/billing/plan"

    page = owner.get("/billing/plan")
    assert "You are on “Team”." in page.text
    assert shop.current().seats == 3
    assert "Visa ending in 4242" in owner.get("/billing/").text


def test_a_plan_by_use_asks_for_a_card_and_charges_nothing(shop, owner):
    shown = owner.get("/billing/plan/payg")

    assert "Your card is asked for and nothing is charged" in shown.text
    pay(shop, owner, "/billing/plan/payg")
    assert shop.plan() == "payg"


@on_both
def test_b9_pressing_twice_opens_one_checkout(shop, owner):
    path = "/billing/plan/payg"
    fields = fields_of(owner.get(path), path)

    first, second = owner.post(path, **fields), owner.post(path, **fields)

    assert first.location == second.location
    assert len(shop.stand_in.desk.store.all("checkout.session")) == 1


@on_both
def test_b8_a_second_checkout_makes_the_first_worthless(shop, owner):
    first = agree(owner, "/billing/plan/payg").location.rsplit("/", 1)[1]

    agree(owner, "/billing/plan/team")

    assert shop.stand_in.desk.need("checkout.session", first)["status"] == "expired"


def test_coming_back_unpaid_changes_nothing(shop, owner):
    session_id = agree(owner, "/billing/plan/payg").location.rsplit("/", 1)[1]

    owner.get(f"/billing/return?session_id={session_id}", status=303)

    assert "Nothing was paid" in owner.get("/billing/plan").text
    assert shop.plan() == "free"


def test_another_organisations_payment_is_nothing_to_a_stranger(shop, owner, outsider):
    session_id = agree(owner, "/billing/plan/payg").location.rsplit("/", 1)[1]

    outsider.get(f"/billing/return?session_id={session_id}", status=409)
    outsider.get("/billing/return?session_id=cs_none", status=404)


@on_both
def test_an_upgrade_is_previewed_and_then_costs_exactly_that(shop, owner):
    pay(shop, owner, "/billing/plan/payg")
    shop.wait(hours=3)
    shown = owner.get("/billing/plan/team")
    price = re.search(r"Pay (\$[\d.]+) and change now", shown.text)[1]
    fields = fields_of(shown, "/billing/plan/team")
    shop.wait(minutes=5)

    owner.post("/billing/plan/team", **fields)

    assert shop.plan() == "team"
    invoice = shop.stand_in.client.v1.invoices.list({"customer": shop.account().customer_id}).data[0]
    assert f"${invoice.total // 100}.{invoice.total % 100:02}" == price


def test_amounts_that_were_shown_long_ago_are_not_agreed_to(shop, owner):
    pay(shop, owner, "/billing/plan/payg")
    shop.wait(minutes=1)
    fields = fields_of(owner.get("/billing/plan/team"), "/billing/plan/team")
    shop.wait(hours=1)

    answer = owner.post("/billing/plan/team", status=409, **fields)

    assert "out of date" in answer.text
    assert shop.plan() == "payg"


def test_a_downgrade_is_for_later_and_can_be_taken_back(shop, owner):
    pay(shop, owner, "/billing/plan/team")
    assert "Nothing changes today" in owner.get("/billing/plan/payg").text

    agree(owner, "/billing/plan/payg")

    page = owner.get("/billing/plan")
    assert "“Pay as you go” begins on 1 December 2026." in page.text
    assert shop.plan() == "team"
    owner.post("/billing/resume", **fields_of(page, "/billing/resume"))
    assert "You stay on “Team”." in owner.get("/billing/plan").text
    shop.wait_until_december()
    assert shop.plan() == "team"


@on_both
def test_a_downgrade_happens_when_the_month_is_over(shop, owner):
    pay(shop, owner, "/billing/plan/team")
    agree(owner, "/billing/plan/payg")

    shop.wait_until_december()
    shop.hear("customer.subscription.")
    shop.work()

    assert (shop.plan(), len(shop.at_stripe()["items"]["data"])) == ("payg", 2)


@on_both
def test_cancelling_takes_one_press_and_keeps_the_reason(shop, owner, session):
    pay(shop, owner, "/billing/plan/team")
    assert "fees are paid in advance" in owner.get("/billing/next").text
    shop.wait(minutes=1)
    page = owner.get("/billing/cancel")
    assert "1 Dec 2026" in page.text
    assert "you have paid for it" in page.text

    owner.post("/billing/cancel", **{**fields_of(page, "/billing/cancel"), "reason": "Too dear."})

    shown = owner.get("/billing/plan").text
    assert "ends on 1 December 2026" in shown
    assert "Yours until 1 Dec 2026" in shown
    assert "From 1 Dec 2026" in shown, "the free plan, which need not be chosen any more"
    assert "Agreeing to this takes that back: the plan goes on" in owner.get("/billing/plan/team?seats=3").text
    assert shop.current().cancel_reason == "Too dear."
    assert "Stay on it instead" in owner.get("/billing/").text
    assert "fees are paid in advance" not in owner.get("/billing/next").text, "no fee comes any more"
    assert shop.at_stripe()["cancel_at"] == int(shop.december.timestamp())
    shop.wait_until_december()
    assert shop.plan() == "free"


def test_choosing_the_free_plan_is_cancelling(shop, owner):
    pay(shop, owner, "/billing/plan/team")

    assert owner.get("/billing/plan/free", status=303).location == "/billing/cancel"


def test_seats_beyond_the_included_cost_what_is_shown(shop, owner):
    pay(shop, owner, "/billing/plan/team")
    shop.wait(hours=3)

    assert "2 seats beyond the 2 included" in owner.get("/billing/plan/team?seats=4").text
    agree(owner, "/billing/plan/team?seats=4")

    assert shop.current().seats == 4
    assert sorted(item.get("quantity") or 0 for item in shop.at_stripe()["items"]["data"]) == [0, 0, 1, 2]


def test_a_card_that_is_declined_later_leaves_the_plan_as_it_is(shop, owner):
    pay(shop, owner, "/billing/plan/payg")
    client = shop.stand_in.client.v1
    method = client.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": shop.account().customer_id})
    client.subscriptions.update(shop.current().stripe_id, {"default_payment_method": method.id})
    shop.wait(minutes=1)

    agree(owner, "/billing/plan/team")

    assert "Nothing was changed" in owner.get("/billing/").text
    assert shop.plan() == "payg"


def test_the_portal_of_stripe_is_one_press_away(shop, owner):
    pay(shop, owner, "/billing/plan/payg")
    page = owner.get("/billing/")

    answer = owner.post("/billing/portal", **fields_of(page, "/billing/portal"))

    assert answer.location.startswith(f"{shop.stand_in.url}/p/session/")


@pytest.mark.parametrize(("state", "words"), [(PAST_DUE, "could not be collected"), (UNPAID, "An invoice is unpaid")])
def test_what_is_wrong_stands_above_every_page_with_what_mends_it(shop, owner, member, session, state, words):
    pay(shop, owner, "/billing/plan/payg")
    account = shop.account()
    account.state = state
    session.add(account)
    session.commit()

    page = owner.get("/keys/")

    assert words in page.text
    assert any(form.action == "/billing/portal" for form in page.page.forms)
    assert "Ask an owner" in member.get("/keys/").text


@on_both
def test_an_open_bill_is_what_the_banner_leads_to(shop, owner, session, now):
    pay(shop, owner, "/billing/plan/team")
    shop.hear("invoice.")
    shop.work()
    invoice = session.get(Invoice, shop.at_stripe()["latest_invoice"])
    account = shop.account()
    account.state = UNPAID
    invoice.state = "open"
    session.add_all([account, invoice])
    session.commit()

    assert f'href="{invoice.page_url}"' in owner.get("/home/").html
    assert invoice.number in owner.get("/billing/").text


def test_members_look_and_owners_decide(shop, owner, member):
    assert "Only owners" in member.get("/billing/plan/payg").text

    for path in ("/billing/plan/payg", "/billing/cancel", "/billing/resume", "/billing/portal"):
        member.post(path, status=403)


def test_plans_that_are_not_there_are_not_found(shop, owner):
    owner.get("/billing/plan/none", status=404)


def test_forms_may_lead_to_the_pages_of_stripe(shop, owner):
    policy = owner.get("/billing/plan").headers["Content-Security-Policy"]

    assert f"form-action 'self' {shop.stand_in.url};" in policy
