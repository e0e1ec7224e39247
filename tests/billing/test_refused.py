"""What Stripe does not accept on the pages of paying."""

from tests.billing.visitor import fields_of


def test_what_stripe_refuses_is_said_in_our_words_with_a_way_back(shop, owner):
    fields = fields_of(owner.get("/billing/plan/team"), "/billing/plan/team")
    shop.stand_in.move(by=86_400)  # beyond what Checkout takes; it stands still, so nothing is understood otherwise

    refused = owner.post("/billing/plan/team", status=422, **fields)

    assert "Stripe did not accept this" in refused.text
    assert "Nothing was charged." in refused.text
    assert "must be between 30 minutes and 24 hours" in refused.text
    assert 'href="/billing/plan"' in refused.html
