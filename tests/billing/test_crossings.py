"""Which plan is the cheapest from where to where: what the estimates say, at every edge."""

from itertools import pairwise

import pytest

from app.billing import crossings, estimating
from app.core.config import ROOT
from app.plans import reading
from app.plans.models import Plan
from app.plans.queries import Offer
from tests.plans.catalogues import SMALL, apply

PLANS = (ROOT / "plans.toml").read_text()


def offers_of(text):
    return [Offer(Plan(slug=slug), None, said) for slug, said in reading.from_text(text).plans.items()]


def cheapest(offers, calls, currency, interval):
    found = [estimating.estimate(one, {"calls": calls}, currency=currency, interval=interval) for one in offers]
    return estimating.cheapest(found).offer.plan.slug


@pytest.mark.parametrize(("text", "currency", "interval"), [(SMALL, "eur", "year"), (PLANS, "usd", "month")])
def test_each_plan_is_the_cheapest_exactly_where_it_is_said_to_be(text, currency, interval):
    offers = offers_of(text)

    found = crossings.reaches(offers, {}, currency=currency, interval=interval)

    assert (found[0].since, found[-1].until) == (100, 10_000_000)
    assert all(before.until + 1 == after.since for before, after in pairwise(found))
    for reach in found:
        for calls in (reach.since, (reach.since + reach.until) // 2, reach.until):
            assert cheapest(offers, calls, currency, interval) == reach.offer.plan.slug


def test_the_slider_is_cut_into_equal_factors():
    assert [crossings.percent(calls) for calls in (1, 100, 1000, 10_000_000, 10**9)] == [
        "0.00%", "0.00%", "20.00%", "100.00%", "100.00%",
    ]  # fmt: skip


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_page_says_from_where_on_which_plan_is_the_cheapest(browse, session, now):
    apply(session, now=now)

    page = browse.get("/pricing?calls=5000")

    assert "Free to 1,000" in page.text
    assert "Pay as you go 1,001 to 19,803" in page.text
    assert "Team from 19,804" in page.text


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_whatever_plans_charge_for_can_be_guessed(browse, session, now):
    lines = 'max_per_call = { tokens_out = 9000 }\nusd.tokens_out = { each = "2.00", per = 1000000 }\n'
    text = SMALL.replace('["usd", "eur"]', '["usd"]')
    text = "\n".join(line for line in text.splitlines() if "eur" not in line)
    apply(session, text.replace('label = "Calls"\n', f'label = "Calls"\n{lines}', 1), now=now)

    page = browse.get("/pricing?calls=0&tokens_out=500,000")

    assert "Thousand tokens out a month" in page.text
    assert "$1,000.00 a month" in page.text, "500 million tokens at two dollars a million"
