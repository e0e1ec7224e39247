"""Which price holds for a call: exactly one, the most specific, of the plan that is in force at that moment."""

from datetime import datetime, timedelta
from itertools import product
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.plans import prices, services, stretches, succession
from app.plans.prices import Price, PriceBook
from app.plans.stretches import Stretch
from tests.conftest import NOW
from tests.plans.catalogues import apply, choice

ORGANISATION, OTHER, X, Y, PLAN, NEXT = (UUID(int=number) for number in range(1, 7))
LONG_AGO = NOW - timedelta(days=400)


def a_price(integration_id, tool, *, plan=None, currency="usd", at=LONG_AGO):
    version_id = UUID(int=hash((integration_id, tool, plan, currency, at)) % 2**100)
    return Price(version_id, integration_id, tool, currency, 1, 1, at, plan)


ON_PLAN = (Stretch(LONG_AGO, PLAN, "usd"),)


def a_book(found, theirs=ON_PLAN, usual=()):
    book = PriceBook()
    book.put(found, integration_ids={price.integration_id for price in found if price.integration_id})
    book.put_plans(found, usual=usual)
    book.put_subscriptions({ORGANISATION: theirs})
    return book


PLACES = [(X, "a"), (X, ""), (Y, "a"), (Y, ""), (None, "")]
EVERY = [a_price(*place, plan=plan) for plan, place in product((PLAN, None), PLACES) if plan or place[0]]


@given(st.sets(st.sampled_from(EVERY)), st.sampled_from([X, Y]), st.sampled_from(["a", "b"]))
def test_b3_a_call_has_exactly_one_price_the_most_specific(found, integration_id, tool):
    there = {(price.plan_version_id, price.integration_id, price.tool): price for price in found}
    order = [(PLAN, integration_id, tool), (PLAN, integration_id, "")]
    order += [(None, integration_id, tool), (None, integration_id, ""), (PLAN, None, "")]

    price = a_book(found).price_of(ORGANISATION, integration_id, tool, NOW).price

    assert price == next((there[place] for place in order if place in there), None)


def test_a_plans_price_is_for_those_who_are_on_it():
    book = a_book([a_price(None, "", plan=PLAN)])

    assert book.price_of(ORGANISATION, X, "a", NOW).price is not None
    assert book.price_of(OTHER, X, "a", NOW).price is None


def test_b21_the_next_plan_holds_from_its_very_moment():
    at = NOW + timedelta(hours=1)
    theirs = (Stretch(LONG_AGO, PLAN, "usd"), Stretch(at, NEXT, "usd"))
    mine, following = a_price(None, "", plan=PLAN), a_price(None, "", plan=NEXT)
    book = a_book([mine, following], theirs)

    assert book.price_of(ORGANISATION, X, "a", at - timedelta(microseconds=1)) == (mine, "usd", at)
    assert book.price_of(ORGANISATION, X, "a", at) == (following, "usd", None)


def test_who_has_no_subscription_is_on_the_default_plan():
    usual = (Stretch(LONG_AGO, PLAN, ""), Stretch(NOW, NEXT, ""))
    book = a_book([a_price(X, "")], (), usual)

    assert book.price_of(ORGANISATION, X, "a", NOW - timedelta(seconds=1)).until == NOW
    assert book.price_of(ORGANISATION, X, "a", NOW).currency == ""


def test_a_plans_price_is_the_one_of_the_organisations_currency():
    dollars, euros = (a_price(None, "", plan=PLAN, currency=currency) for currency in ("usd", "eur"))
    book = a_book([dollars, euros], (Stretch(LONG_AGO, PLAN, "eur"),))

    assert book.price_of(ORGANISATION, X, "a", NOW) == (euros, "eur", None)


def test_a_book_is_what_the_database_says(session, make, now):
    apply(session, now=now)
    organisation, integration = make.organisation(), make.integration()
    succession.enrol(session, now=now)
    later = now + timedelta(hours=1)
    services.change(session, organisation=organisation, choice=choice(session, "payg", now=now), now=later)
    services.cancel(session, organisation=organisation, reason="", now=later)
    book = PriceBook()
    book.put_plans(prices.every(session), usual=stretches.usual(session))
    book.put_subscriptions(stretches.of_organisations(session, now=later))
    december = datetime(2026, 12, 1, tzinfo=now.tzinfo)

    def price_at(moment):
        return book.price_of(organisation.id, integration.id, "greet", moment)

    assert price_at(now) == (None, "", later)
    assert (price_at(later).price.ceiling_nanos, price_at(later).until) == (2_000_000_000, december)
    assert price_at(december) == (None, "usd", None)
    fresh = stretches.of_organisations(session, [organisation.id, OTHER], now=later + timedelta(days=3))
    assert [stretch.effective_at for stretch in fresh[organisation.id]] == [later, december]
    assert fresh[OTHER] == ()
