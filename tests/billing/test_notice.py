"""Customers see what is planned for their plan, above the pages of billing and nowhere else."""

import pytest

from app.plans import services
from tests.plans.catalogues import SMALL, apply, choice

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
DEARER = SMALL.replace('base.usd = { month = "99.00"', 'base.usd = { month = "109.00"')


def test_a_move_is_announced_on_the_pages_of_billing(session, owner, member, outsider, now):
    apply(session, now=now)
    chosen = choice(session, "team", now=now)
    services.subscribe(session, organisation=owner.organisation, choice=chosen, now=now)
    assert "changes on" not in owner.get("/billing/plan").text

    apply(session, DEARER, now=now, is_moving=True, notice_days=30)

    for browser in (owner, member):
        for path in ("/billing/", "/billing/plan"):
            page = browser.get(path)
            assert "“Team” changes on 1 Jan 2027" in page.text
            assert "Base fee a month: $99.00 → $109.00" in page.text
            assert "eur" not in page.text.partition("Until then nothing changes")[0].partition("changes on")[2]
    assert "changes on" not in owner.get("/keys/").text
    assert "changes on" not in outsider.get("/billing/plan").text


def test_a_move_that_was_taken_back_is_announced_no_more(session, owner, now):
    apply(session, now=now)
    chosen = choice(session, "team", now=now)
    services.subscribe(session, organisation=owner.organisation, choice=chosen, now=now)
    apply(session, DEARER, now=now, is_moving=True, notice_days=30)

    apply(session, now=now)

    assert "changes on" not in owner.get("/billing/plan").text
