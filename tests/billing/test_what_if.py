"""What if: one's own month on another plan, line by line; and on one's own plan it is the bill."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.billing import gathering, months, what_if
from app.plans import pricing, queries, services
from tests.billing.months_used import BEGINNING, call, price, subscribed
from tests.databases import on_both
from tests.plans.catalogues import choice

MONTH = months.around(BEGINNING)


@pytest.fixture
def on(session, owner, make):
    """On a plan for the whole month, with calls by its price, by an integration's own, and of nothing."""

    def go(slug, **more):
        subscribed(session, owner.organisation, slug, **more)
        key, sampler, special = make.key(owner.organisation), make.integration("sampler"), make.integration("special")
        own = pricing.set_price(
            session, integration=special, tool="", nanos_per_unit=10**9, currency="usd", now=BEGINNING
        )
        for number in range(6):
            at = BEGINNING + timedelta(hours=number)
            call(session, key, sampler, price(session, slug), at=at, bytes_in=90 * number)
            call(session, key, special, own, at=at)
        call(session, key, sampler, price(session, slug), at=BEGINNING, units=0)
        return owner.organisation

    return go


@pytest.mark.parametrize(
    ("slug", "more"), [("payg", {}), ("team", {"interval": "month", "seats": 4})], ids=["payg", "team"]
)
def test_i17_what_if_on_the_present_plan_is_the_statement(session, on, now, slug, more):
    organisation = on(slug, **more)

    compared = what_if.compare(session, organisation, MONTH, queries.newest(session)[slug], now=now)

    assert compared.would == compared.was == gathering.statement_of(session, organisation.id, MONTH)
    assert compared.difference_minor == 0


def test_a_plan_that_never_bills_costs_nothing_and_would_have_refused_what_has_a_price(session, on, now):
    organisation = on("payg")

    compared = what_if.compare(session, organisation, MONTH, queries.newest(session)["free"], now=now)

    assert (compared.would.lines, compared.refused, compared.calls) == ((), 6, 12)
    assert compared.difference_minor == -sum(total.subtotal_minor for total in compared.was.totals)


def test_calls_beyond_what_a_plan_allows_in_a_month_would_have_been_refused(session, on, now):
    organisation = on("payg")
    free = queries.newest(session)["free"]
    small = replace(free, document=replace(free.document, allowances={"calls_per_month": 4}))

    compared = what_if.compare(session, organisation, MONTH, small, now=now)

    assert (compared.priced, compared.beyond, compared.refused) == (6, 2, 8)


def test_i17_what_if_on_the_present_plan_is_the_statement_after_a_change_of_seats(session, on, now):
    at = BEGINNING + timedelta(days=3, minutes=17, seconds=3)
    organisation = on("team", interval="month", seats=2, at=at)
    more = choice(session, "team", now=now, interval="month", seats=9)
    services.change(session, organisation=organisation, choice=more, now=at + timedelta(minutes=5))

    compared = what_if.compare(session, organisation, MONTH, queries.newest(session)["team"], now=now)

    assert [line.kind for line in compared.was.lines if line.fee] == ["base", "seats"]
    assert compared.would == compared.was
    assert compared.difference_minor == 0


def test_another_plan_prices_the_same_calls(session, on, now):
    organisation = on("payg")

    compared = what_if.compare(session, organisation, MONTH, queries.newest(session)["team"], now=now)

    found = {line.description: line.amount_minor for line in compared.would.lines}
    assert found == {
        "Team, per month": 9_900,
        "Team: Calls: bytes": 18,
        "Team: Calls: calls": 1,
        "Integrations with prices of their own": 6,
    }
    assert compared.difference_minor == sum(found.values()) - 2 - 6


@on_both
def test_the_page_says_the_difference_first(owner, on):
    on("payg")

    answer = owner.get("/billing/what-if/?plan=team&month=2026-11")

    assert "Difference +$99.17" in answer.text
    assert "Team: Calls: bytes" in answer.text
    assert "Free would have cost less, but refused 6 of 12 calls" in owner.get("/billing/what-if/?plan=free").text
    assert "this is your plan" in owner.get("/billing/what-if/").text


def test_what_is_not_published_cannot_be_asked_for(owner, outsider, on):
    on("payg")

    owner.get("/billing/what-if/?plan=nothing", status=404)
    owner.get("/billing/what-if/?month=2027-01", status=404)
    assert "special" not in outsider.get("/billing/what-if/?plan=team&month=2026-11").text
