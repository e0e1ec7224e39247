"""Prepaid credit: never below zero, each unit of it accounted for, and a journal that only grows."""

import threading
from datetime import timedelta

import hypothesis
import pytest
from hypothesis import strategies as st
from sqlalchemy import func, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlmodel import Session, select

from app.billing import wallet
from app.billing.wallet_models import JournalGroup
from app.core.errors import Conflict, Invalid, PosternError
from app.limits import entitlements, prepaid
from app.limits.models import LimitRule
from app.limits.settling import COUNTERS, LEASES
from app.organisations.models import Organisation
from app.plans import services as plans
from tests.billing.purse import PREPAID, counter, expire, give, holds, key, settle, use, used
from tests.factories import Factory
from tests.limits.simulation import NOW, Simulated
from tests.plans.catalogues import apply, choice
from tests.waiting import PATIENCE_S


@pytest.fixture
def organisation(session, make, now):
    """On no plan yet, but allowed its credit and no more."""
    organisation = make.organisation()
    prepaid.follow(session, organisation.id, currency="usd", now=now)
    session.commit()
    return organisation


def test_credit_is_used_up_and_never_beyond(session, engine, organisation, now):
    give(session, organisation, 10, now)

    assert use(engine, organisation, 4, 4, 4) == 2
    assert settle(session, organisation, now) == 8
    assert used(session) == {"r1": 8}
    give(session, organisation, 2, now, reference="r2")
    assert use(engine, organisation, 4) == 1
    settle(session, organisation, now)
    assert used(session) == {"r1": 10, "r2": 2}
    holds(session, organisation)


def test_without_credit_nothing_passes(engine, organisation):
    assert use(engine, organisation, 1) == 0


def test_what_expires_first_is_used_first_then_by_priority_then_the_oldest(session, engine, organisation, now):
    week, day = now + timedelta(days=7), now + timedelta(days=1)
    give(session, organisation, 5, now, "never")
    give(session, organisation, 5, now, "week", expires_at=week, priority=2)
    give(session, organisation, 5, now + timedelta(seconds=2), "week, younger", expires_at=week, priority=1)
    give(session, organisation, 5, now + timedelta(seconds=1), "week, older", expires_at=week, priority=1)
    give(session, organisation, 5, now, "day", expires_at=day)

    order = []
    for _ in range(5):
        before = used(session)
        use(engine, organisation, 5)
        settle(session, organisation, now)
        order += [name for name, amount in used(session).items() if amount != before[name]]

    assert order == ["day", "week, older", "week, younger", "week", "never"]


def test_b9_the_same_reference_credits_once(session, organisation, now):
    first = give(session, organisation, 10, now)

    assert give(session, organisation, 10, now).id == first.id
    assert counter(session, organisation).most == 10
    with pytest.raises(Conflict):
        give(session, organisation, 11, now)
    session.rollback()
    holds(session, organisation)


@pytest.mark.parametrize("nanos", [0, -1, 2**61])
def test_what_is_no_credit_is_refused(session, organisation, now, nanos):
    with pytest.raises(Invalid):
        give(session, organisation, nanos, now)


def test_credit_that_has_expired_is_refused(session, organisation, now):
    with pytest.raises(Invalid):
        give(session, organisation, 1, now, expires_at=now)


def test_b11_what_is_taken_back_is_an_entry_of_its_own(session, engine, organisation, now):
    give(session, organisation, 10, now)
    use(engine, organisation, 6)
    settle(session, organisation, now)
    before = session.exec(select(func.count()).select_from(JournalGroup)).one()
    session.execute(COUNTERS.update().where(COUNTERS.c.rule_id == key(organisation).rule_id).values(spent=2))
    session.commit()

    assert settle(session, organisation, now) == -4
    assert used(session) == {"r1": 2}
    assert session.exec(select(func.count()).select_from(JournalGroup)).one() == before + 1
    holds(session, organisation)


def test_a_refund_takes_back_what_is_left_once(session, engine, organisation, now):
    grant = give(session, organisation, 10, now)
    use(engine, organisation, 6)

    def back():
        taken = wallet.take_back(session, grant=grant, nanos=10, reference="re_1", words="Refunded", now=now)
        session.commit()
        return taken

    assert (back(), back()) == (4, 0)
    assert use(engine, organisation, 1) == 0
    holds(session, organisation)


def test_what_calls_under_way_may_use_expires_when_they_have_ended(session, engine, organisation, now):
    later = now + timedelta(days=1)
    give(session, organisation, 10, now, expires_at=later)
    gateway = Simulated(engine)
    gateway.admit(key(organisation), [3, 3])

    assert expire(session, organisation, later) == 4
    holds(session, organisation)
    gateway.answer(gateway.in_flight[0])
    gateway.reap()
    assert expire(session, organisation, later) == 3
    assert used(session) == {"r1": 3}
    holds(session, organisation)


def test_b20_a_change_of_plan_leaves_everybodys_credit(session, make, engine, now):
    apply(session, PREPAID, now=now)
    mine, theirs = make.organisation("Mine"), make.organisation("Theirs")
    for organisation in (mine, theirs):
        give(session, organisation, 10, now, reference=organisation.name)
        change(session, organisation, "prepaid", now)
    use(engine, mine, 4)

    change(session, mine, "payg", now + timedelta(days=1))
    assert [rule.organisation_id for rule in wallet_rules(session)] == [theirs.id]
    apply(session, PREPAID.replace('"0.01"', '"0.02"', 1), now=now + timedelta(days=1))
    change(session, mine, "prepaid", now + timedelta(days=2))

    assert {rule.most for rule in wallet_rules(session)} == {10}
    assert use(engine, theirs, 10) == 1
    assert use(engine, mine, 7, 6) == 1
    holds(session, mine)


@pytest.mark.parametrize(("cost", "taken"), [(4, 4), (14, 10)])
def test_calls_between_a_plan_and_its_limits_are_taken_from_credit(session, make, now, cost, taken):
    apply(session, PREPAID, now=now)
    organisation = make.organisation()
    give(session, organisation, 10, now)
    make.call(make.key(organisation), make.integration(), at=now - timedelta(seconds=1), amount_nanos=100)
    plans.change(session, organisation=organisation, choice=choice(session, "prepaid", now=now), now=now)
    make.call(make.key(organisation), make.integration("other"), at=now, amount_nanos=cost)

    entitlements.apply(session, organisation=organisation, now=now + timedelta(seconds=5))
    session.delete(wallet_rules(session)[0])
    entitlements.apply(session, organisation=organisation, now=now + timedelta(seconds=6))

    found = counter(session, organisation)
    assert (found.spent, found.before) == (taken, taken)


def change(session, organisation, slug, now):
    plans.change(session, organisation=organisation, choice=choice(session, slug, now=now), now=now)
    entitlements.apply(session, organisation=organisation, now=now)
    session.commit()


def wallet_rules(session):
    session.expire_all()
    return session.exec(select(LimitRule).where(LimitRule.set_by == "wallet")).all()


def test_b21_a_grant_that_ends_when_another_begins_is_not_counted_twice(session, engine, organisation, now):
    at = now + timedelta(days=1)
    give(session, organisation, 10, now, "old", expires_at=at)

    assert expire(session, organisation, at - timedelta(microseconds=1)) == 0
    give(session, organisation, 10, at, "new", expires_at=at + timedelta(days=1))
    assert expire(session, organisation, at) == 10

    assert use(engine, organisation, 6, 6) == 1
    settle(session, organisation, at)
    assert used(session) == {"old": 0, "new": 6}


def test_b12_many_at_once_never_spend_the_same_credit_twice(session, engine, organisation, now):
    soon = now + timedelta(minutes=1)
    give(session, organisation, 100, now, "first")
    give(session, organisation, 50, now, "soon over", expires_at=soon)
    admitted, problems = [], []

    def work(number):
        try:
            admitted.append(use(engine, organisation, *[7] * 4))
            with Session(engine) as own:
                mine = own.get_one(Organisation, organisation.id)
                give(own, mine, 10, now, reference="the same for all")
                expire(own, mine, soon)
                settle(own, mine, soon)
            admitted.append(use(engine, organisation, *[7] * 2))
        except (PosternError, SQLAlchemyError) as problem:
            problems.append(problem)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    expire(session, organisation, soon)

    assert problems == []
    holds(session, organisation)
    found = counter(session, organisation)
    assert (found.spent, found.reserved) == (sum(admitted) * 7, 0)
    assert sum(used(session).values()) == found.spent


def test_i8_the_journal_only_grows(session, engine, organisation, now):
    give(session, organisation, 10, now)

    for statement in (
        "UPDATE journal_entry SET nanos = 1",
        "DELETE FROM journal_entry",
        "UPDATE journal_group SET words = ''",
        "DELETE FROM journal_group",
    ):
        with engine.connect() as connection, pytest.raises(DBAPIError, match="is append-only"):
            connection.execute(text(statement))


steps = st.lists(
    st.one_of(
        st.tuples(st.just("give"), st.integers(1, 20), st.integers(0, 3), st.integers(0, 2)),
        st.tuples(st.just("use"), st.lists(st.integers(1, 9), min_size=1, max_size=4)),
        st.tuples(st.just("hold"), st.integers(1, 9)),
        st.tuples(st.just("wait"), st.integers(1, 2)),
        st.tuples(st.just("refund"), st.integers(0, 5), st.integers(1, 9)),
    ),
    max_size=12,
)


def test_i7_whatever_happens_all_credit_is_accounted_for(engine):
    """Used, expired, voided or left; and never below 0."""

    @hypothesis.settings(max_examples=12, deadline=None, database=None)
    @hypothesis.given(steps=steps)
    def run(steps):
        with Session(engine) as session:
            for table in (LEASES, COUNTERS):
                session.execute(table.delete())
            organisation = Factory(session, NOW).organisation()
            prepaid.follow(session, organisation.id, currency="usd", now=NOW)
            session.commit()
            play(session, engine, organisation, steps)

    run()


def play(session, engine, organisation, steps):
    now, grants = NOW, []
    gateway = Simulated(engine)
    for number, (what, *values) in enumerate(steps):
        if what == "give":
            nanos, days, priority = values
            ends_at = now + timedelta(days=days) if days else None
            reference = f"{organisation.id} {number}"
            grants.append(give(session, organisation, nanos, now, reference, expires_at=ends_at, priority=priority))
        elif what == "use":
            use(engine, organisation, *values[0])
        elif what == "hold":
            gateway.admit(key(organisation), values)
        elif what == "wait":
            now += timedelta(days=values[0])
            expire(session, organisation, now)
        elif grants:
            grant = grants[values[0] % len(grants)]
            wallet.take_back(session, grant=grant, nanos=values[1], reference=f"{grant.id} {number}", words="", now=now)
            session.commit()
        settle(session, organisation, now)
        holds(session, organisation)
    gateway.reap()
