"""An integration that keeps failing is left alone, asked again now and then, and trusted as soon as it answers."""

from uuid import uuid4

import pytest

from app.gateway.upstream import address, breaker
from app.gateway.upstream.breaker import OPENS_AFTER, Breakers
from app.gateway.upstream.problems import (
    BadAnswer,
    BrokeOff,
    Busy,
    CallerGone,
    ErrorStatus,
    Forbidden,
    LockedOut,
    ShuttingDown,
    TimedOut,
    Unreachable,
)

PLACE = address.parse("https://mcp.example/mcp")
ELSEWHERE = address.parse("https://mcp.example/moved")
US, THEM = uuid4(), uuid4()
COUNTED = [Unreachable("x"), TimedOut("x"), BrokeOff("x"), BadAnswer("x"), ErrorStatus(500), ErrorStatus(503)]
SAID_NO = [ErrorStatus(404), ErrorStatus(429), ErrorStatus(302), LockedOut("x")]
SAY_NOTHING = [Busy("x"), Forbidden("x"), CallerGone("x"), ShuttingDown("x")]


class Bench:
    """Breakers with a clock that a test turns."""

    def __init__(self):
        self.now = 1000.0
        self.opened, self.declined = [], []
        self.breakers = Breakers(on_open=self.opened.append, on_decline=self.declined.append, clock=lambda: self.now)

    def fail(self, times=OPENS_AFTER, *, slug="sampler", by=US, problem=None):
        for _ in range(times):
            self.breakers.heard(slug, PLACE, by, problem or TimedOut("x"))

    def wait_s(self, slug="sampler", *, by=US, place=PLACE):
        return self.breakers.wait_s(slug, place, by)


@pytest.fixture(autouse=True)
def no_jitter(monkeypatch):
    monkeypatch.setattr(breaker, "JITTER", 0)


@pytest.fixture
def bench():
    return Bench()


@pytest.mark.parametrize("problem", COUNTED, ids=repr)
def test_it_opens_after_a_run_of_failures(bench, problem):
    bench.fail(OPENS_AFTER - 1, problem=problem)
    assert bench.wait_s() == 0

    bench.fail(1, problem=problem)

    assert bench.wait_s() == 1
    assert (bench.opened, bench.declined, bench.breakers.open_count) == (["sampler"], ["sampler"], 1)


def test_a_good_answer_ends_the_run(bench):
    for _ in range(3):
        bench.fail(OPENS_AFTER - 1)
        bench.breakers.succeeded("sampler")

    assert bench.wait_s() == 0


@pytest.mark.parametrize("problem", SAID_NO, ids=repr)
def test_saying_no_is_a_sign_of_life(bench, problem):
    bench.fail(100, problem=problem)
    bench.fail(OPENS_AFTER - 1)
    bench.fail(1, problem=problem)
    bench.fail(OPENS_AFTER - 1)

    assert bench.wait_s() == 0


@pytest.mark.parametrize("problem", SAY_NOTHING, ids=repr)
def test_what_is_not_its_doing_neither_opens_nor_closes(bench, problem):
    bench.fail(100, problem=problem)
    assert bench.wait_s() == 0

    bench.fail()
    bench.fail(1, problem=problem)

    assert bench.wait_s() == 1


def test_one_call_is_let_through_after_each_pause_and_pauses_grow(bench):
    bench.fail()

    pauses = []
    for _ in range(8):
        pause = bench.wait_s()
        bench.now += pause
        assert bench.wait_s() == 0, "the first after the pause is let through"
        assert bench.wait_s() > 0, "and nobody else"
        bench.fail(1)
        pauses.append(pause)

    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]
    assert bench.opened == ["sampler"]


def test_a_probe_that_is_never_heard_of_again_holds_up_nobody(bench):
    bench.fail()
    bench.now += 1
    assert bench.wait_s() == 0

    bench.now += 2

    assert bench.wait_s() == 0


def test_a_good_answer_closes_it_and_the_next_pauses_are_short_again(bench):
    bench.fail()
    bench.now += 1
    assert bench.wait_s() == 0
    bench.breakers.succeeded("sampler")

    assert (bench.wait_s(), bench.breakers.open_count) == (0, 0)
    bench.fail()
    assert bench.wait_s() == 1


def test_a_stream_that_begins_closes_it_but_does_not_hide_that_streams_break_off(bench):
    for _ in range(OPENS_AFTER):
        bench.breakers.answering("sampler")
        bench.fail(1, problem=BrokeOff("x"))
    assert bench.wait_s() == 1

    bench.breakers.answering("sampler")

    assert bench.wait_s() == 0


def test_one_integration_does_not_affect_another(bench):
    bench.fail(slug="broken")
    bench.breakers.succeeded("sampler")

    assert bench.wait_s("broken") == 1
    assert bench.wait_s("sampler") == 0


def test_what_a_caller_can_bring_about_does_not_close_the_door_to_others(bench):
    bench.fail(by=THEM)

    assert bench.wait_s(by=THEM) == 1
    assert bench.wait_s(by=US) == 0


def test_what_no_caller_can_bring_about_counts_for_everybody(bench):
    bench.fail(OPENS_AFTER - 1, by=THEM, problem=Unreachable("x"))
    bench.fail(1, by=US, problem=Unreachable("x"))

    assert bench.wait_s(by=uuid4()) == 1


def test_an_integration_that_moved_starts_afresh(bench):
    bench.fail()

    assert bench.wait_s(place=ELSEWHERE) == 0
    assert bench.wait_s(place=ELSEWHERE) == 0


def test_nothing_is_kept_of_integrations_that_are_well(bench):
    bench.fail(1)
    bench.breakers.succeeded("sampler")

    assert bench.breakers._troubles == {}


def test_gateways_do_not_all_ask_in_the_same_moment(monkeypatch):
    monkeypatch.setattr(breaker, "JITTER", 0.2)

    pauses = {breaker._about(10) for _ in range(100)}

    assert len(pauses) > 50
    assert all(8 <= pause <= 12 for pause in pauses)
