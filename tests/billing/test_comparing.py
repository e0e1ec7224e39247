"""Comparing finds every drift of one unit, and none where there is none (I15)."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.billing import comparing
from app.billing.comparing import Billed, Books, Window

NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)


@st.composite
def sound_books(draw):
    step = draw(st.sampled_from([1, 1000, 10**9]))
    ledger = draw(st.integers(-(10**6), 10**15))
    return Books("calls", NOVEMBER, ledger, ledger, step, ledger // step, ledger // step)


@st.composite
def sound_windows(draw):
    settled = draw(st.integers(0, 10**12))
    perhaps = draw(st.lists(st.integers(1, 1000), max_size=4))
    return Window("calls, 2026-11-22", settled, perhaps, settled + sum(perhaps[: draw(st.integers(0, 4))]))


@given(sound_books())
def test_i15_nothing_is_found_where_nothing_is_wrong(books):
    assert comparing.of_books(books) == []


@given(sound_books(), st.sampled_from(["cut", "shipped", "told"]), st.sampled_from([-1, 1]))
def test_i15_each_drift_of_one_unit_in_our_figures_is_one_finding(books, name, drift):
    drifted = replace(books, **{name: getattr(books, name) + drift})

    [found] = comparing.of_books(drifted)

    assert abs(found.ours - found.theirs) == 1


@given(sound_books(), st.sampled_from([-1, 1]))
def test_i15_a_ledger_that_differs_by_one_event_is_found(books, drift):
    [found] = comparing.of_books(replace(books, ledger=books.ledger + drift))

    assert found.ours != found.theirs


@given(sound_books())
def test_only_what_was_never_sent_may_be_sent_without_a_doubt(books):
    [missing] = comparing.of_books(replace(books, told=books.told - 3))
    [extra] = comparing.of_books(replace(books, told=books.told + 3))

    assert (missing.kind, missing.never_sent) == ("missing", 3)
    assert (extra.kind, extra.never_sent) == ("value", 0)


@given(sound_windows())
def test_i15_a_window_that_may_be_so_is_no_finding(window):
    assert comparing.of_window(window) is None


@given(st.integers(0, 10**12), st.sampled_from([-1, 1]))
def test_i15_each_drift_of_one_unit_at_stripe_is_found(settled, drift):
    found = comparing.of_window(Window("calls", settled, (), settled + drift))

    assert found is not None
    assert found.kind == ("missing" if drift < 0 else "extra")
    assert (found.ours, found.theirs) == (settled, settled + drift)


@pytest.mark.parametrize("counted", [9, 11, 14, 16])
def test_what_is_on_its_way_may_be_there_or_not_but_only_whole(counted):
    assert comparing.of_window(Window("calls", 10, (5,), counted)) is not None


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({}, []),
        ({"quantity": 99}, ["missing"]),
        ({"quantity": 101}, ["extra"]),
        ({"amount": 51}, ["value"]),
        ({"amount": 51, "lines": 2}, []),
        ({"lines": 0, "quantity": 0, "amount": 0}, ["missing"]),
    ],
)
def test_invoices_have_what_meters_had_at_our_price(changes, kinds):
    billed = Billed("calls", NOVEMBER, lines=1, quantity=100, amount=50, counted=100, rated=50)

    assert [found.kind for found in comparing.of_billed(replace(billed, **changes))] == kinds


def test_what_is_refused_or_waits_for_too_long_is_found():
    books = Books("calls", NOVEMBER, 10, 10, 1, 10, 10, refused=3, overdue=2)

    assert [(found.kind, found.ours) for found in comparing.of_books(books)] == [("missing", 3), ("late", 2)]
