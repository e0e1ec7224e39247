"""What Stripe billed too high and a credit note took back is settled: promised once, and no finding any more."""

import re

import pytest
from sqlmodel import select

from app.billing import gathering, invoices, months, reconciling
from app.billing.reconcile_models import Finding
from app.billing.usage_models import StripeOutbox
from tests.billing.lived import Lived
from tests.billing.visitor import pay
from tests.sandbox.stripe import shop as stripe_shop

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def lived(shop, settings, make, owner):
    """November with 7 calls, of which Stripe has counted 17."""
    pay(shop, owner, "/billing/plan/payg")
    lived, sampler = Lived(shop, settings, make), make.integration("sampler")
    shop.session.commit()
    lived.call(owner.organisation, sampler, times=7)
    lived.work()
    name = shop.session.exec(select(StripeOutbox.event_name)).one()
    at = int(shop.hand.now.timestamp())
    stripe_shop.use(shop.stand_in, shop.account().customer_id, 10, name, timestamp=at, identifier="more")
    lived.pass_month()
    shop.hear("invoice.")
    shop.work()
    return lived


def reconciled(lived):
    reconciling.run(lived.engine, lived.api, clock=lived.clock)
    lived.session.expire_all()
    return lived.session.exec(select(Finding).where(Finding.ended_at == None)).all()  # noqa: E711  (SQL)


def due(lived, organisation):
    [total] = gathering.statement_of(lived.session, organisation.id, months.named("2026-11", now=lived.now)).totals
    return total.subtotal_minor, sum(one.amount_minor for one in total.credits), total.due_minor


def take_back(lived, invoice, amount):
    lived.api.v1.credit_notes.create({"invoice": invoice.id, "amount": amount, "credit_amount": amount})
    lived.till.hear("credit_note.")
    lived.till.work()


def test_what_was_billed_too_high_comes_back_once(lived, owner, sign_in):
    browser = sign_in(owner.person, owner.organisation)
    [invoice] = [one for one in invoices.of(lived.session, owner.organisation.id, "test", limit=9) if one.total]
    cost, _, _ = due(lived, owner.organisation)
    over = invoice.total - cost
    assert over > 1
    assert "Comes back on a later invoice" in browser.get("/billing/months/2026-11").text

    take_back(lived, invoice, over - 1)
    assert reconciled(lived), "one cent is still over"
    take_back(lived, invoice, 1)

    text = browser.get("/billing/months/2026-11").text
    assert due(lived, owner.organisation) == (cost, 0, cost)
    assert "Comes back on a later invoice" not in text
    assert re.search(rf"Taken back by credit notes\s*[-−–]\$0\.{over:02}", text)
    assert reconciled(lived) == []

    take_back(lived, invoice, 2)
    assert due(lived, owner.organisation) == (cost, 2, cost - 2), "goodwill lowers what is to pay"
