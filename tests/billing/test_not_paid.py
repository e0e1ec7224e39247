"""What costs something stops when it is not paid for, and passes again at once when it is."""

from datetime import timedelta

import pytest
from sqlmodel import select

from app.billing import owing_mail
from app.billing.models import OK, PAST_DUE, UNPAID
from app.core import mail_letters
from app.core.config import Settings
from app.core.mail import Mail
from app.limits import entitlements
from app.limits.models import BILLING, LimitRule
from app.plans import owing, services, succession
from tests.billing.visitor import fields_of, pay
from tests.sandbox.stripe import browsing

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
GRACE = timedelta(days=7)


def is_stopped(till):
    till.session.expire_all()
    where = (LimitRule.organisation_id == till.organisation.id, LimitRule.set_by == BILLING)
    found = till.session.exec(select(LimitRule).where(*where)).all()
    assert all((rule.measure, rule.period, rule.most) == ("spend", "month", 0) for rule in found)
    return bool(found)


def work(till):
    """The worker's jobs of this moment."""
    owing.stop_overdue(till.session, grace=GRACE, now=till.hand.now)
    entitlements.apply_due(till.session, now=till.hand.now)
    till.session.commit()


def method(till, name):
    client = till.stand_in.client.v1
    made = client.payment_methods.attach(name, {"customer": till.account().customer_id})
    client.subscriptions.update(till.current().stripe_id, {"default_payment_method": made.id})
    return made.id


@pytest.fixture
def owes(till):
    """Past due since an hour into December, with 198 dollars a month to pay."""
    till.subscribe("team")
    method(till, "pm_card_chargeCustomerFail")
    till.wait_until_december()
    till.wait(hours=2)
    till.synchronise()
    assert till.account().state == PAST_DUE
    return till


def test_a_choice_limits_in_the_same_transaction(till):
    till.subscribe("payg")

    rules = {(rule.measure, rule.period): rule.most for rule in till.session.exec(select(LimitRule))}
    assert rules == {("calls", "minute"): 600}
    assert till.current().limited_at == till.hand.now


def test_calls_go_on_for_the_days_of_grace_and_then_stop(owes):
    work(owes)
    assert not is_stopped(owes)

    owes.hand.moves(days=6, hours=23)
    work(owes)
    assert not is_stopped(owes)

    owes.hand.moves(hours=1)
    work(owes)
    assert is_stopped(owes)
    assert owes.current().state == PAST_DUE


def test_once_stripe_has_given_up_they_stop_at_once(owes):
    owes.wait(days=20)

    owes.synchronise()

    assert (owes.current().state, is_stopped(owes)) == (UNPAID, True)


def test_whoever_pays_goes_on_at_once(owes):
    owes.wait(days=20)
    owes.synchronise()
    invoice = owes.at_stripe()["latest_invoice"]

    owes.stand_in.client.v1.invoices.pay(invoice, {"payment_method": method(owes, "pm_card_visa")})
    owes.hear(("customer.subscription.", "invoice."))
    owes.work()

    assert (owes.current().state, owes.current().stopped_at, is_stopped(owes)) == ("active", None, False)


def test_what_is_owed_stays_owed_when_a_planned_plan_begins(owes):
    since = owes.current().owes_since
    owing.stop_overdue(owes.session, grace=timedelta(), now=owes.hand.now)
    wanted = owes.change("payg").choice
    services.plan_next(owes.session, owes.current(), wanted, at=owes.hand.now, by="customer", now=owes.hand.now)
    succession.apply_due(owes.session, now=owes.hand.now)
    work(owes)

    assert (owes.plan(), owes.current().owes_since, owes.current().state) == ("payg", since, PAST_DUE)
    assert is_stopped(owes)


def test_what_was_cancelled_at_stripe_leaves_the_default_plan_and_nothing_stopped(owes):
    owes.wait(days=20)
    owes.synchronise()
    owes.stand_in.client.v1.subscriptions.cancel(owes.current().stripe_id)

    owes.synchronise()

    assert (owes.plan(), is_stopped(owes)) == ("free", False)
    rules = {(rule.measure, rule.period): rule.most for rule in owes.session.exec(select(LimitRule))}
    assert rules["spend", "month"] == 0, "the free plan spends nothing either"


def test_mail_says_it_once_when_it_begins_and_once_when_calls_stop(owes, make):
    make.membership(owes.organisation, make.person(email="olive@acme.example"), role="owner")
    for _ in range(2):
        owing_mail.tell_due(owes.session, grace=GRACE, mode="test", now=owes.hand.now)
    owes.hand.moves(days=8)
    work(owes)
    for _ in range(2):
        owing_mail.tell_due(owes.session, grace=GRACE, mode="test", now=owes.hand.now)

    letters = owes.session.exec(select(Mail).order_by(Mail.queued_at, Mail.recipient)).all()
    titles = {(letter.recipient, letter.context["title"]) for letter in letters}
    assert len(titles) == len(letters)
    assert {title for to, title in titles if to == "olive@acme.example"} == {
        "An invoice could not be collected",
        "An invoice is unpaid, and calls are stopped",
    }
    assert "Until 8 December 2026 your calls go on" in letters[0].context["text"]
    settings = Settings(portal_url="https://portal.example")
    for letter in letters:
        said = mail_letters.write(letter.template, letter.context, settings)
        assert "https://portal.example/billing/" in said.text
        assert said.subject.startswith("Acme: An invoice")


def test_the_card_that_paid_what_another_did_not_is_charged_from_then_on_and_is_the_one_that_is_shown(till):
    visit = till.visit("payg")
    assert till.pay(visit, card="later") == ""
    till.come_back(visit)
    client, customer = till.stand_in.client.v1, till.account().customer_id
    client.invoice_items.create({"customer": customer, "currency": "usd", "amount": 500})
    till.wait_until_december()
    till.wait(hours=2)
    [declined] = client.invoices.list({"customer": customer, "status": "open"}).data
    till.hear()
    till.work()
    assert (till.account().state, till.account().card) == (PAST_DUE, "Visa ending in 0341, until 12/2034")

    browsing.send(till.stand_in, f"/i/{declined.id}/pay", card="accepted")
    till.hear()
    till.work()

    shown = till.account().card
    till.upgrade("team")
    assert (till.account().state, shown, till.plan()) == (OK, "Visa ending in 4242, until 12/2034", "team")


def test_the_card_of_the_subscription_is_shown_before_the_customers_own(till):
    till.subscribe("payg")
    method(till, "pm_card_chargeCustomerFail")
    other = till.stand_in.client.v1.payment_methods.attach(
        "pm_card_mastercard", {"customer": till.account().customer_id}
    )
    settings = {"default_payment_method": other.id}
    till.stand_in.client.v1.customers.update(till.account().customer_id, {"invoice_settings": settings})

    till.synchronise()
    till.hear("customer.updated")
    till.work()

    assert till.account().card.startswith("Visa ending in 0341")


def test_a_paused_plan_is_resumed_before_it_is_changed(shop, owner):
    pay(shop, owner, "/billing/plan/payg")
    look = owner.get("/billing/plan/team")
    shop.stand_in.client.v1.subscriptions.pause(shop.current().stripe_id, {"type": "subscription"})
    shop.synchronise()

    refused = owner.post("/billing/plan/team", status=409, **fields_of(look, "/billing/plan/team"))
    shown = owner.get("/billing/")

    assert "is paused. Resume it" in refused.text
    assert "There is no card" not in shown.text
    assert (shop.plan(), shop.at_stripe()["status"], is_stopped(shop)) == ("payg", "paused", True)

    owner.post("/billing/unpause", **fields_of(shown, "/billing/unpause"))

    assert (shop.current().state, shop.at_stripe()["status"], is_stopped(shop)) == ("active", "active", False)
    assert "/billing/unpause" not in owner.get("/billing/").html


def test_without_a_card_a_paused_plan_asks_for_one_and_does_not_go_on(shop, owner, session):
    pay(shop, owner, "/billing/plan/payg")
    shop.stand_in.client.v1.subscriptions.pause(shop.current().stripe_id, {"type": "subscription"})
    shop.synchronise()
    fields = fields_of(owner.get("/billing/"), "/billing/unpause")
    account = shop.account()
    account.card = ""
    session.add(account)
    session.commit()

    shown = owner.get("/keys/")
    refused = owner.post("/billing/unpause", status=409, **fields)

    assert "There is no card" in shown.text
    assert [form.action for form in shown.page.forms if "/billing/" in form.action] == ["/billing/portal"]
    assert "Give one on the page" in refused.text
    assert shop.at_stripe()["status"] == "paused"
