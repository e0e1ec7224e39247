"""A month's bill as lines: pure, in integers, each rounded once, and the same however it was used."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.billing import fees, statement
from app.billing.bill import Credit, Priced, Stay
from app.plans import amounts, rating
from app.plans.rating import GRADUATED, PACKAGE, PER_UNIT, VOLUME, Scheme, Tier
from tests.plans.test_rating import quantities, schemes

BEGINS, ENDS = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
CENT = 10**9
SCHEMES = (
    Scheme(nanos=250_000_000),
    Scheme(nanos=1_000_000, free=1000),
    Scheme(GRADUATED, tiers=(Tier(10, 500_000_001, 7), Tier(None, 250_000_000)), free=3),
    Scheme(VOLUME, tiers=(Tier(10, 500_000_000), Tier(None, 250_000_000))),
    Scheme(PACKAGE, nanos=CENT, package=7, free=2),
    Scheme(nanos=1, minimum_nanos=5 * CENT),
)


def priced(number=1, scheme=SCHEMES[0], **more):
    return Priced(
        UUID(int=number << 96), f"Price {number}", **{"currency": "usd", "schemes": {"calls": scheme}, **more}
    )


def bill(prices, quantities, **more):
    return statement.of_month(begins_at=BEGINS, ends_at=ENDS, priced=prices, quantities=quantities, **more)


def stay(begins=BEGINS, ends=None, *, interval="month", anchor=BEGINS, base=9_900, seat=900, extra=0):
    return Stay(UUID(int=9), UUID(int=8), "Team", "usd", interval, begins, ends, anchor, base, seat, extra)


def moment(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def month_of(text):
    begins = moment(f"{text}-01")
    return {
        "begins_at": begins,
        "ends_at": begins.replace(year=begins.year + begins.month // 12, month=begins.month % 12 + 1),
    }


@pytest.mark.parametrize(("quantity", "minor"), [(1, 0), (2, 1), (5, 1), (6, 2), (10, 3)])
def test_a_line_is_rounded_once_and_half_up(quantity, minor):
    [line] = bill([priced()], {priced().version_id: {"calls": quantity}}).lines

    assert (line.nanos, line.amount_minor) == (quantity * 250_000_000, minor)


def test_a_currency_without_decimals_is_rounded_to_its_whole_unit():
    yen = priced(currency="jpy", scheme=Scheme(nanos=CENT // 2))

    [total] = bill([yen], {yen.version_id: {"calls": 3}}).totals

    assert (total.currency, total.subtotal_minor, total.due_minor) == ("jpy", 2, 2)


def test_currencies_are_never_added_up():
    dollars, euros = priced(1), priced(2, currency="eur")
    used = {one.version_id: {"calls": 8} for one in (dollars, euros)}

    assert [(one.currency, one.due_minor) for one in bill([dollars, euros], used).totals] == [("eur", 2), ("usd", 2)]


def test_b16_corrections_below_zero_cost_nothing_and_are_clamped_once():
    [line] = bill([priced()], {priced().version_id: {"calls": -3}}).lines

    assert (line.quantity, line.nanos, line.amount_minor) == (-3, 0, 0)


@pytest.mark.parametrize("scheme", SCHEMES, ids=[f"{scheme.kind}-{number}" for number, scheme in enumerate(SCHEMES)])
def test_b17_a_month_without_use_costs_its_minimum_and_nothing_else(scheme):
    found = bill([priced(scheme=scheme)], {})

    assert sum(one.due_minor for one in found.totals) == scheme.minimum_nanos // CENT


@given(schemes(), quantities)
def test_i10_a_month_costs_its_use_or_its_minimum_whichever_is_more(scheme, quantity):
    lines = bill([priced(scheme=scheme)], {priced().version_id: {"calls": quantity}}).lines

    assert sum(line.amount_minor for line in lines) == amounts.to_minor(rating.rate(quantity, scheme))
    assert all(line.amount_minor == amounts.to_minor(line.nanos) >= 0 for line in lines)


def test_what_is_used_counts_towards_a_minimum():
    least = priced(scheme=Scheme(nanos=CENT, minimum_nanos=5 * CENT))

    lines = bill([least], {least.version_id: {"calls": 2}}).lines

    assert [(line.kind, line.amount_minor) for line in lines] == [("usage", 2), ("minimum", 3)]


def test_integrations_own_prices_are_one_line_that_is_rounded_once():
    own = [priced(number, is_own=True, scheme=Scheme(nanos=CENT // 4)) for number in (1, 2)]

    [line] = bill(own, {one.version_id: {"calls": 1} for one in own}).lines

    assert (line.key, line.amount_minor, [part.nanos for part in line.parts]) == ("own-usd", 1, [CENT // 4] * 2)


def test_what_a_prepaid_plan_charges_is_taken_from_credit():
    prepaid = priced(is_prepaid=True, scheme=Scheme(nanos=CENT))

    [total] = bill([prepaid], {prepaid.version_id: {"calls": 7}}).totals

    assert (total.subtotal_minor, total.due_minor) == (7, 0)


@given(
    prices=st.lists(st.integers(0, 3 * CENT), min_size=1, max_size=3),
    used=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=3, max_size=3),
    plan_calls=st.integers(0, 9),
)
def test_b7_what_own_prices_took_from_credit_is_not_due_and_the_rest_is_as_it_would_be_alone(prices, used, plan_calls):
    own = [priced(number, Scheme(nanos=nanos), is_own=True) for number, nanos in enumerate(prices, 1)]
    prepaid = priced(9, Scheme(nanos=CENT // 3), is_prepaid=True)
    quantities = {one.version_id: {"calls": sum(counts)} for one, counts in zip(own, used, strict=False)}
    taken = {one.version_id: {"calls": counts[0]} for one, counts in zip(own, used, strict=False)}
    rest = {one.version_id: {"calls": counts[1]} for one, counts in zip(own, used, strict=False)}

    found = bill([prepaid, *own], {**quantities, prepaid.version_id: {"calls": plan_calls}}, taken=taken).totals
    alone = bill(own, rest).totals

    assert [one.due_minor for one in found] == [one.due_minor for one in alone] or sum(
        one.due_minor for one in found
    ) == 0
    assert all(
        sum(one.amount_minor for one in total.credits) + total.due_minor == total.subtotal_minor for total in found
    )


@given(
    subtotal=st.integers(-100, 10_000),
    credit=st.lists(st.integers(0, 8_000), max_size=4),
)
def test_b7_credit_and_what_is_due_add_up_to_the_whole(subtotal, credit):
    total = statement.settled("usd", subtotal, [Credit("Gift", "usd", amount) for amount in credit])

    assert sum(one.amount_minor for one in total.credits) + total.due_minor == subtotal
    assert total.due_minor >= min(0, subtotal)
    assert total.due_minor <= 0 or sum(one.amount_minor for one in total.credits) == sum(credit)


@settings(max_examples=60)
@given(
    used=st.lists(st.tuples(st.sampled_from(SCHEMES), st.integers(0, 3_000), st.booleans()), min_size=1, max_size=6),
    order=st.randoms(use_true_random=False),
)
def test_i9_lines_add_up_in_any_order(used, order):
    prices = [priced(number, scheme, is_own=own) for number, (scheme, _, own) in enumerate(used, 1)]
    quantities = {one.version_id: {"calls": quantity} for one, (_, quantity, _) in zip(prices, used, strict=True)}
    found = bill(prices, quantities)
    shuffled = order.sample(found.lines, len(found.lines))

    assert sum(line.amount_minor for line in shuffled) == sum(one.subtotal_minor for one in found.totals)
    assert statement.totals(shuffled) == found.totals
    assert bill(order.sample(prices, len(prices)), quantities).totals == found.totals
    assert all(type(line.amount_minor) is int and line.amount_minor >= 0 for line in found.lines)


def test_a_month_on_a_plan_costs_its_fee_and_its_further_seats():
    lines = bill([], {}, stays=[stay(extra=2)]).lines

    assert [(line.kind, line.quantity, line.amount_minor) for line in lines] == [
        ("base", 1, 9_900),
        ("seats", 2, 1_800),
    ]


def test_b15_a_fee_after_an_upgrade_is_a_part_of_the_full_month():
    at = datetime(2026, 11, 22, tzinfo=UTC)

    lines = bill([], {}, stays=[stay(at, base=3_000, seat=100, extra=3)]).lines

    assert [(line.kind, line.quantity, line.amount_minor) for line in lines] == [("base", 1, 900), ("seats", 3, 90)]


@pytest.mark.parametrize("day", [1, 2, 10, 30])
def test_parts_of_a_month_add_up_to_its_fee(day):
    at = datetime(2026, 11, day, 7, 30, tzinfo=UTC)

    lines = bill([], {}, stays=[stay(BEGINS, at), stay(at)]).lines

    assert sum(line.amount_minor for line in lines) == 9_900


def test_a_fee_that_seats_did_not_change_is_one_line_as_on_stripes_invoice():
    begun, more = datetime(2026, 11, 23, 0, 17, 3, tzinfo=UTC), datetime(2026, 11, 23, 0, 22, tzinfo=UTC)

    lines = bill([], {}, stays=[stay(begun, more), replace(stay(more, extra=10), subscription_id=UUID(int=7))]).lines

    assert [(line.kind, line.quantity, line.amount_minor) for line in lines] == [
        ("base", 1, 2_636),
        ("seats", 10, 2_395),
    ]
    assert (lines[0].begins_at, lines[0].ends_at) == (begun, ENDS)
    assert lines[0].key == fees.lines(stay(begun, more), begins_at=BEGINS, ends_at=ENDS)[0].key


@pytest.mark.parametrize(
    "changed", [{"base_minor": 9_800}, {"plan_version_id": UUID(int=5)}, {"begins_at": BEGINS.replace(day=20)}]
)
def test_a_fee_that_changed_or_stopped_between_is_two_lines(changed):
    at = datetime(2026, 11, 10, tzinfo=UTC)

    assert len(bill([], {}, stays=[stay(BEGINS, at), replace(stay(at), **changed)]).lines) == 2


def test_seats_that_change_within_a_year_leave_its_fee_alone():
    at = moment("2027-02-01")
    year = stay(ends=at, interval="year", base=99_000, seat=9_000)
    stays = [year, replace(year, begins_at=at, ends_at=None, seats_extra=1)]

    found = statement.of_month(**month_of("2027-02"), priced=[], quantities={}, stays=stays).lines

    assert [(line.kind, line.quantity) for line in found] == [("seats", 1)]


def test_a_year_is_billed_in_the_month_that_it_begins_in():
    year = stay(interval="year", base=99_000, seat=0)

    found = {
        name: [line.amount_minor for line in fees.lines(year, **month_of(name))]
        for name in ("2026-10", "2026-11", "2026-12", "2027-11")
    }

    assert found == {"2026-10": [], "2026-11": [99_000], "2026-12": [], "2027-11": [99_000]}


def test_a_year_that_ends_early_gives_back_what_was_not_used_and_leaves_the_first_bill_alone():
    year = stay(interval="year", base=99_000, seat=0, ends=moment("2027-02-01"))

    [first] = fees.lines(year, **month_of("2026-11"))
    [back] = fees.lines(year, **month_of("2027-02"))

    assert first.amount_minor == 99_000
    assert back.amount_minor == -(99_000 - 99_000 * 92 // 365) - 1 or back.amount_minor == -(
        99_000 - 99_000 * 92 // 365
    )
    assert (back.kind, back.fee.is_back, back.key.endswith("-back")) == ("base", True, True)


def test_two_metrics_of_a_charge_that_stripe_can_rate_are_two_lines():
    both = priced(schemes={"calls": Scheme(nanos=CENT), "bytes": Scheme(PACKAGE, nanos=CENT, package=100)})

    lines = bill([both], {both.version_id: {"calls": 2, "bytes": 101}}).lines

    assert [(line.metric, line.quantity, line.amount_minor) for line in lines] == [("bytes", 101, 2), ("calls", 2, 2)]


def test_a_charge_that_stripe_cannot_rate_is_one_line_of_money():
    odd = priced(schemes={"calls": Scheme(PER_UNIT, nanos=CENT // 2), "bytes": SCHEMES[4]})

    [line] = bill([odd], {odd.version_id: {"calls": 1, "bytes": 3}}).lines

    assert (line.key.partition("-")[2], line.metric, line.nanos, line.amount_minor) == ("amount", "", CENT * 3 // 2, 2)
