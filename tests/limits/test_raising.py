"""More than the plan allows, for one organisation, until a day."""

from datetime import timedelta

import pytest
from sqlmodel import select

from app.core.audit import AuditEntry
from app.core.errors import Conflict, Invalid
from app.limits import entitlements, raises, raising
from app.limits.models import LimitRule
from app.plans import services as plans
from app.plans import succession
from tests.plans.catalogues import apply, choice


@pytest.fixture
def organisation(session, make, now):
    apply(session, now=now)
    organisation = make.organisation()
    succession.enrol(session, now=now)
    entitlements.apply(session, organisation=organisation, now=now)
    return organisation


def give(session, organisation, now, **changes):
    wanted = {"measure": "calls", "period": "month", "most": 5_000, "reason": "A launch."}
    wanted["ends_at"] = now + timedelta(days=7)
    return raising.give(session, organisation=organisation, person_id=None, now=now, **(wanted | changes))


def most(session, measure="calls", period="month"):
    found = session.exec(select(LimitRule).where(LimitRule.measure == measure, LimitRule.period == period))
    return [rule.most for rule in found]


def test_it_holds_until_its_day_and_then_the_plan_does_again(session, organisation, now):
    rule = session.exec(select(LimitRule).where(LimitRule.measure == "calls", LimitRule.period == "month")).one()

    given = give(session, organisation, now)

    assert most(session) == [5_000]
    assert raising.end_due(session, now=now + timedelta(days=6, hours=23)) == 0
    assert raising.end_due(session, now=given.ends_at) == 1
    assert most(session) == [1_000]
    assert session.exec(select(LimitRule.id).where(LimitRule.id == rule.id)).one() == rule.id, "used of it stays used"
    assert raising.end_due(session, now=given.ends_at) == 0


def test_another_plan_keeps_the_larger_of_the_two(session, organisation, now):
    give(session, organisation, now, period="minute", most=300)
    assert most(session, period="minute") == [300]

    plans.change(session, organisation=organisation, choice=choice(session, "payg", now=now), now=now)
    entitlements.apply(session, organisation=organisation, now=now)

    assert most(session, period="minute") == [600]


def test_a_second_for_the_same_takes_the_place_of_the_first(session, organisation, now):
    give(session, organisation, now, most=9_000)
    give(session, organisation, now, most=2_000)

    assert most(session) == [2_000]
    assert len(raises.in_force(session, organisation.id, at=now)) == 1


def test_it_can_be_ended_before_its_day_once(session, organisation, now):
    given = give(session, organisation, now)

    raising.end(session, given=given, person_id=None, now=now)

    assert most(session) == [1_000]
    with pytest.raises(Conflict):
        raising.end(session, given=given, person_id=None, now=now)


def test_the_organisation_reads_what_why_and_until_when(session, organisation, now):
    give(session, organisation, now)

    entry = session.exec(select(AuditEntry).where(AuditEntry.action == "limit.raised")).one()
    assert entry.organisation_id == organisation.id
    assert entry.details["limit"] == "calls 5000/month"
    assert entry.details["was"] == "calls 1000/month"
    assert entry.details["why"] == "A launch."


@pytest.mark.parametrize(
    "changes",
    [
        {"most": 1_000},
        {"most": 10**16},
        {"reason": "  "},
        {"reason": "x" * 301},
        {"period": "hour"},
        {"measure": "spend", "most": 10**12},
        {"ends_at": None},
    ],
)
def test_what_is_no_raise_is_refused(session, organisation, now, changes):
    if changes.get("ends_at", now) is None:
        changes = {"ends_at": now}

    with pytest.raises(Invalid):
        give(session, organisation, now, **changes)
