"""Test and live mode of Stripe are kept apart, taxes are Stripe's, and currencies never meet."""

import re

import pytest
from sqlmodel import Session

from app.billing import modes, stripe_api
from app.billing.models import Invoice
from app.core.errors import Conflict
from tests.billing.visitor import agree, fields_of, pay

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_live_key_beside_test_subscriptions_is_refused_until_they_are_ended(till):
    till.subscribe("team")
    modes.check(till.session, "test")

    with pytest.raises(Conflict, match="The key is of Stripe’s live mode, and 1 subscription here of its test mode"):
        modes.check(till.session, "live")

    assert modes.leave(till.session, "live", now=till.hand.now) == 0
    assert modes.leave(till.session, "test", now=till.hand.now) == 1
    till.session.commit()
    assert till.plan() == "free"
    modes.check(till.session, "live")


def test_pages_refuse_to_ask_stripe_with_the_other_modes_key(shop, owner, monkeypatch):
    pay(shop, owner, "/billing/plan/payg")
    page = owner.get("/billing/")
    monkeypatch.setattr(stripe_api, "from_settings", lambda settings: stripe_api.StripeApi("sk_live_1", mode="live"))

    refused = owner.post("/billing/portal", status=409, **fields_of(page, "/billing/portal"))

    assert "postern stripe leave test" in refused.text


def test_another_currency_is_paid_to_the_end(shop, owner):
    path = "/billing/plan/team?currency=eur"
    assert "€26.65" in owner.get(path).text, "€95 for what is left of November"
    pay(shop, owner, path)
    shop.hear("invoice.")
    shop.work()

    assert shop.current().currency == "eur"
    assert "€26.65" in owner.get("/billing/").text
    assert "To pay on 1 Dec 2026€95.00" in owner.get("/billing/next").text
    fields = fields_of(owner.get("/billing/plan/team?seats=3"), "/billing/plan/team")
    assert fields["currency"] == "eur", "whoever pays in one stays with it"


class TestTaxes:
    @pytest.fixture
    def settings(self, settings):
        return settings.model_copy(update={"stripe_tax": True})

    def test_taxes_are_asked_for_previewed_and_billed(self, shop, owner):
        shop.stand_in.desk.store.set_fact("tax_percent", 20)
        session_id = agree(owner, "/billing/plan/team").location.rsplit("/", 1)[1]
        asked = shop.stand_in.desk.need("checkout.session", session_id)
        assert (asked["automatic_tax"]["enabled"], asked["tax_id_collection"]["enabled"]) == (True, True)
        assert shop.pay(type("Visit", (), {"session_id": session_id})) == ""
        owner.get(f"/billing/return?session_id={session_id}", status=303)
        shop.hear("invoice.")
        shop.work()

        with Session(shop.engine) as session:
            first = session.get(Invoice, shop.at_stripe()["latest_invoice"])
        assert (first.subtotal, first.tax, first.total) == (2777, 555, 3332)
        shown = owner.get("/billing/next").text
        assert "Tax$19.80" in shown
        assert "To pay on 1 Dec 2026$118.80" in shown
        shop.wait(hours=3)
        assert re.search(r"Tax\$\d", owner.get("/billing/plan/team?seats=4").text), "an upgrade's preview has it, too"
