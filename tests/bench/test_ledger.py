"""The benchmark believes a gateway only if its ledger agrees with what callers got."""

import pytest

from bench import ledger
from bench.ledger import Ledger
from bench.problems import Unmeasurable
from bench.wrk import Load


class Place:
    """A ledger that holds what the test says."""

    def __init__(self):
        self.counts = {"ok": 677, "tool_error": 43}

    def events(self):
        return dict(self.counts)


@pytest.fixture
def place(monkeypatch):
    monkeypatch.setattr(ledger, "STEP_S", 0)
    return Place()


def load(answers):
    return Load(answers=answers, seconds=1.0, bytes=1, p50_ms=1, p99_ms=2, errors={})


def test_an_event_for_each_answer_is_believed(place):
    book = Ledger(place)

    place.counts = {"ok": 677 + 1000, "tool_error": 43, "cancelled": 5}
    book.settle(load(1000), callers=16)
    place.counts["ok"] += 500
    book.settle(load(500), callers=1)

    assert book.sentence().startswith("Ledger: 1,505 events for 1,500 answers that callers got; 5 more of at most 17")


@pytest.mark.parametrize("events", [999, 1017])
def test_a_missing_or_surplus_event_is_not(place, events):
    book = Ledger(place)

    place.counts["ok"] += events

    with pytest.raises(Unmeasurable, match="1,000 calls were answered"):
        book.settle(load(1000), callers=16)


def test_failed_calls_are_not_measured(place):
    book = Ledger(place)

    place.counts = {"ok": 677 + 990, "tool_error": 43, "timeout": 10}

    with pytest.raises(Unmeasurable, match=r"did not end well.*timeout"):
        book.settle(load(1000), callers=16)
