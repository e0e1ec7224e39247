"""The keeper and what it tells: taken for dead, the database away, doubt about a commit."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import delete, insert, select, update

from app.limits import keeper as keeper_module
from app.limits import leases, lifeline
from app.limits.book import NoLease
from app.limits.holds import CounterKey, Hold, Reservation
from app.limits.keeper import Keeper
from app.limits.leases import PROCESSES, RULES
from app.limits.lifeline import Lifeline, Watch
from app.limits.moments import Moments
from app.limits.settling import COUNTERS, LEASES
from app.limits.undertaker import Undertaker
from tests.asynchronous import until
from tests.limits.simulation import MONTH_AT, Simulated
from tests.limits.test_lease_properties import row_of
from tests.waiting import PATIENCE_S

ENDS_AT = datetime(2099, 1, 1, tzinfo=UTC)


@pytest.fixture
def rule_id(engine):
    rule_id = uuid4()
    with engine.begin() as connection:
        connection.execute(insert(RULES), [row_of(rule_id, 10_000)])
    return rule_id


@pytest.fixture
def keeping(engine):
    keepers = []

    def start(**more):
        keeper = Keeper(engine, heartbeat_s=0.05, dead_after_s=2 * PATIENCE_S, **more)
        keeper.start(asyncio.get_running_loop())
        keepers.append(keeper)
        return keeper

    yield start
    for keeper in keepers:
        keeper.stop(timeout_s=PATIENCE_S)


def pool_of(keeper, rule_id):
    return keeper.book.pool(CounterKey(rule_id, uuid4(), MONTH_AT), ends_at=ENDS_AT)


def held(engine):
    with engine.connect() as connection:
        return dict(connection.execute(select(LEASES.c.process_id, LEASES.c.held)).all())


async def test_what_is_far_from_the_limit_is_held_ahead_and_given_back_when_idle(engine, rule_id, keeping, monkeypatch):
    keeper = keeping()
    await until(lambda: keeper.lifeline.holds)
    pool = pool_of(keeper, rule_id)

    assert await pool.wait_for(1)
    assert pool.take(1)  # without asking anybody
    assert held(engine) == {keeper.book.name: pool.total}
    assert pool.total > 2

    monkeypatch.setattr("app.limits.book.IDLE_S", -1.0)
    await until(lambda: held(engine) == {keeper.book.name: 2})
    assert (pool.free, pool.total) == (0, 2)


async def test_a_call_is_told_when_the_database_cannot_be_asked(engine, rule_id, keeping, monkeypatch):
    keeper = keeping()
    await until(lambda: keeper.lifeline.holds)

    def away(*_, **__):
        raise keeper_module.SQLAlchemyError("gone")

    monkeypatch.setattr(leases, "acquire", away)
    with pytest.raises(NoLease):
        await pool_of(keeper, rule_id).wait_for(1)


@pytest.fixture
def losing(monkeypatch):
    """The next lease is granted, and nobody hears of it."""
    asked = leases.acquire

    def then_lost(*given, **named):
        asked(*given, **named)
        given[0].commit()
        monkeypatch.setattr(leases, "acquire", asked)
        raise keeper_module.SQLAlchemyError("the answer was lost")

    return lambda: monkeypatch.setattr(leases, "acquire", then_lost)


async def test_a_grant_whose_commit_was_not_heard_of_is_given_back(engine, rule_id, keeping, losing):
    keeper = keeping()
    await until(lambda: keeper.lifeline.holds)
    pool = pool_of(keeper, rule_id)

    losing()
    with pytest.raises(NoLease):
        await pool.wait_for(1)

    await until(lambda: sum(held(engine).values()) == pool.total == 0)


async def test_what_is_settled_meanwhile_hides_nothing_of_it(engine, rule_id, keeping, losing, monkeypatch):
    """A call is in the ledger already, and this process does not know it yet while it looks for what it holds."""
    under_way, looks = [], []
    keeper = keeping(under_way=lambda: len(under_way))
    await until(lambda: keeper.lifeline.holds)
    pool = pool_of(keeper, rule_id)
    assert await pool.wait_for(1)
    pool.give_back()
    await until(lambda: held(engine) == {keeper.book.name: 1})
    reconcile = leases.reconcile

    def once(*given, **named):
        looks.append(1)
        return reconcile(*given, **named)

    monkeypatch.setattr(leases, "reconcile", once)
    under_way.append("the call")
    with engine.begin() as connection:
        connection.execute(update(COUNTERS).values(spent=COUNTERS.c.spent + 1, reserved=COUNTERS.c.reserved - 1))
        connection.execute(update(LEASES).values(held=LEASES.c.held - 1))
    losing()
    keeper.ask(pool)
    await until(lambda: len(looks) > 1)

    pool.spend(1)
    under_way.clear()

    await until(lambda: held(engine) == {keeper.book.name: 0})


async def test_who_was_taken_for_dead_begins_anew_under_another_name(engine, rule_id, keeping):
    keeper = keeping()
    await until(lambda: keeper.lifeline.holds)
    former, pool = keeper.book.name, pool_of(keeper, rule_id)
    assert await pool.wait_for(1)
    with engine.begin() as connection:
        leases.retire(connection, former)

    await until(lambda: keeper.book.name != former and keeper.lifeline.holds)

    pool.put_back(1)  # a call that ends now has nothing to give back
    again = pool_of(keeper, rule_id)
    assert again is not pool
    assert await again.wait_for(1)
    assert held(engine).keys() == {keeper.book.name}


async def test_when_the_rule_is_gone_nothing_is_held_against_it(engine, rule_id, keeping):
    keeper = keeping()
    await until(lambda: keeper.lifeline.holds)
    with engine.begin() as connection:
        connection.execute(delete(RULES))

    pool = pool_of(keeper, rule_id)

    assert await pool.wait_for(1)
    Reservation((Hold(pool, "calls", 1),)).given_back()
    assert held(engine) == {}


def test_a_lowered_limit_grants_nothing_more(engine, rule_id):
    gateway, key = Simulated(engine), CounterKey(rule_id, uuid4(), MONTH_AT)
    assert gateway.admit(key, [5]) == 1
    with engine.begin() as connection:
        connection.execute(update(RULES).values(most=3))

    assert gateway.admit(key, [1]) == 0
    assert gateway.answer(gateway.in_flight[0]) == 5  # it was let in
    with engine.connect() as connection:
        assert connection.execute(select(COUNTERS.c.spent, COUNTERS.c.most)).one() == (5, 3)


@pytest.mark.parametrize(("ceiling", "actual"), [(7, 3), (7, 7)])
def test_a_price_known_only_afterwards_settles_at_or_below_its_ceiling(engine, rule_id, ceiling, actual):
    gateway, key = Simulated(engine), CounterKey(rule_id, uuid4(), MONTH_AT)
    gateway.admit(key, [ceiling])
    gateway.answer(gateway.in_flight[0], used=actual)

    assert gateway.free(key) == ceiling - actual
    with engine.connect() as connection:
        assert connection.execute(select(COUNTERS.c.spent, COUNTERS.c.reserved)).one() == (actual, ceiling - actual)


def test_a_call_above_its_ceiling_passes_the_cap_by_the_difference_and_is_logged(engine, rule_id, caplog):
    with engine.begin() as connection:
        connection.execute(update(RULES).values(most=10))
    gateway, key = Simulated(engine), CounterKey(rule_id, uuid4(), MONTH_AT)
    assert gateway.admit(key, [5, 5]) == 2
    gateway.answer(gateway.in_flight[0])

    assert gateway.answer(gateway.in_flight[0], used=8) == 8
    with engine.connect() as connection:
        assert connection.execute(select(COUNTERS.c.spent, COUNTERS.c.reserved)).one() == (13, 0)
    assert [record.message for record in caplog.records] == ["limit.overrun"]


@pytest.mark.parametrize("is_owed", [False, True])
def test_an_answer_after_its_lease_was_given_to_others(engine, rule_id, caplog, is_owed):
    """Withheld if it cannot be charged any more; charged and logged if it has left already."""
    with engine.begin() as connection:
        connection.execute(update(RULES).values(most=5))
    frozen, other, key = Simulated(engine), Simulated(engine), CounterKey(rule_id, uuid4(), MONTH_AT)
    frozen.admit(key, [5])
    frozen.reap()
    assert other.admit(key, [5]) == 1
    other.answer(other.in_flight[0])

    charged = frozen.answer(frozen.in_flight[0], is_owed=is_owed)

    assert charged == (5 if is_owed else 0)
    assert ["limit.overrun"] * is_owed == [record.message for record in caplog.records]
    with engine.connect() as connection:
        assert connection.execute(select(COUNTERS.c.spent, COUNTERS.c.reserved)).one() == (5 + charged, 0)


@dataclass
class Ticks:
    at: float = 0.0


def test_a_process_stops_trusting_what_it_holds_before_others_take_it(monkeypatch):
    time = Ticks(1_000.0)
    monkeypatch.setattr(lifeline, "ticks", lambda: time.at)
    line = Lifeline(dead_after_s=30)
    assert not line.holds

    line.shown(time.at)
    time.at = 1_014.9
    assert line.holds
    time.at = 1_015.0
    assert not line.holds


def test_only_who_was_watched_all_the_time_is_taken_for_dead(monkeypatch, now):
    time = Ticks()
    monkeypatch.setattr(lifeline, "ticks", lambda: time.at)
    watch, who = Watch(dead_after_s=30), uuid4()
    for time.at in range(0, 30, 5):
        assert watch.dead({who: now}) == {}

    time.at = 60.0  # the watcher itself stood still, or the database was away
    assert watch.dead({who: now}) == {}
    for time.at in range(65, 90, 5):
        assert watch.dead({who: now}) == {}
    time.at = 90.0
    assert watch.dead({who: now}) == {who: now}
    assert watch.dead({who: now - timedelta(hours=1)}) == {}  # a sign of life, whatever its clock says


def test_the_worker_returns_the_leases_of_the_dead(engine, rule_id, session, monkeypatch):
    time = Ticks()
    monkeypatch.setattr(lifeline, "ticks", lambda: time.at)
    gateway, key, undertaker = Simulated(engine), CounterKey(rule_id, uuid4(), MONTH_AT), Undertaker()
    gateway.admit(key, [5])
    for time.at in range(0, 30, 5):
        assert undertaker.run(session, dead_after_s=30) == 0

    time.at = 30.0
    assert undertaker.run(session, dead_after_s=30) == 1
    session.commit()

    assert held(engine) == {}
    with engine.connect() as connection:
        assert connection.execute(select(COUNTERS.c.reserved)).scalar_one() == 0
        assert connection.execute(select(PROCESSES)).all() == []


def test_a_clock_put_back_reopens_no_period(now):
    moments = Moments()
    begins = datetime(2026, 12, 1, tzinfo=UTC)

    assert moments.at(begins) == begins
    assert moments.at(begins - timedelta(hours=1)) == begins
    assert moments.at(begins + timedelta(seconds=1)) == begins + timedelta(seconds=1)
    assert moments.at(now) == now  # a week back: it had been wrong before


@pytest.mark.parametrize(("most", "ahead"), [(100, 0), (10_000, 50)])
def test_only_far_from_the_limit_is_more_taken_than_is_needed(engine, rule_id, most, ahead):
    with engine.begin() as connection:
        connection.execute(update(RULES).values(most=most))
    gateway, key = Simulated(engine), CounterKey(rule_id, uuid4(), MONTH_AT)
    gateway.admit(key, [1], ahead=50, living=3)

    assert gateway.free(key) == ahead
