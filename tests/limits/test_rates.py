"""Rates are exact within a process, and never more than stated among several."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from app.limits import rates as rates_module
from app.limits import sharing
from app.limits.rates import Rates
from app.limits.rules import Rule
from app.limits.sharing import SHARES
from app.plans import periods
from tests.conftest import NOW

START = NOW.timestamp()


def rule(most, *, measure="calls", period=periods.MINUTE):
    return Rule(UUID(int=7), "a-rule", None, None, None, "", "", measure, period, most, "operator")


def passes(rates, window, now):
    if window.counted(now) + 1 > window.most:
        return False
    rates.pass_(window)
    return True


@given(
    st.integers(0, 20),
    st.sampled_from([periods.SECOND, periods.MINUTE, periods.HOUR]),
    st.lists(st.floats(0, 0.3), max_size=120),
)
def test_no_window_on_the_clock_lets_more_pass_than_allowed(most, period, gaps):
    rates, length_s = Rates(), periods.LENGTHS[period].total_seconds()
    window, now, passed = rates.window(rule(most, period=period), uuid4()), START, []
    for gap in gaps:
        now += gap * length_s
        if passes(rates, window, now):
            passed.append(now)

    for began in {int(at / length_s) for at in passed}:
        assert sum(int(at / length_s) == began for at in passed) <= most


@given(st.integers(1, 20), st.lists(st.floats(0, 0.3), min_size=1, max_size=60))
def test_who_waits_as_long_as_told_gets_through(most, gaps):
    rates = Rates()
    window, now = rates.window(rule(most), uuid4()), START
    for gap in gaps:
        now += gap * 60
        if not passes(rates, window, now):
            waited = now + window.wait_s(now) + 0.001
            assert window.wait_s(now) <= 120
            assert window.counted(waited) + 1 <= most + 1e-6
            now = waited


def test_a_window_slides():
    rates, most = Rates(), 60
    begins = START - START % 60
    window = rates.window(rule(most), uuid4())
    assert all(passes(rates, window, begins + 59) for _ in range(most))

    assert not passes(rates, window, begins + 60)
    assert window.room(begins + 90) == 30
    assert window.room(begins + 119) == 59


def test_a_clock_put_back_gives_nothing_away_and_blocks_for_one_window_only():
    rates = Rates()
    window = rates.window(rule(3), uuid4())
    assert [passes(rates, window, START) for _ in range(4)] == [True, True, True, False]

    assert not passes(rates, window, START - 3600)
    assert passes(rates, window, START - 3600 + 120)


def test_what_no_longer_counts_is_forgotten_and_its_holders_are_told():
    rates = Rates()
    window = rates.window(rule(3), UUID(int=1))
    passes(rates, window, START)

    rates.forget(START + 60)
    assert not window.is_dropped
    rates.forget(START + 600)

    assert window.is_dropped
    assert rates.windows == {}


class Process:
    """A gateway, as far as rates are concerned. living: how many of them there are."""

    def __init__(self, engine, living=3):
        self.engine = engine
        self.id = uuid4()
        self.rates = Rates()
        self.rates.share(living)

    def exchange(self, now):
        changed = list(self.rates.changed)
        self.rates.changed.clear()
        for one in changed:
            one.is_changed = False
        with self.engine.begin() as connection:
            sharing.tell(connection, self.id, changed)
            heard = sharing.hear(connection, self.id)
        self.rates.take_in(heard, now=now)


@pytest.mark.parametrize("per_exchange", [1, 7])
def test_several_processes_pass_the_rate_by_no_more_than_one_exchange(engine, per_exchange, monkeypatch):
    processes, subject, limit = [Process(engine) for _ in range(3)], uuid4(), rule(40)
    now, passed = START - START % 60, 0
    for _ in range(20):
        for process in processes:
            window = process.rates.window(limit, subject)
            passed += sum(passes(process.rates, window, now) for _ in range(per_exchange))
        for process in processes:
            process.exchange(now)
        now += 0.25

    assert 40 <= passed <= 40 + (len(processes) - 1) * per_exchange
    late = Process(engine)
    late.exchange(now)
    monkeypatch.setattr(rates_module, "time", lambda: now)
    assert not passes(late.rates, late.rates.window(limit, subject), now)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_a_cap_lets_pass_slowly_is_hardly_more_on_many_processes(engine):
    """However callers come: all at once, to one of them, before or after it has told the others."""
    calls = st.lists(st.tuples(st.integers(0, 9), st.integers(1, 30)), min_size=1, max_size=12)
    limit = rule(1, measure="spend", period=periods.MONTH).slow

    @settings(max_examples=40)
    @given(st.integers(2, 10), st.integers(0, 9), calls)
    def holds(living, first, calls):
        processes, subject = [Process(engine, living) for _ in range(living)], uuid4()
        now, passed = START - START % 60, 0
        for turn, (place, times) in enumerate(calls):
            process = processes[place % living]
            window = process.rates.window(limit, subject)
            for _ in range(times):
                if process.rates.has_share(window, now):
                    process.rates.pass_(window)
                    passed += 1
            processes[(first + turn) % living].exchange(now)

        assert passed <= limit.most + living

    holds()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_whoever_is_alone_in_calling_gets_all_that_a_cap_lets_pass_slowly(engine):
    processes, subject, now = [Process(engine) for _ in range(3)], uuid4(), START - START % 60
    limit = rule(1, measure="spend", period=periods.MONTH).slow
    window = processes[0].rates.window(limit, subject)
    for _ in range(12):
        if processes[0].rates.has_share(window, now):
            processes[0].rates.pass_(window)
        processes[0].exchange(now)

    assert window.used == limit.most


def test_streams_of_other_processes_count(engine):
    here, there, subject, limit = Process(engine), Process(engine), uuid4(), rule(2, measure="streams", period="")
    gauge = here.rates.gauge(limit, subject)
    for _ in range(2):
        there.rates.stream(there.rates.gauge(limit, subject), 1)
    there.exchange(START)
    here.exchange(START)
    assert gauge.is_full

    there.rates.stream(there.rates.gauge(limit, subject), -1)
    there.exchange(START)
    here.exchange(START)
    assert not gauge.is_full


def test_nothing_is_written_while_nobody_else_lives_or_nothing_changed(engine):
    process, subject = Process(engine), uuid4()
    process.rates.share(1)
    window = process.rates.window(rule(5), subject)
    passes(process.rates, window, START)
    assert not process.rates.changed

    process.rates.share(2)
    process.exchange(START)
    with engine.begin() as connection:
        assert connection.execute(select(SHARES.c.used)).scalar_one() == 1
        connection.execute(delete(SHARES))
    process.exchange(START)
    with engine.connect() as connection:
        assert connection.execute(select(SHARES)).all() == []


def test_what_was_told_is_cleared_away(engine, now):
    process = Process(engine)
    passes(process.rates, process.rates.window(rule(5), uuid4()), START - 3 * 3600)
    process.rates.windows.popitem()[1].index = int((START - 3 * 3600) // 60)
    process.rates.stream(process.rates.gauge(rule(2, measure="streams", period=""), uuid4()), 0)
    process.exchange(START)
    with engine.begin() as connection:
        assert len(connection.execute(select(SHARES)).all()) == 2
        sharing.clear(connection, process.id, now=now)

        assert connection.execute(select(SHARES)).all() == []
