"""The next invoice is shown as Stripe will send it; and up to when both sides agree."""

import re

import pytest

from app.billing.delivery import _send
from app.billing.reconcile_models import Agreed
from app.billing.usage_models import LATE, WAITING, StripeOutbox
from tests.billing.lived import Lived
from tests.billing.visitor import pay
from tests.plans.catalogues import SMALL, apply
from tests.sandbox.stripe import shop as stripe_shop

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_the_next_bill_equals_what_stripe_then_sends(shop, owner):
    pay(shop, owner, "/billing/plan/payg")
    [meter] = [one for one in shop.stand_in.desk.store.all("billing.meter") if one["event_name"].endswith("calls")]
    at = int(shop.hand.now.timestamp())
    stripe_shop.use(shop.stand_in, shop.account().customer_id, 7, meter["event_name"], timestamp=at)

    text = owner.get("/billing/next").text

    shown = re.search(r"To pay on 1 Dec 2026\s*(\$[\d.]+)", text)[1]
    shop.wait_until_december()
    shop.wait(hours=2)
    invoice = shop.stand_in.client.v1.invoices.list({"customer": shop.account().customer_id}).data[0]
    assert (shown, invoice.total) == ("$0.06", 6)


def test_what_is_missing_up_to_a_minimum_is_in_it_as_what_we_add(shop, owner, settings, make):
    least = SMALL.replace("free = 3, graduated", 'free = 3, minimum = "5.00", graduated')
    apply(shop.session, least, now=shop.hand.now)
    pay(shop, owner, "/billing/plan/payg")
    lived, sampler = Lived(shop, settings, make), make.integration("sampler")
    shop.session.commit()
    lived.call(owner.organisation, sampler, times=7)
    lived.work()

    text = owner.get("/billing/next").text

    upgrading = owner.get("/billing/plan/team").text
    assert "“Pay as you go” costs at least. The missing $4.94 is added to this month’s invoice." in upgrading
    assert re.search(r"To pay on 1 Dec 2026\s*\$5\.00", text)
    assert re.search(r"up to the least of a month, November 2026 added by us [\w ]+\s*\$4\.94", text)
    lived.pass_month()
    [invoice] = shop.stand_in.client.v1.invoices.list({"customer": shop.account().customer_id, "limit": 1}).data
    assert (invoice.total, invoice.status) == (500, "paid")


def test_late_usage_that_waits_for_an_invoice_is_in_it(shop, owner):
    pay(shop, owner, "/billing/plan/payg")
    november = shop.hand.now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    row = StripeOutbox(
        mode="test",
        organisation_id=owner.organisation.id,
        customer_id=shop.account().customer_id,
        event_name="late_postern_own_usd",
        kind=LATE,
        identifier="p-late",
        first_seq=1,
        last_seq=2,
        month_at=november,
        value=7,
        currency="usd",
        state=WAITING,
        at=shop.hand.now,
        due_at=shop.hand.now,
        created_at=shop.hand.now,
    )
    shop.session.add(row)
    shop.session.commit()

    text = owner.get("/billing/next").text

    assert re.search(r"Late usage of November 2026 added by us [\w ]+\s*\$0\.07", text)
    assert re.search(r"To pay on 1 Dec 2026\s*\$0\.07", text)
    _send(shop.api, row)  # and nothing was heard of it
    shop.wait(minutes=1)
    again = owner.get("/billing/next").text
    assert "added by us" not in again
    assert re.search(r"To pay on 1 Dec 2026\s*\$0\.07", again)


def test_what_stripe_is_told_as_money_is_a_name_and_an_amount_and_what_it_counts_keeps_its_count(shop, owner):
    pay(shop, owner, "/billing/plan/payg")
    names = [one["event_name"] for one in shop.stand_in.desk.store.all("billing.meter")]
    at, customer = int(shop.hand.now.timestamp()), shop.account().customer_id
    own = next(name for name in names if name == "postern_own_usd")
    stripe_shop.use(shop.stand_in, customer, 335_331_000, own, timestamp=at)
    stripe_shop.use(shop.stand_in, customer, 7, next(name for name in names if name.endswith("calls")), timestamp=at)

    text = owner.get("/billing/next").text

    assert re.search(r"(?<![×\d] )Integrations with prices of their own\s*\$3\.35", text)
    assert "335331000" not in text
    assert "minor units" not in text
    assert re.search(r"\d+ × Pay as you go", text)
    shop.wait_until_december()
    invoice = shop.stand_in.client.v1.invoices.list({"customer": customer}).data[0]
    assert "335331000 millionths of a cent × Integrations with prices of their own (at 0.00000001 USD / month)" in [
        line.description for line in invoice.lines.data
    ], "what the customer reads on Stripe's own invoice"


def test_without_a_subscription_no_bill_is_coming(shop, owner):
    assert "No invoice is coming" in owner.get("/billing/next").text
    assert "/billing/next" not in owner.get("/billing/").html


def test_customers_see_up_to_when_stripe_and_the_ledger_agree(shop, owner, session, now):
    pay(shop, owner, "/billing/plan/payg")
    assert "Not reconciled yet" in owner.get("/billing/").text

    session.add(Agreed(organisation_id=owner.organisation.id, mode="test", seq=7, at=now))
    session.commit()

    for path in ("/billing/", "/billing/months/2026-11"):
        assert "Reconciled up to 22 Nov 2026 14:03 UTC" in owner.get(path).text
