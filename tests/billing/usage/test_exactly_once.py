"""Usage reaches Stripe exactly once, whatever goes wrong on the way. I14 and the peers' bugs B1, B2, B6, B27, B28, B30
of the list that the issue names.
"""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from app.billing import cutting, delivery
from app.billing.problems import StripeAway
from app.billing.stripe_api import StripeApi
from app.billing.usage_models import DELIVERED, WAITING
from app.metering.sealing import Sealer
from tests.waiting import PATIENCE_S

METER_EVENTS = ["/v1/billing/meter_events"]
FAULTS = ("lost_before", "lost_after", "error_before", "error_after", "rate_limited")


class Crash(Exception):
    """The worker dies."""


@pytest.mark.parametrize("fault", FAULTS)
def test_b1_b28_the_queue_drains_and_nothing_counts_twice_when_each_first_try_fails(world, fault):
    customer = world.customer()
    world.stock()
    for calls in (3, 1, 2):
        world.use(customer, calls)
        world.cut()
    world.stripe.faults(**{fault: 1}, paths=METER_EVENTS)
    for _ in range(3):
        world.deliver()
        world.go(minutes=11)
    world.stripe.faults()

    world.drain()

    assert world.at_stripe(customer) == 6
    assert {row.state for row in world.outbox()} == {DELIVERED}
    assert world.outbox()[0].tries > 1


@pytest.mark.parametrize("where", ["sent, not marked", "claimed, not sent"])
def test_b2_a_worker_that_dies_between_telling_and_marking_tells_nothing_twice(world, monkeypatch, where):
    customer = world.customer()
    world.stock()
    world.use(customer, 4)
    world.cut()

    def die(*args, **more):
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(delivery, "_settle" if where == "sent, not marked" else "_send", die)
        with pytest.raises(Crash):
            world.deliver()
    assert [row.state for row in world.outbox()] == [WAITING]
    assert world.deliver() == 0, "another worker may be at it"

    world.go(minutes=3)
    world.drain()

    assert world.at_stripe(customer) == 4


def test_a_worker_that_dies_while_cutting_leaves_nothing_half_cut(world, monkeypatch):
    customer = world.customer()
    world.use(customer, 4)
    real = cutting._ship

    def ship_and_die(*args, **more):
        real(*args, **more)
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(cutting, "_ship", ship_and_die)
        with pytest.raises(Crash):
            world.cut()
    assert world.outbox() == []

    world.cut()

    assert [row.value for row in world.outbox()] == [4]
    assert world.cut() == 0
    assert customer.calls == 4


def test_b6_events_of_one_moment_are_all_counted_across_pages(world, monkeypatch):
    monkeypatch.setattr(cutting, "PAGE", 7)
    customer = world.customer()
    world.use(customer, 40)

    assert world.cut() == 40

    ranges = world.outbox()
    assert sum(row.value for row in ranges) == 40
    assert [(row.first_seq, row.last_seq) for row in ranges[:2]] == [(1, 7), (8, 14)]


def test_b27_the_same_range_has_the_same_name_however_often_it_is_sent(world):
    customer = world.customer()
    world.stock()
    world.use(customer, 2)
    world.cut()
    [row] = world.outbox()
    name = row.identifier
    world.stripe.faults(lost_after=1, paths=METER_EVENTS)
    world.deliver()
    world.stripe.faults()

    world.go(minutes=11)
    world.deliver()

    [row] = world.outbox()
    assert (row.identifier, row.state) == (name, DELIVERED)
    assert cutting.identifier_of(customer.account, world.event_name, row.month_at, 1, 2) == name


def test_b30_a_range_that_stripe_refuses_stands_alone_and_the_others_arrive(world):
    customer = world.customer()
    world.stock()
    for calls in (1, 2, 3):
        world.use(customer, calls)
        world.cut()
    second = world.outbox()[1]
    second.at = world.now - timedelta(days=40)
    world.session.add(second)
    world.session.commit()

    world.drain()

    assert [row.state for row in world.outbox()] == [DELIVERED, "refused", DELIVERED]
    assert world.at_stripe(customer) == 4


def test_what_was_first_sent_long_ago_is_looked_for_before_it_is_sent_again(world, monkeypatch):
    customer = world.customer()
    world.stock()
    for calls in (5, 2):
        world.use(customer, calls)
        world.cut()
    world.stripe.faults(lost_after=1, paths=METER_EVENTS)
    world.deliver()
    world.stripe.faults()
    world.go(days=2)  # Stripe does not know the identifier any more

    world.drain()

    assert world.at_stripe(customer) == 7


def test_one_at_a_time_for_each_customer_and_meter_and_in_order(world, monkeypatch):
    customer = world.customer()
    world.stock()
    for calls in (1, 2):
        world.use(customer, calls)
        world.cut()
    told = []

    def away(api, row):
        told.append(row.first_seq)
        raise StripeAway("Not now.")

    with monkeypatch.context() as patch:
        patch.setattr(delivery, "_send", away)
        for _ in range(3):
            world.deliver()
            world.go(minutes=11)
    assert set(told) == {1}

    world.drain()

    assert world.at_stripe(customer) == 3


CHANCES = {"lost_before": 0.1, "lost_after": 0.15, "error_before": 0.05, "error_after": 0.1, "rate_limited": 0.1}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_i14_the_sum_at_stripe_is_the_ledgers_under_all_faults_at_once(world, monkeypatch):
    """Lost answers, 500 after the deed, 429, crashes before marking and workers that start anew, all by chance."""
    monkeypatch.setattr(Sealer, "_due", lambda self: (0.0, None))
    world.stock()
    crashes = st.lists(st.booleans(), min_size=12, max_size=12)
    work = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["cut", "deliver", "rest"])), min_size=2, max_size=6)
    real = delivery._settle

    @examples(max_examples=12, phases=[Phase.generate])
    @given(work=work, seed=st.integers(0, 999), crashes=crashes)
    def holds(work, seed, crashes):
        customer = world.customer()
        left = list(crashes)

        def settle(engine, row, state, error, *, now):
            if left and left.pop():
                raise Crash
            real(engine, row, state, error, now=now)

        world.stripe.faults(seed=seed, paths=METER_EVENTS, **CHANCES)
        monkeypatch.setattr(delivery, "_settle", settle)
        for calls, then in work:
            world.use(customer, calls)
            world.cut() if then != "rest" else None
            _work(world) if then == "deliver" else None
        world.cut()
        for _ in range(80):
            if not world.waiting():
                break
            _work(world)
            world.go(minutes=5)
        monkeypatch.setattr(delivery, "_settle", real)
        world.stripe.faults()

        assert world.waiting() == []
        assert world.at_stripe(customer) == customer.calls

    holds()


def _work(world):
    """As a worker that was just started: with a connection of its own to Stripe."""
    world.api = StripeApi("stand-in-key", mode="test", url=world.stripe.url)
    with contextlib.suppress(Crash):
        world.deliver()


def test_b13_workers_that_work_at_once_cut_and_tell_each_range_once(world):
    customers = [world.customer() for _ in range(3)]
    world.stock()
    for customer in customers:
        world.use(customer, 4)

    at_once(3, lambda: patiently(world.cut))
    assert [row.value for row in world.outbox()] == [4, 4, 4]

    at_once(3, lambda: patiently(world.deliver))
    world.drain()

    assert [world.at_stripe(customer) for customer in customers] == [4, 4, 4]
    assert [row.tries for row in world.outbox()] == [1, 1, 1]


def at_once(count, work):
    """In so many threads, which begin in the same moment."""
    barrier = threading.Barrier(count)

    def begin():
        barrier.wait(timeout=PATIENCE_S)
        work()

    with ThreadPoolExecutor(count) as pool:
        for done in [pool.submit(begin) for _ in range(count)]:
            done.result(timeout=PATIENCE_S)


def patiently(work):
    """As a worker does: what another one has locked is tried again."""
    for _ in range(20):
        try:
            return work()
        except OperationalError:
            continue
    raise AssertionError("It never got through.")
